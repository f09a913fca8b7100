/** What PCR 9 will be, from the artifacts alone: no machine has to run before its owner knows. */
import { createHash } from 'node:crypto';

/**
 * PCR 9 (SHA-256) after OVMF has started a Linux EFI stub with an initrd: the load options and the initrd, which the stub
 * measures (Linux 5.17 and later). The firmware itself leaves this register alone.
 */
export function expectedPcr9(commandLine: string, initrd: Uint8Array): string {
  // QEMU's loader appends the name of the initrd; load options are UTF-16 with their NUL.
  const options = Buffer.from(`${commandLine} initrd=initrd\0`, 'utf16le');
  let pcr: Uint8Array = Buffer.alloc(32);
  for (const measured of [options, initrd]) {
    pcr = sha256(Buffer.concat([pcr, sha256(measured)]));
  }
  return Buffer.from(pcr).toString('hex');
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
