import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { serveTtrpc } from '@assay/ttrpc';
import type { RpcService } from './service.js';

/** A face that listens. */
export interface RpcServer {
  readonly address: string;
  /** Answers calls under way, then closes; after a time they are cut. */
  close(): Promise<void>;
}

export interface ServeRpcOptions {
  readonly onDefect: (error: unknown) => void;
  /** Makes the folder of a unix socket. */
  readonly makeFolder?: boolean;
}

/** Largest message in either direction; the limit of upstream's stack. */
const LARGEST_MESSAGE = 4 * 1024 * 1024;
const CLOSE_WITHIN_MS = 5000;

/**
 * Serves over ttrpc at `unix://…`, over gRPC at `HOST:PORT` on this machine.
 *
 * @throws RangeError for any other address
 */
export async function serveRpc(
  address: string,
  services: readonly RpcService[],
  options: ServeRpcOptions,
): Promise<RpcServer> {
  if (address.startsWith('unix://')) return overTtrpc(address, services, options);
  if (/^(127(\.\d{1,3}){3}|localhost|\[::1\]):\d{1,5}$/.test(address)) return overGrpc(address, services);
  throw new RangeError(
    `${address}: not an address; unix:///path (ttrpc) and 127.0.0.1:PORT (gRPC, this machine only: it is not encrypted) are`,
  );
}

async function overTtrpc(
  address: string,
  services: readonly RpcService[],
  { onDefect, makeFolder }: ServeRpcOptions,
): Promise<RpcServer> {
  const path = address.slice('unix://'.length);
  if (makeFolder === true && path.startsWith('/')) await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const server = await serveTtrpc(address, { services: new Map(services.map(({ ttrpc }) => ttrpc)), onDefect });
  return {
    address: server.address,
    close: () => inTime(server.close(), () => server.cut()),
  };
}

async function overGrpc(address: string, services: readonly RpcService[]): Promise<RpcServer> {
  // Loaded only where gRPC is served: a Kata guest uses ttrpc, and starts faster without it.
  const { Server, ServerCredentials } = await import('@grpc/grpc-js');
  const server = new Server({
    'grpc.max_receive_message_length': LARGEST_MESSAGE,
    'grpc.max_send_message_length': LARGEST_MESSAGE,
  });
  for (const { grpc } of services) server.addService(grpc.definition, grpc.handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    address: address.replace(/\d+$/, String(port)),
    close: () => inTime(new Promise((resolve) => server.tryShutdown(() => resolve())), () => server.forceShutdown()),
  };
}

async function inTime(closing: Promise<void>, cut: () => void): Promise<void> {
  const timer = setTimeout(cut, CLOSE_WITHIN_MS);
  await closing;
  clearTimeout(timer);
}
