import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';
import { readBounded } from '@assay/bytes';
import { KbcError } from './kbc-error.js';
import type { Transport, TransportAnswer, TransportRequest } from './transport.js';

export interface HttpTransportOptions {
  /** Base URL; `/` at its end does not matter. */
  readonly url: string;
  /** PEM certificates believed beside the built-in roots. */
  readonly ca?: string;
  readonly userAgent?: string;
  /** Of one request; default 60 s, as upstream. */
  readonly timeoutMs?: number;
  /** Connections at a time; further requests wait. Default 32. */
  readonly maxConnections?: number;
}

/** Largest answer that is read, in bytes. */
const LARGEST_ANSWER = 16 * 1024 * 1024;

/**
 * Requests to a broker over HTTP or HTTPS, on connections that are kept. No redirect is followed: evidence and tokens go where
 * the configuration says and nowhere else.
 *
 * @throws RangeError for a URL of another kind
 */
export function httpTransport(options: HttpTransportOptions): Transport {
  const base = options.url.replace(/\/+$/, '');
  const { protocol } = new URL(base);
  if (protocol !== 'https:' && protocol !== 'http:') throw new RangeError('a broker is reached over http or https');
  const pool = { keepAlive: true, maxSockets: options.maxConnections ?? 32 };
  const agent =
    protocol === 'http:'
      ? new HttpAgent(pool)
      : new HttpsAgent({ ...pool, ...(options.ca === undefined ? {} : { ca: [...rootCertificates, options.ca] }) });
  const send = protocol === 'http:' ? httpRequest : httpsRequest;
  const timeoutMs = options.timeoutMs ?? 60_000;
  return (request) =>
    new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(unreachable(base, error));
      };
      const call = send(
        `${base}${request.path}`,
        { method: request.method, agent, headers: headersOf(request, options.userAgent) },
        (response) => {
          readBounded(response, LARGEST_ANSWER, 'an answer').then((body) => {
            clearTimeout(timer);
            resolve(answerOf(response, body));
          }, fail);
        },
      );
      const timer = setTimeout(() => call.destroy(new Error('no answer in time')), timeoutMs);
      call.on('error', fail);
      call.end(request.body);
    });
}

function headersOf({ headers, body }: TransportRequest, userAgent = 'attestation-agent-kbs-client/0.1.0') {
  return {
    'user-agent': userAgent,
    ...(body === undefined ? {} : { 'content-length': String(body.length) }),
    ...headers,
  };
}

function answerOf(response: IncomingMessage, body: Uint8Array): TransportAnswer {
  const attempt = response.headers['assay-attempt'];
  return {
    status: response.statusCode ?? 0,
    setCookie: response.headers['set-cookie'] ?? [],
    body,
    ...(typeof attempt === 'string' ? { attempt } : {}),
  };
}

function unreachable(base: string, error: NodeJS.ErrnoException): KbcError {
  // Host names are no secret; what stands in a URL before them may be.
  return new KbcError('unavailable', `${new URL(base).host}: ${error.code ?? error.message}`, { cause: error });
}
