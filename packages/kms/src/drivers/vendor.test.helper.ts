import { rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { selfSigned } from '@assay/bytes/testing';
import { temporaryFolder } from '@assay/testkit';
import type { DriverOptions } from './options.js';
import { sendOverHttps } from './send.js';

export interface VendorRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface VendorAnswer {
  readonly status: number;
  readonly body: string | Uint8Array;
}

/** What a service does in place of answering: says something else, or nothing at all. */
export type Fault = VendorAnswer | 'silence' | 'flood';

/** A vendor's service on this machine, over TLS under its own names. */
export interface Vendor {
  readonly requests: VendorRequest[];
  /** Certificate of the service, which vouches for itself. */
  readonly certificate: string;
  /** The next requests meet these, one each. */
  readonly faults: Fault[];
  /** Options of a driver that finds it, with a folder of its own for credentials. */
  readonly options: DriverOptions;
  /** Puts a file of credentials there. */
  put(name: string, content: string | Uint8Array): string;
  close(): Promise<void>;
}

export interface VendorOptions {
  readonly names: readonly string[];
  readonly now: () => Date;
  readonly answer: (request: VendorRequest) => VendorAnswer;
  /** Whether drivers believe its certificate without being told so, as they do that of a public service. */
  readonly publiclyTrusted: boolean;
}

const IMPATIENCE_MS = 400;

export async function startVendor({ names, now, answer, publiclyTrusted }: VendorOptions): Promise<Vendor> {
  const { certificate, key } = selfSigned('emulated vendor', names);
  const requests: VendorRequest[] = [];
  const faults: Fault[] = [];
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const seen = {
        method,
        path: url,
        host: headers.host ?? '',
        headers: headers as Record<string, string>,
        body: Buffer.concat(chunks),
      };
      requests.push(seen);
      const fault = faults.shift();
      if (fault === 'silence') return;
      if (fault === 'flood') {
        flood(response);
        return;
      }
      const { status, body } = fault ?? answer(seen);
      response.writeHead(status).end(body);
    });
  };
  const tls = createServer({ cert: certificate, key }, handle);
  const plain = createHttpServer(handle);
  const [port, plainPort] = [await listening(tls), await listening(plain)];
  const folder = temporaryFolder('kms-');
  const real = sendOverHttps({
    timeoutMs: IMPATIENCE_MS,
    connect: (host) => ({ host: '127.0.0.1', port: host === '100.100.100.200' ? plainPort : port }),
  });
  const put = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  return {
    requests,
    certificate,
    faults,
    put,
    options: {
      folder,
      now,
      send: (request) =>
        real(publiclyTrusted && request.ca === undefined ? { ...request, ca: [certificate] } : request),
    },
    close: async () => {
      for (const server of [tls, plain]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function listening(server: Pick<Server, 'listen' | 'address'>): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

/** More than anybody reads. */
function flood(response: ServerResponse): void {
  response.writeHead(200);
  const piece = Buffer.alloc(256 * 1024, 0x20);
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
  };
  response.on('drain', more);
  response.on('error', () => undefined);
  more();
}
