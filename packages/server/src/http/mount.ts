import { createSecureContext } from 'node:tls';
import { restFailure } from '@assay/attestation-service';
import { type AssayError, asAssayError, assayError } from '@assay/bytes/findings';
import { type AdminGuard, type AdminPrincipal, type KbsErrorAnswer, SESSION_COOKIE, toKbsError } from '@assay/kbs';
import fastifyRateLimit from '@fastify/rate-limit';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify';
import type { Settings } from '../config/schema.js';
import type { HttpMetrics } from '../metrics/metrics.js';
import type { Call, HttpMethod, Reply, Route } from '../routes/route.js';
import { readCookie } from './cookies.js';

/** What the HTTP face needs beside its routes. */
export interface MountOptions {
  readonly http: Settings['http'];
  /** PEM certificate chain and key; absent: plain HTTP. */
  readonly tls?: { readonly certificate: string; readonly privateKey: string };
  /** Lets administrators through; absent where no route asks for one. */
  readonly admin?: AdminGuard;
  readonly metrics: HttpMetrics;
  readonly logger: FastifyBaseLogger;
}

const noBody = new Uint8Array();

/** Makes an HTTP server out of a route table. One instance serves one address. */
export async function mountRoutes(routes: readonly Route[], options: MountOptions): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: options.logger,
    // One line per request is written below, with the route's template; the framework's two would repeat it with the path.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.http.body_limit,
    requestTimeout: options.http.request_timeout * 1000,
    connectionTimeout: options.http.request_timeout * 2000,
    keepAliveTimeout: 60_000,
    // A 404 for `/kbs/v0/resource//a` would hide that the path is repairable; the KBS splits the path itself.
    routerOptions: { ignoreDuplicateSlashes: false, maxParamLength: 4096 },
    // While draining, requests on kept-alive connections are still answered; new connections are refused by the closed socket.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    frameworkErrors: (error, request, reply) => sendError(options, errorsByPath(request.url), error, request, reply),
    ...serverOptions(options),
  });
  // Bodies stay bytes: each handler parses what it expects, strictly, and nothing is interpreted before the caller is let in.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error, request, reply) => sendError(options, errorsOf(request), error, request, reply));
  const methodsAt = methodsByPath(routes);
  app.setNotFoundHandler((request, reply) => {
    const methods = methodsAt(request.url);
    if (methods.length > 0) reply.header('allow', methods.join(', '));
    const status = methods.length > 0 ? 405 : 404;
    return sendError(options, errorsByPath(request.url), unknownPath(request), request, reply, status);
  });
  countRequests(app, options);
  if (options.http.rate_limit > 0) {
    await app.register(fastifyRateLimit, {
      global: false,
      max: options.http.rate_limit,
      timeWindow: '1 minute',
      errorResponseBuilder: (request, context) =>
        assayError('request.rate.limit', {
          params: { n: context.max + 1, interval: '1 minute', address: request.ip, limit: context.max },
        }),
    });
  }
  for (const route of routes) addRoute(app, route, options);
  return app;
}

function serverOptions(options: MountOptions): object {
  const requestTimeout = options.http.request_timeout * 1000;
  const shared = {
    maxHeaderSize: options.http.header_limit,
    // Both: Node takes the longer of the two for the whole request, and 60 s for headers where nothing is said.
    requestTimeout,
    headersTimeout: requestTimeout,
    // Node looks for late requests every 30 s by itself, and then lets them have up to twice their time.
    connectionsCheckingInterval: Math.min(5000, options.http.request_timeout * 250),
  };
  if (options.tls === undefined) return { http: shared };
  const { certificate: cert, privateKey: key } = options.tls;
  const tls = {
    cert,
    key,
    minVersion: `TLSv${options.http.tls_min_version}` as const,
    ...(options.http.tls_ciphers === undefined ? {} : { ciphers: options.http.tls_ciphers }),
    honorCipherOrder: true,
  };
  // Fails here, with OpenSSL's reason, rather than at the first handshake.
  createSecureContext(tls);
  return { https: { ...shared, ...tls } };
}

function addRoute(app: FastifyInstance, route: Route, options: MountOptions): void {
  const wildcard = /\{([a-z_]+)\*\}$/.exec(route.path)?.[1];
  app.route({
    method: [...route.methods],
    url: route.path.replace(/\{[a-z_]+\*\}$/, '*').replaceAll(/\{([a-z_]+)\}/g, ':$1'),
    // HEAD would reach handlers that release secrets without anybody having declared it.
    exposeHeadRoute: false,
    ...(route.bodyLimit === undefined ? {} : { bodyLimit: route.bodyLimit }),
    config: { route, ...(route.access === 'admin' || options.http.rate_limit === 0 ? {} : { rateLimit: {} }) },
    handler: async (request, reply) => {
      const call = toCall(request, wildcard);
      const principal = await authorise(route, call, options.admin);
      const answer = await route.handle(principal === undefined ? call : { ...call, principal });
      return send(answer, reply);
    },
  });
}

