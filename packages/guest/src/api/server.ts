import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type ApiOptions, answerApi } from './router.js';

/** Default address of the REST interface. */
export const API_ADDRESS = '127.0.0.1:8006';

export interface ApiServer {
  /** `host:port` that is listened on. */
  readonly address: string;
  close(): Promise<void>;
}

const LARGEST_BODY = 1024 * 1024;
/** Above the 50 s that the services behind have. */
const REQUEST_MS = 60_000;

/**
 * Serves the REST interface to the guest's own containers, which share its loopback interface. Others are refused, whatever the
 * address is: requests carry no credential.
 *
 * @param address `HOST:PORT`
 * @throws RangeError for an address that is none
 */
export async function serveApi(address: string, options: ApiOptions): Promise<ApiServer> {
  const [, bracketed, plain, digits = ''] = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(digits) > 65_535) throw new RangeError(`${address}: an address is HOST:PORT`);
  const server = createServer({ requestTimeout: REQUEST_MS, maxHeaderSize: 16 * 1024 }, (request, response) => {
    void answer(request, response, options);
  });
  server.maxConnections = 256;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(digits), host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    address: `${bracketed === undefined ? host : `[${host}]`}:${portOf(server)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 5000).unref();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: ApiOptions): Promise<void> {
  if (!isLoopback(request.socket.remoteAddress ?? '')) {
    respond(response, 403, 'text/plain; charset=utf-8', Buffer.from('Forbidden'));
    return;
  }
  const body = await read(request);
  if (body === undefined) {
    respond(response, 413, 'text/plain; charset=utf-8', Buffer.from('Payload Too Large'));
    return;
  }
  const {
    status,
    contentType,
    body: bytes,
  } = await answerApi({ method: request.method ?? '', target: request.url ?? '', body }, options);
  respond(response, status, contentType, bytes);
}

/** Also in the form that an IPv6 socket gives IPv4 addresses. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(address);
}

async function read(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LARGEST_BODY) return undefined;
      chunks.push(chunk);
    }
  } catch {
    // The caller went away in the middle of its request: nobody hears an answer.
    return new Uint8Array();
  }
  return Buffer.concat(chunks);
}

function respond(response: ServerResponse, status: number, contentType: string, body: Uint8Array): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': body.length,
    'cache-control': 'no-store',
  });
  response.end(body);
}

function portOf(server: Server): number {
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}
