import { TpmError } from '../tpm-error.js';
import { openDevice } from './device.js';
import { openStream } from './stream.js';
import type { TpmTransport } from './transport.js';

/**
 * Opens a TPM by its address: `/dev/tpmrm0` (any path), `device:PATH`, `tcp:HOST:PORT`, `unix:PATH`.
 *
 * @param timeoutMs for each command; default three minutes
 * @throws TpmError `transport`
 */
export async function openTransport(address: string, timeoutMs?: number): Promise<TpmTransport> {
  if (address.startsWith('/')) return openDevice(address, timeoutMs);
  const [, scheme, rest = ''] = /^(device|tcp|unix):(.+)$/s.exec(address) ?? [];
  switch (scheme) {
    case 'device':
      return openDevice(rest, timeoutMs);
    case 'unix':
      return openStream({ path: rest }, address, timeoutMs);
    case 'tcp': {
      const { host, port } = hostAndPort(rest, address);
      return openStream({ host, port }, address, timeoutMs);
    }
    default:
      throw malformed(address);
  }
}

function hostAndPort(text: string, address: string): { readonly host: string; readonly port: number } {
  const [, v6, plain, digits = ''] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65535) throw malformed(address);
  return { host, port };
}

function malformed(address: string): TpmError {
  return new TpmError(
    'transport',
    `\`${address.slice(0, 100)}\` is not the address of a TPM`,
    'Give a device (`/dev/tpmrm0`), `tcp:HOST:PORT` or `unix:PATH`.',
  );
}