/** Default deny: every kind of access is named, and `admin` without a guard refuses. */
async function authorise(route: Route, call: Call, guard: AdminGuard | undefined): Promise<AdminPrincipal | undefined> {
  switch (route.access) {
    case 'public':
    case 'session':
    case 'plugin':
      return undefined;
    case 'admin':
      if (guard === undefined)
        throw assayError('admin.mode.open', { params: { mode: 'no admin guard', effect: 'nobody may administer' } });
      return await guard.authorize({
        method: call.method,
        uri: call.uri,
        authorization: call.authorization,
        caller: call.caller,
      });
  }
}

function toCall(request: FastifyRequest, wildcard: string | undefined): Call {
  const params = { ...(request.params as Record<string, string>) };
  if (wildcard !== undefined) {
    params[wildcard] = params['*'] ?? '';
    delete params['*'];
  }
  const userAgent = request.headers['user-agent'];
  return {
    method: request.method as HttpMethod,
    params,
    query: flatQuery(request.query),
    body: Buffer.isBuffer(request.body) ? request.body : noBody,
    uri: request.raw.url ?? request.url,
    session: readCookie(request.headers.cookie, SESSION_COOKIE),
    authorization: request.headers.authorization,
    caller: { address: request.ip, ...(userAgent === undefined ? {} : { userAgent: userAgent.slice(0, 200) }) },
    origin: `${request.protocol}://${request.host}`,
    principal: undefined,
  };
}

/** A repeated key keeps its last value, as upstream. */
function flatQuery(query: unknown): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries((query ?? {}) as Record<string, unknown>)) {
    const last: unknown = Array.isArray(value) ? value.at(-1) : value;
    if (typeof last === 'string') flat[name] = last;
  }
  return flat;
}

function send(answer: Reply, reply: FastifyReply): FastifyReply {
  reply.code(answer.status ?? 200);
  if (answer.contentType !== undefined) reply.header('content-type', answer.contentType);
  if (answer.attempt !== undefined) setAttempt(reply, answer.attempt);
  reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...answer.headers });
  // As bytes: to a JSON text the framework would add a charset, which JSON does not have (RFC 8259 section 11).
  return reply.send(answer.body === undefined ? undefined : Buffer.from(answer.body));
}

function setAttempt(reply: FastifyReply, attempt: string): void {
  reply.header('assay-attempt', attempt);
  reply.request.attempt = attempt;
}

// ── refusals ───────────────────────────────────────────────────────────────

function errorsOf(request: FastifyRequest): Route['errors'] {
  return request.routeOptions.config.route?.errors ?? errorsByPath(request.url);
}

function errorsByPath(url: string): Route['errors'] {
  if (url.startsWith('/kbs')) return 'kbs';
  return url.startsWith('/attestation') || url.startsWith('/policy') || url.startsWith('/challenge')
    ? 'text'
    : 'problem';
}

function unknownPath(request: FastifyRequest): AssayError {
  const path = request.url.split('?', 1)[0] ?? '';
  const plugin = pluginOf(path);
  return assayError('request.path.known', {
    params: { method: request.method, path },
    ...(plugin === undefined ? {} : { subject: plugin }),
  });
}

/** What stands where upstream's protocol has the name of a plug-in: the first segment after `/kbs/v0/`, or after `/kbs/`. */
function pluginOf(path: string): string | undefined {
  const [, face, first, second] = path.split('/');
  const name = face !== 'kbs' ? undefined : first === 'v0' ? second : first;
  return name === '' ? undefined : name?.slice(0, 40);
}

/** Methods of the routes that a path belongs to, for `Allow` (RFC 9110 section 15.5.6). */
function methodsByPath(routes: readonly Route[]): (url: string) => readonly HttpMethod[] {
  const paths = routes.map(({ path, methods }) => ({
    methods,
    pattern: new RegExp(
      `^${path
        .split(/(\{[a-z_]+\*?\})/)
        .map((part, i) =>
          i % 2 === 0 ? part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : part.endsWith('*}') ? '.*' : '[^/]+',
        )
        .join('')}$`,
    ),
  }));
  return (url) => {
    const path = url.split('?', 1)[0] ?? '';
    return [...new Set(paths.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods))];
  };
}

