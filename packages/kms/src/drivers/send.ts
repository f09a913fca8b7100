import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { readBounded } from '@assay/bytes';
import { KmsError } from './driver.js';

/** One request to a service. */
export interface KmsRequest {
  /** `https`, but for metadata services of a cloud, which have link-local addresses and no certificates. */
  readonly scheme?: 'http' | 'https';
  /** `host` or `host:port`. */
  readonly host: string;
  readonly method: 'GET' | 'POST';
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** PEM certificates that are believed in place of the built-in roots. */
  readonly ca?: readonly string[];
}

export interface KmsAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** Sends a request. @throws KmsError `unreachable` */
export type SendKms = (request: KmsRequest) => Promise<KmsAnswer>;

export interface SendOptions {
  /** For the whole answer. Default 20 s: callers wait 50 s for a secret. */
  readonly timeoutMs?: number;
  /** Where a host really is; the certificate must still be its own. Default: as names resolve. */
  readonly connect?: (host: string) => { readonly host: string; readonly port: number };
}

const TIMEOUT_MS = 20_000;
/** Largest answer that is read, in bytes; the services keep secrets of 64 KiB at most. */
const LARGEST_ANSWER = 1024 * 1024;

/** Sends over HTTPS. No redirect is followed, no proxy asked, and each request has a connection of its own: they are rare. */
export function sendOverHttps({ timeoutMs = TIMEOUT_MS, connect }: SendOptions = {}): SendKms {
  return ({ scheme = 'https', host, method, path, headers, body, ca }) =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(`${scheme}://${host}`);
      const place = connect?.(host) ?? { host: unbracketed(hostname), port: port === '' ? undefined : Number(port) };
      const fail = (error: NodeJS.ErrnoException): void => {
        clearTimeout(timer);
        // The words of an error of TLS tell names and reasons, and nothing that was sent.
        reject(new KmsError('unreachable', `${host}: ${error.code ?? error.message}`, { cause: error }));
      };
      const call = (scheme === 'https' ? httpsRequest : httpRequest)(
        {
          ...place,
          method,
          path,
          headers: { host, 'content-length': String(body?.length ?? 0), ...headers },
          agent: false,
          ...(scheme === 'https'
            ? { servername: nameOnly(hostname), ...(ca === undefined ? {} : { ca: [...ca] }) }
            : {}),
        },
        (response) => {
          readBounded(response, LARGEST_ANSWER, 'an answer').then((bytes) => {
            clearTimeout(timer);
            resolve({ status: response.statusCode ?? 0, body: bytes });
          }, fail);
        },
      );
      const timer = setTimeout(() => call.destroy(new Error('no answer in time')), timeoutMs);
      call.on('error', fail);
      call.end(body);
    });
}

function unbracketed(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** SNI has names only (RFC 6066, section 3). */
function nameOnly(hostname: string): string {
  return /^[\d.]+$|^\[/.test(hostname) ? '' : hostname;
}
