/** Stands between a client and a server of gRPC, and writes down what the client sends. */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';

export interface RelayedCall {
  readonly headers: IncomingHttpHeaders;
  /** With the five bytes that gRPC puts before a message. */
  readonly body: Buffer;
}

export interface GrpcRelay {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** Calls as they came, in order. */
  readonly calls: readonly RelayedCall[];
  close(): Promise<void>;
}

/** @param to `HOST:PORT`, without TLS */
export async function startGrpcRelay(to: string): Promise<GrpcRelay> {
  const calls: RelayedCall[] = [];
  const sessions = new Set<{ close(): void }>();
  const server = createServer();
  server.on('session', (session) => {
    const upstream = connect(`http://${to}`);
    upstream.on('error', () => session.destroy());
    sessions.add(session).add(upstream);
    session.on('close', () => upstream.close());
    session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      relay(upstream, stream, headers, (body) => calls.push({ headers, body }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: async () => {
      for (const session of sessions) session.close();
      server.close();
      await once(server, 'close');
    },
  };
}

function relay(
  upstream: ClientHttp2Session,
  stream: ServerHttp2Stream,
  { ':authority': _, ':scheme': __, ...headers }: IncomingHttpHeaders,
  heard: (body: Buffer) => void,
): void {
  const onward = upstream.request(headers);
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    onward.write(chunk);
  });
  stream.on('end', () => {
    heard(Buffer.concat(chunks));
    onward.end();
  });
  let trailers: IncomingHttpHeaders = {};
  onward.on('trailers', (last) => {
    trailers = last;
  });
  // An answer that is nothing but a status has it in its first and only headers.
  onward.on('response', (first) => {
    if (first['grpc-status'] !== undefined) return stream.respond(first, { endStream: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.respond(first, { waitForTrailers: true });
    onward.on('data', (chunk: Buffer) => stream.write(chunk)).on('end', () => stream.end());
  });
  for (const [one, other] of [
    [stream, onward],
    [onward, stream],
  ] as const)
    one.on('error', () => other.destroy());
}