function sendError(
  options: MountOptions,
  form: Route['errors'],
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  /** In place of the error's own: what is not served, or not with this method. */
  unserved?: 404 | 405,
): FastifyReply {
  const error = asAssayError(fromFramework(thrown, options, request));
  const attempt = attemptOf(thrown);
  if (attempt !== undefined) setAttempt(reply, attempt);
  request.errorCode = error.code;
  if (error.httpStatus >= 500) request.log.error({ err: error, cause: error.cause, attempt }, 'request failed');
  reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  if (form === 'kbs') {
    const answer = toKbsError(error === thrown ? thrown : error, attempt === undefined ? {} : { attempt });
    return sendKbsError({ ...answer, status: unserved ?? answer.status }, reply);
  }
  if (error.retryAfter !== undefined && (error.httpStatus === 429 || error.httpStatus === 503))
    reply.header('retry-after', String(error.retryAfter));
  if (form === 'text') {
    const { status, body } = restFailure(error);
    return reply
      .code(unserved ?? status)
      .type('text/plain; charset=utf-8')
      .send(body);
  }
  const problem = error.toProblem(attempt);
  const status = unserved ?? error.httpStatus;
  return reply
    .code(status)
    .header('content-type', 'application/problem+json')
    .send(Buffer.from(JSON.stringify({ ...problem, status })));
}

function sendKbsError(answer: KbsErrorAnswer, reply: FastifyReply): FastifyReply {
  if (answer.retryAfter !== undefined) reply.header('retry-after', String(answer.retryAfter));
  if (answer.body.attempt !== undefined) setAttempt(reply, answer.body.attempt);
  return reply
    .code(answer.status)
    .header('content-type', 'application/json')
    .send(Buffer.from(JSON.stringify(answer.body)));
}

/** Errors of the framework in words of the register; anything else as it is. */
function fromFramework(thrown: unknown, options: MountOptions, request: FastifyRequest): unknown {
  const code = (thrown as { readonly code?: unknown } | null)?.code;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE': {
      const limit = request.routeOptions.bodyLimit ?? options.http.body_limit;
      const declared = Number(request.headers['content-length']);
      const actual = Number.isSafeInteger(declared) ? declared : `more than ${limit}`;
      return assayError('request.body.size', { params: { actual, limit }, cause: thrown });
    }
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_BAD_URL':
      return assayError('request.body.form', {
        params: {
          path: request.url.split('?', 1)[0] ?? '',
          member: code === 'FST_ERR_BAD_URL' ? 'path' : 'body',
          actual: 'not what its header says',
          expected: 'well-formed percent-encoding and a true Content-Length are wanted',
        },
        cause: thrown,
      });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return assayError('request.content.type', {
        params: {
          actual: `\`${(request.headers['content-type'] ?? '').slice(0, 40)}\``,
          expected: 'type/subtype, or no Content-Type at all',
        },
        cause: thrown,
      });
    default:
      return thrown;
  }
}

function attemptOf(thrown: unknown): string | undefined {
  const attempt = (thrown as { readonly details?: { readonly attempt?: unknown } } | null)?.details?.attempt;
  return typeof attempt === 'string' ? attempt : undefined;
}

// ── one line per request ───────────────────────────────────────────────────

function countRequests(app: FastifyInstance, options: MountOptions): void {
  app.decorateRequest('attempt', undefined);
  app.decorateRequest('errorCode', undefined);
  app.addHook('onRequest', async (_request, reply) => {
    options.metrics.requestStarted();
    // `close` comes exactly once, also for a client that goes away and never gets a response.
    reply.raw.once('close', () => options.metrics.requestClosed());
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.config.route;
    options.metrics.requestEnded({
      path: request.url,
      seconds: reply.elapsedTime / 1000,
      requestBytes: Number(request.headers['content-length'] ?? 0) || 0,
      responseBytes: Number(reply.getHeader('content-length') ?? 0) || 0,
    });
    // The route's template, not the path: resource names and queries stay out of the log.
    request.log.info(
      {
        method: request.method,
        route: route?.id ?? 'unknown',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 100) / 100,
        ...(request.attempt === undefined ? {} : { attempt: request.attempt }),
        ...(request.errorCode === undefined ? {} : { code: request.errorCode }),
      },
      'request',
    );
  });
}

declare module 'fastify' {
  interface FastifyRequest {
    attempt: string | undefined;
    errorCode: string | undefined;
  }
  interface FastifyContextConfig {
    route?: Route;
  }
}
