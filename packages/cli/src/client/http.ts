import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';
import { readBounded } from '@assay/bytes';
import { CliError, EXIT } from '../exit.js';

/** An answer with its whole body. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface HttpCall {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** PEM certificates believed beside the built-in roots. */
  readonly ca?: string;
  readonly timeoutMs?: number;
}

/** Largest answer that is read, in bytes. */
const largestAnswer = 64 * 1024 * 1024;

/**
 * One HTTP request. Follows no redirect: an admin token or evidence goes where the user said and nowhere else.
 *
 * @throws CliError exit 4 when the peer cannot be reached or does not answer in time
 */
export function call(what: HttpCall): Promise<HttpAnswer> {
  const url = new URL(what.url);
  const secure = url.protocol === 'https:';
  if (!secure && url.protocol !== 'http:')
    throw new CliError(`${what.url}: only http and https are spoken`, EXIT.usage);
  const body = what.body === undefined ? undefined : Buffer.from(what.body);
  const options = {
    method: what.method,
    headers: {
      'user-agent': 'assay/0.1.0',
      ...(body === undefined ? {} : { 'content-length': body.length }),
      ...what.headers,
    },
    timeout: what.timeoutMs ?? 60_000,
    ...(secure && what.ca !== undefined ? { ca: [...rootCertificates, what.ca] } : {}),
  };
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(unreachable(url, error));
    const request = (secure ? httpsRequest : httpRequest)(url, options, (response) => {
      readBounded(response, largestAnswer, 'an answer').then(
        (bytes) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.from(bytes.buffer) }),
        fail,
      );
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', fail);
    request.end(body);
  });
}

function unreachable(url: URL, error: Error): CliError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return new CliError(
    `${url.origin}: ${code === '' ? error.message : `${code} (${error.message})`}`,
    EXIT.unreachable,
    {
      hint: hintFor(code, url),
      cause: error,
    },
  );
}

function hintFor(code: string, url: URL): string {
  switch (code) {
    case 'ECONNREFUSED':
      return `nothing listens there; start it with: assay serve --listen ${url.host}`;
    case 'ENOTFOUND':
      return 'the name does not resolve; check it, and the DNS';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'its certificate is not trusted here; give the CA with --cert-file FILE';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'its certificate is for another name; use the name that it was issued for';
    case 'EPROTO':
      return 'it does not speak TLS on that port; is the URL http instead of https?';
    case 'ECONNRESET':
      return 'it closed the connection; is the URL https instead of http?';
    default:
      return 'check the URL with: assay doctor';
  }
}
