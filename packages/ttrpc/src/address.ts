import type { NetConnectOpts } from 'node:net';

/** Where a service listens or is called. */
export type Address =
  | { readonly kind: 'unix' /** File, or an abstract name with a leading NUL. */; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** Longest path of a unix socket on Linux (`sun_path` less its end). */
const MAX_SOCKET_PATH = 107;

/**
 * Reads `unix:///abs/path.sock`, `unix://@abstract`, `tcp://127.0.0.1:1234`.
 *
 * @throws RangeError for everything else; Node cannot open vsock sockets, so `vsock://` says so
 */
export function parseAddress(text: string): Address {
  const unix = /^unix:\/\/(.+)$/.exec(text)?.[1];
  if (unix !== undefined) return unixAddress(text, unix);
  const tcp = /^tcp:\/\/(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})$/.exec(text);
  const [, host = '', digits = ''] = tcp ?? [];
  const port = Number(digits);
  if (tcp !== null && port <= 65_535 && host.split('.').every((part) => Number(part) <= 255)) {
    return { kind: 'tcp', host, port };
  }
  if (text.startsWith('vsock://')) {
    throw new RangeError(`${text}: Node.js cannot open vsock sockets; put a proxy such as socat before a unix socket`);
  }
  throw new RangeError(`${text}: not an address; unix:///path, unix://@name and tcp://IPV4:PORT are`);
}

function unixAddress(text: string, name: string): Address {
  if (name.includes('\0')) throw new RangeError('a socket name holds a NUL');
  const path = name.startsWith('@') ? `\0${name.slice(1)}` : name;
  if (!name.startsWith('@') && !name.startsWith('/')) throw new RangeError(`${text}: the path of a socket is absolute`);
  if (path.length < 2) throw new RangeError(`${text}: names no socket`);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH)
    throw new RangeError(`${text}: longer than the ${MAX_SOCKET_PATH} bytes that a socket's path may have`);
  return { kind: 'unix', path };
}

/** The address as Node connects to it or listens on it. */
export function netOptions(address: Address): NetConnectOpts & { path?: string; host?: string; port?: number } {
  return address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
}
