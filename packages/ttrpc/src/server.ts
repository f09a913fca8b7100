import { chmod, lstat, unlink } from 'node:fs/promises';
import { createConnection, createServer, type Server } from 'node:net';
import { type Address, netOptions, parseAddress } from './address.js';
import type { Metadata } from './envelope.js';
import { type ConnectionLimits, LEAST_BYTES, ServerConnection } from './server-connection.js';

/** What a handler knows of a call beside its request. */
export interface CallContext {
  readonly metadata: readonly Metadata[];
  /** Fires at the caller's deadline, and when the caller is gone. */
  readonly signal: AbortSignal;
}

/** Answers an encoded request with an encoded response. Errors other than `StatusError` are defects: callers learn nothing of them. */
export type Handler = (request: Uint8Array, context: CallContext) => Promise<Uint8Array>;

/** Methods of a service. `unserved`: declared, and not implemented here; peers tell that apart from a method they never heard of. */
export type MethodTable = ReadonlyMap<string, Handler | 'unserved'>;

export type ServiceTable = ReadonlyMap<string, MethodTable>;

export interface TtrpcServerOptions {
  /** Services by name (`<proto package>.<Service>`). */
  readonly services: ServiceTable;
  /** Default: 4096 calls and 64 MiB a connection, 30 s a frame. */
  readonly limits?: Partial<ConnectionLimits>;
  /** Connections at a time; more are closed at once. Default 256. */
  readonly maxConnections?: number;
  /** Permissions of a socket file. Default 0600: who may connect may ask for secrets. */
  readonly socketMode?: number;
  /** Hears of errors that are not answers. Default: nobody. */
  readonly onDefect?: (error: unknown) => void;
}

/** A server that listens. */
export interface TtrpcServer {
  /** As given; with port 0, the port that was taken. */
  readonly address: string;
  /** Takes no new calls, answers those under way, then closes. */
  close(): Promise<void>;
  /** Closes everything at once. */
  cut(): void;
}

/**
 * Serves unary calls. A socket file that nobody listens on any more is replaced.
 *
 * @param address `unix:///path`, `unix://@name` or `tcp://IPV4:PORT`
 * @throws RangeError for an address that is none; the system's error when it cannot be listened on
 */
export async function serveTtrpc(address: string, options: TtrpcServerOptions): Promise<TtrpcServer> {
  const where = parseAddress(address);
  const limits = limitsOf(options.limits);
  const connections = new Set<ServerConnection>();
  const server = createServer((socket) => {
    const connection = new ServerConnection(socket, options.services, limits, options.onDefect ?? (() => undefined));
    connections.add(connection);
    socket.on('close', () => connections.delete(connection));
  });
  server.maxConnections = options.maxConnections ?? 256;
  await removeStale(where);
  await listen(server, where);
  if (isFile(where)) await chmod(where.path, options.socketMode ?? 0o600);
  return {
    address: where.kind === 'tcp' ? `tcp://${where.host}:${portOf(server)}` : address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const connection of connections) connection.end();
      }),
    cut: () => {
      server.close();
      for (const connection of connections) connection.cut();
    },
  };
}

function limitsOf(asked: Partial<ConnectionLimits> = {}): ConnectionLimits {
  const limits = { maxCalls: 4096, maxBytes: 64 * 1024 * 1024, frameTimeoutMs: 30_000, ...asked };
  return { ...limits, maxBytes: Math.max(limits.maxBytes, LEAST_BYTES) };
}

function listen(server: Server, where: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(netOptions(where), () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Removes the socket of a process that ended without doing so. One that answers, or another kind of file, stays. */
async function removeStale(where: Address): Promise<void> {
  if (!isFile(where)) return;
  const found = await lstat(where.path).catch(() => undefined);
  if (found === undefined || !found.isSocket()) return;
  const alive = await new Promise<boolean>((resolve) => {
    const probe = createConnection({ path: where.path });
    probe.once('connect', () => resolve(true)).once('error', () => resolve(false));
    probe.once('connect', () => probe.destroy());
  });
  if (!alive) await unlink(where.path);
}

function isFile(where: Address): where is Extract<Address, { kind: 'unix' }> {
  return where.kind === 'unix' && !where.path.startsWith('\0');
}

function portOf(server: Server): number {
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}
