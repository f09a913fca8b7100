import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readBounded } from '@assay/bytes';

/** A route's answer before anything is done to it. */
export interface ServiceAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What shall go wrong on a route. */
export type ServiceFailure =
  /** The answer comes late. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Another status, with `Retry-After` where it is given (429, 503). */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: number | string }
  /** The connection ends in the middle of the body. */
  | { readonly kind: 'truncated' }
  /** The connection ends before any answer. */
  | { readonly kind: 'reset' }
  /** The answer, changed. */
  | { readonly kind: 'answer'; readonly change: (answer: ServiceAnswer) => ServiceAnswer };

interface Order {
  readonly failure: ServiceFailure;
  left: number;
}

/** One route: the path without query, as the vendor names it. */
export interface ServiceRoute {
  readonly name: string;
  readonly pattern: RegExp;
  /** Default GET. */
  readonly method?: 'GET' | 'POST';
  answer(match: RegExpExecArray, query: URLSearchParams, body: Uint8Array): ServiceAnswer | Promise<ServiceAnswer>;
}

/** A running emulated service. */
export interface EmulatedService {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Requests so far, all or of one route. */
  requests(route?: string): number;
  /** Paths with queries in the order they came. */
  readonly log: readonly string[];
  /** Makes a route (`*`: all) fail the next `times` times, or until {@link restore}. */
  order(route: string, failure: ServiceFailure, times?: number): void;
  restore(): void;
  close(): Promise<void>;
}

export interface ServiceOptions {
  /** Default: any free port. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
}

/** Serves routes over plain HTTP on the loopback interface, with failures to order. */
export async function startService(
  routes: readonly ServiceRoute[],
  options: ServiceOptions = {},
): Promise<EmulatedService> {
  const orders = new Map<string, Order[]>();
  const counts = new Map<string, number>();
  const log: string[] = [];

  const nextFailure = (name: string): ServiceFailure | undefined => {
    for (const key of [name, '*']) {
      const order = orders.get(key)?.find(({ left }) => left > 0);
      if (order === undefined) continue;
      order.left -= 1;
      return order.failure;
    }
    return undefined;
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://emulated');
    log.push(url.pathname + url.search);
    const found = findRoute(routes, url.pathname);
    const name = found?.route.name ?? 'unknown';
    counts.set(name, (counts.get(name) ?? 0) + 1);
    const method = found?.route.method ?? 'GET';
    if (request.method !== method) return send(response, text(405, `${method} only`));
    const body = method === 'POST' ? await readBounded(request, LARGEST_BODY, 'a body') : new Uint8Array(0);
    const answer =
      found === undefined ? text(404, 'not found') : await found.route.answer(found.match, url.searchParams, body);
    await sendWith(nextFailure(name), answer, response);
  };

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else send(response, text(500, error instanceof Error ? error.message : 'defect'));
    });
  });
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host ?? '127.0.0.1'}:${port}`,
    log,
    requests: (route) => (route === undefined ? log.length : (counts.get(route) ?? 0)),
    order: (route, failure, times = Number.POSITIVE_INFINITY) => {
      orders.set(route, [...(orders.get(route) ?? []), { failure, left: times }]);
    },
    restore: () => orders.clear(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Questions of guests and verifiers are small. */
const LARGEST_BODY = 16 * 1024 * 1024;

/** A plain-text answer. */
export function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): ServiceAnswer {
  return { status, headers: { 'content-type': 'text/plain', ...headers }, body: Buffer.from(body) };
}

function findRoute(
  routes: readonly ServiceRoute[],
  path: string,
): { route: ServiceRoute; match: RegExpExecArray } | undefined {
  for (const route of routes) {
    const match = route.pattern.exec(path);
    if (match !== null) return { route, match };
  }
  return undefined;
}

async function sendWith(
  failure: ServiceFailure | undefined,
  answer: ServiceAnswer,
  response: ServerResponse,
): Promise<void> {
  switch (failure?.kind) {
    case undefined:
      return send(response, answer);
    case 'slow': {
      const ended = await pause(failure.ms, response);
      return ended ? undefined : send(response, answer);
    }
    case 'status': {
      const after = failure.retryAfter === undefined ? {} : { 'retry-after': String(failure.retryAfter) };
      return send(response, text(failure.status, `ordered ${failure.status}`, after));
    }
    case 'truncated':
      response.writeHead(answer.status, { ...answer.headers, 'content-length': String(answer.body.length) });
      response.write(answer.body.subarray(0, Math.floor(answer.body.length / 2)), () => response.destroy());
      return;
    case 'reset':
      response.destroy();
      return;
    case 'answer':
      return send(response, failure.change(answer));
  }
}

function send(response: ServerResponse, answer: ServiceAnswer): void {
  response.writeHead(answer.status, { ...answer.headers, 'content-length': String(answer.body.length) });
  response.end(answer.body);
}

/** Waits; true when the client has gone meanwhile. */
function pause(ms: number, response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    response.once('close', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

function listen(server: Server, { port = 0, host = '127.0.0.1' }: ServiceOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
