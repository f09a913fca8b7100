import { type FileHandle, open } from 'node:fs/promises';
import { LARGEST_MESSAGE } from '../constants.js';
import { TpmError } from '../tpm-error.js';
import { DEFAULT_TIMEOUT_MS, type TpmTransport } from './transport.js';

/**
 * The kernel's character device: one write is one command, one read its response. `/dev/tpmrm0` shares the TPM's room
 * between programs (and flushes what a program leaves behind), `/dev/tpm0` does not.
 *
 * @throws TpmError `transport`
 */
export async function openDevice(path: string, timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<TpmTransport> {
  let file: FileHandle;
  try {
    file = await open(path, 'r+');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw new TpmError('transport', `${path} cannot be opened (${code})`, remedyOf(code), { cause: error });
  }
  return {
    name: path,
    transmit: (command) => inTime(path, timeoutMs, exchange(file, path, command)),
    close: () => file.close(),
  };
}

async function exchange(file: FileHandle, path: string, command: Uint8Array): Promise<Uint8Array> {
  try {
    // No position: a character device has none.
    const { bytesWritten } = await file.write(command, 0, command.length, null);
    if (bytesWritten !== command.length) {
      throw new TpmError('transport', `${path} took ${bytesWritten} of ${command.length} bytes`, 'Update the kernel.');
    }
    const buffer = new Uint8Array(LARGEST_MESSAGE);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (error instanceof TpmError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw new TpmError('transport', `${path} does not answer (${code})`, remedyOf(code), { cause: error });
  }
}

async function inTime<T>(path: string, timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new TpmError('transport', `${path} did not answer in ${timeoutMs} ms`, 'Restart the machine.')),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // Whatever comes of a command that was given up is nobody's concern.
    work.catch(() => undefined);
  }
}

function remedyOf(code: string): string {
  switch (code) {
    case 'ENOENT':
    case 'ENODEV':
    case 'ENXIO':
      return 'Switch the TPM on in the firmware’s settings and load its driver, or name another device.';
    case 'EACCES':
    case 'EPERM':
      return 'Run as root, or as a member of the group that may use the device (`tss` on most systems).';
    case 'EBUSY':
      return 'Another program holds the device: use /dev/tpmrm0, which programs can share.';
    default:
      return 'Look at the kernel’s messages: `dmesg | grep -i tpm`.';
  }
}
