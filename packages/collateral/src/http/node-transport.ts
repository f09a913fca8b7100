import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { type OutboundProxy, proxyAddress, proxyHeaders, tunnel } from './proxy.js';
import { type Transport, type TransportAnswer, TransportError, type TransportRequest } from './transport.js';

export interface NodeTransportOptions {
  /** Certificates (PEM) of authorities that are trusted beside the system's: a PCCS often has one of its own. */
  readonly ca?: readonly string[];
  /** Allows `http://`. What is fetched is signed, but anybody on the way sees which machines are asked about. */
  readonly allowHttp?: boolean;
  /** Default: none, whatever the environment says. */
  readonly proxy?: OutboundProxy;
}

/** Chain headers are long: two certificates, percent-encoded. */
const MAX_HEADER_BYTES = 64 * 1024;

/** The transport of production: node:https, with limits on time and size. */
export function nodeTransport(options: NodeTransportOptions = {}): Transport {
  // `ca` of node:tls would replace the authorities it knows, not add to them.
  const { ca } = options;
  const secureContext = ca === undefined ? undefined : createSecureContext({ ca: [...rootCertificates, ...ca] });
  return (request) =>
    new Promise((resolve, reject) => {
      const { protocol } = request.url;
      if (protocol !== 'https:' && !(protocol === 'http:' && options.allowHttp === true)) {
        reject(new TransportError('not-allowed', `${protocol} is not allowed here`));
        return;
      }
      const { proxy } = options;
      const way = proxy === undefined || proxy.bypass(request.url) ? undefined : proxy;
      send(request, { secureContext, proxy: way }, resolve, reject);
    });
}

interface Way {
  readonly secureContext: SecureContext | undefined;
  readonly proxy: OutboundProxy | undefined;
}

function send(
  request: TransportRequest,
  way: Way,
  resolve: (answer: TransportAnswer) => void,
  reject: (error: TransportError) => void,
): void {
  const aborting = new AbortController();
  const timer = setTimeout(() => {
    fail(new TransportError('timeout', `no complete answer within ${request.timeoutMs} ms`));
  }, request.timeoutMs);
  let done = false;
  function fail(error: unknown): void {
    if (done) return;
    done = true;
    clearTimeout(timer);
    aborting.abort();
    reject(error instanceof TransportError ? error : classify(error));
  }
  function finish(answer: TransportAnswer): void {
    if (done) return;
    done = true;
    clearTimeout(timer);
    resolve(answer);
  }
  const onAnswer = (answer: IncomingMessage): void => read(answer, request.maxBytes, finish, fail);
  open(request, way, aborting.signal, onAnswer).then((outgoing) => {
    outgoing.on('error', fail);
    outgoing.end(request.body);
  }, fail);
}

/** The request, not yet ended: straight to the target, or by way of the proxy. */
async function open(
  request: TransportRequest,
  { proxy, secureContext }: Way,
  signal: AbortSignal,
  onAnswer: (answer: IncomingMessage) => void,
): Promise<ClientRequest> {
  const { body, url } = request;
  const length = body === undefined ? {} : { 'content-length': String(body.length) };
  const headers = { accept: '*/*', 'user-agent': 'assay', ...length, ...request.headers };
  const common = {
    method: body === undefined ? 'GET' : 'POST',
    headers,
    maxHeaderSize: MAX_HEADER_BYTES,
    // One connection per request: answers are cached for a day, connections kept for it would only go stale.
    agent: false as const,
    signal,
  };
  const secure = secureContext === undefined ? {} : { secureContext };
  if (url.protocol === 'https:') {
    if (proxy === undefined) return httpsRequest(url, { ...common, ...secure }, onAnswer);
    const socket = await tunnel(proxy, url, secureContext, signal);
    const { agent: _none, ...rest } = common;
    // With an agent, even none, node would open a connection of its own.
    return httpsRequest(url, { ...rest, createConnection: () => socket }, onAnswer);
  }
  if (proxy === undefined) return httpRequest(url, common, onAnswer);
  // The proxy is asked for the whole URL (RFC 9112, section 3.2.2).
  const whole = {
    ...common,
    ...proxyAddress(proxy),
    path: url.href,
    headers: { ...headers, host: url.host, ...proxyHeaders(proxy) },
  };
  return proxy.url.protocol === 'https:'
    ? httpsRequest({ ...whole, ...secure }, onAnswer)
    : httpRequest(whole, onAnswer);
}

function read(
  answer: IncomingMessage,
  maxBytes: number,
  finish: (answer: TransportAnswer) => void,
  fail: (error: unknown) => void,
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  answer.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > maxBytes) fail(new TransportError('too-large', `answer is larger than ${maxBytes} bytes`));
    else chunks.push(chunk);
  });
  // Once the head is there, an error is an answer that ended early.
  answer.on('error', (cause) => {
    fail(new TransportError('incomplete', `connection ended after ${length} bytes`, { cause }));
  });
  answer.on('end', () => {
    finish({
      status: answer.statusCode ?? 0,
      headers: headersOf(answer),
      body: Uint8Array.from(Buffer.concat(chunks)),
    });
  });
}

function headersOf(answer: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

const NAME_ERRORS = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_FAIL']);
const TLS_ERRORS =
  /^(CERT_|ERR_TLS|ERR_SSL|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|ERROR_IN_CERT|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH|EPROTO)/;

function classify(error: unknown): TransportError {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
  const options = { cause: error };
  if (NAME_ERRORS.has(code)) return new TransportError('name', `the name does not resolve (${code})`, options);
  if (TLS_ERRORS.test(code)) return new TransportError('tls', code, options);
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new TransportError('too-large', `headers are larger than ${MAX_HEADER_BYTES} bytes`, options);
  }
  return new TransportError('connection', code, options);
}
