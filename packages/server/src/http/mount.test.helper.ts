import { connect, type Socket } from 'node:net';
import { assayError } from '@assay/bytes/findings';
import type { AdminGuard, AdminPrincipal } from '@assay/kbs';
import { defaultSettings } from '../config/load.js';
import type { Settings } from '../config/schema.js';
import { createLogger } from '../logging.js';
import { createMetrics } from '../metrics/metrics.js';
import { type Call, json, param, type Route } from '../routes/route.js';
import { type MountOptions, mountRoutes } from './mount.js';

/** Everything a handler is given, as JSON: what tests compare. */
export function seen(call: Call): object {
  const { method, params, query, uri, session, authorization, caller, principal } = call;
  return {
    method,
    params,
    query,
    uri,
    session,
    authorization,
    caller,
    principal,
    body: Buffer.from(call.body).toString(),
  };
}

const common = { tag: 'operations', summary: 'for a test', responses: { 200: { description: 'ok' } } } as const;
const echo = async (call: Call) => json(seen(call));

export const testRoutes: readonly Route[] = [
  {
    ...common,
    id: 't.public',
    methods: ['GET'],
    path: '/api/v1/public',
    access: 'public',
    errors: 'problem',
    handle: echo,
  },
  {
    ...common,
    id: 't.thing',
    methods: ['GET', 'PUT'],
    path: '/api/v1/things/{id}',
    access: 'public',
    errors: 'problem',
    handle: echo,
  },
  {
    ...common,
    id: 't.admin',
    methods: ['PUT'],
    path: '/api/v1/admin/{id}',
    access: 'admin',
    errors: 'problem',
    handle: echo,
  },
  {
    ...common,
    id: 't.small',
    methods: ['POST'],
    path: '/api/v1/small',
    access: 'public',
    errors: 'problem',
    bodyLimit: 10,
    handle: echo,
  },
  { ...common, id: 't.kbs', methods: ['POST'], path: '/kbs/v0/auth', access: 'session', errors: 'kbs', handle: echo },
  {
    ...common,
    id: 't.rest',
    methods: ['GET', 'POST'],
    path: '/kbs/v0/{path*}',
    access: 'plugin',
    errors: 'kbs',
    handle: echo,
  },
  { ...common, id: 't.text', methods: ['POST'], path: '/attestation', access: 'public', errors: 'text', handle: echo },
  {
    ...common,
    id: 't.fail',
    methods: ['POST'],
    path: '/api/v1/fail/{how}',
    access: 'public',
    errors: 'problem',
    handle: async (call) => fail(param(call, 'how')),
  },
  {
    ...common,
    id: 't.kbs-fail',
    methods: ['POST'],
    path: '/kbs/v0/fail/{how}',
    access: 'public',
    errors: 'kbs',
    handle: async (call) => fail(param(call, 'how')),
  },
  {
    ...common,
    id: 't.text-fail',
    methods: ['POST'],
    path: '/policy/{how}',
    access: 'public',
    errors: 'text',
    handle: async (call) => fail(param(call, 'how')),
  },
];

function fail(how: string): never {
  switch (how) {
    case 'outage':
      throw assayError('storage.backend.answers', {
        params: { backend: 'postgres', address: 'db.internal:5432', reason: 'refused' },
      });
    case 'unknown':
      throw assayError('audit.attempt.known', { params: { attempt: 'x' }, details: { attempt: 'an-attempt' } });
    case 'text':
      // What is thrown need not be an Error.
      throw 'a text with a secret';
    default:
      throw new Error('a defect with a secret');
  }
}

export interface TestFace {
  readonly port: number;
  readonly url: string;
  readonly log: string[];
  readonly metrics: () => Promise<string>;
  close(): Promise<void>;
}

export async function startFace(
  http: Partial<Settings['http']> = {},
  more: Partial<Pick<MountOptions, 'admin' | 'tls'>> = {},
  routes: readonly Route[] = testRoutes,
): Promise<TestFace> {
  const log: string[] = [];
  const metrics = createMetrics({ version: '0' });
  const app = await mountRoutes(routes, {
    http: { ...defaultSettings().http, ...http },
    metrics: metrics.http,
    logger: createLogger({ level: 'debug' }, {
      write: (line: string) => log.push(line),
    } as unknown as NodeJS.WritableStream),
    ...more,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as { port: number };
  return {
    port,
    url: `${more.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    log,
    metrics: metrics.text,
    close: async () => {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

/** Lets one token through. */
export const guard: AdminGuard = {
  mode: 'AuthenticatedAuthorization',
  authorize: async ({ authorization, method, uri }) => {
    if (authorization === 'Bearer right') return { subject: 'ana', role: 'admin' } as AdminPrincipal;
    throw assayError('admin.credential.present', { params: { method, path: uri } });
  },
};

/** Sends bytes as they are, and reads until the peer closes or is silent. */
export function raw(port: number, parts: readonly string[], waitMs = 400): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    let timer: NodeJS.Timeout | undefined;
    const socket: Socket = connect(port, '127.0.0.1', () => {
      for (const part of parts) socket.write(part, 'latin1');
      timer = setTimeout(done, waitMs);
    });
    const done = (): void => {
      socket.destroy();
      resolve(text);
    };
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      clearTimeout(timer);
      timer = setTimeout(done, waitMs);
    });
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? resolve(text) : reject(error),
    );
  });
}
