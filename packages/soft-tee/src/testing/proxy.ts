import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface TestProxyOptions {
  /** `user:password` that is wanted. */
  readonly credentials?: string;
  /** Serves over TLS. PEM. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Host names that only the proxy can resolve, with the addresses behind them. */
  readonly names?: Readonly<Record<string, string>>;
  /** `silent` takes the question and says nothing; `refusing` answers 502; `chatty` sends bytes along with the answer. */
  readonly mode?: 'silent' | 'refusing' | 'chatty';
}

export interface TestProxy {
  readonly host: string;
  /** What was asked for, in order: `CONNECT host:port`, `GET http://…`. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/** A small real proxy on the loopback interface: CONNECT, and plain requests for a whole URL. */
export async function startTestProxy(options: TestProxyOptions = {}): Promise<TestProxy> {
  const asked: string[] = [];
  const open = new Set<Duplex>();
  const wanted = options.credentials;
  const allowed = (incoming: IncomingMessage): boolean =>
    wanted === undefined ||
    incoming.headers['proxy-authorization'] === `Basic ${Buffer.from(wanted).toString('base64')}`;
  const addressOf = (name: string): string => options.names?.[name] ?? name;

  const server: Server =
    options.tls === undefined ? createServer() : (createSecureServer(options.tls) as unknown as Server);
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('connect', (incoming, socket) => {
    asked.push(`CONNECT ${incoming.url ?? ''}`);
    socket.on('error', () => socket.destroy());
    if (options.mode === 'silent') return;
    if (!allowed(incoming)) return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    if (options.mode === 'refusing') return void socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(incoming.url ?? '') ?? [];
    const target = connect(Number(port), addressOf(host), () => {
      socket.write(`HTTP/1.1 200 Connection established\r\n\r\n${options.mode === 'chatty' ? 'more' : ''}`);
      socket.pipe(target).pipe(socket);
    });
    open.add(target);
    target.on('error', () => socket.destroy());
    target.once('close', () => socket.destroy());
  });
  server.on('request', (incoming, outgoing) => {
    asked.push(`${incoming.method ?? ''} ${incoming.url ?? ''}`);
    if (!allowed(incoming)) return void outgoing.writeHead(407).end();
    const url = new URL(incoming.url ?? '');
    const { 'proxy-authorization': _credentials, ...headers } = incoming.headers;
    const to = { host: addressOf(url.hostname), port: url.port, path: url.pathname + url.search, headers };
    request({ ...to, method: incoming.method ?? 'GET' }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}
