import { concatBytes, encodeHex, encodeUtf8 } from '@assay/bytes';
import { MountError } from './mount-error.js';
import type { BlockDeviceOptions } from './options.js';
import type { RunProgram } from './run-program.js';

/** Mounts an encrypted ZFS data set: a pool on the device, made first where it is `empty`. @throws MountError */
export async function mountZfs(
  device: string,
  key: Uint8Array,
  mountPoint: string,
  { pool, dataset, sourceType }: BlockDeviceOptions,
  run: RunProgram,
): Promise<void> {
  const name = `${pool}/${dataset}`;
  const passphrase = passphraseOf(key);
  if (sourceType === 'empty') {
    await run('zpool', ['create', '-f', pool, device]);
    // It is asked for twice.
    await run(
      'zfs',
      [
        ...['create', '-o', 'encryption=aes-256-gcm', '-o', 'keyformat=passphrase'],
        ...['-o', `mountpoint=${mountPoint}`, name],
      ],
      concatBytes(passphrase, passphrase),
    );
    return;
  }
  await run('zpool', ['import', '-f', '-d', device, pool]);
  await run('zfs', ['load-key', name], passphrase);
  await run('zfs', ['set', `mountpoint=${mountPoint}`, name]);
  await run('zfs', ['mount', name]).catch((error: unknown) => {
    // Setting the mount point mounts it where it was not.
    if (!(error instanceof MountError) || !/already mounted/.test(error.message)) throw error;
  });
}

/** A passphrase is one line of 8 to 512 characters: a key that is no such line goes in as hex. */
function passphraseOf(key: Uint8Array): Uint8Array {
  const isLine = key.length >= 8 && key.length <= 512 && key.every((byte) => byte >= 0x20 && byte <= 0x7e);
  const line = isLine ? key : encodeUtf8(encodeHex(key.subarray(0, 256)));
  return concatBytes(line, Uint8Array.of(0x0a));
}
