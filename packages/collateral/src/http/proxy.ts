import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { type SecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { TransportError } from './transport.js';

/** Where outbound requests go through. Credentials stand in the URL; nothing here ever repeats them. */
export interface OutboundProxy {
  readonly url: URL;
  /** Whether a target is asked without the proxy. */
  readonly bypass: (target: URL) => boolean;
}

/**
 * Reads a proxy and the hosts that it is not asked for.
 *
 * @param url `http://[USER:PASSWORD@]HOST[:PORT]`, or `https://` for a proxy that is spoken to over TLS
 * @param noProxy as in `NO_PROXY`: `*`, host names (with their subdomains), addresses, each with or without a port
 * @returns undefined for what is no such URL
 */
export function parseProxy(url: string, noProxy: readonly string[] = []): OutboundProxy | undefined {
  if (!URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  const { hash, hostname, pathname, protocol, search } = parsed;
  if ((protocol !== 'http:' && protocol !== 'https:') || hostname === '') return undefined;
  if (search !== '' || hash !== '' || (pathname !== '/' && pathname !== '')) return undefined;
  if (credentialsOf(parsed) === null) return undefined;
  const rules = noProxy.map((entry) => entry.trim().toLowerCase()).filter((entry) => entry !== '');
  return { url: parsed, bypass: (target) => rules.some((rule) => matches(rule, target)) };
}

function matches(rule: string, target: URL): boolean {
  if (rule === '*') return true;
  const [host, port] = split(rule);
  if (port !== undefined && port !== portOf(target)) return false;
  const name = bare(target.hostname.toLowerCase());
  const wanted = host.replace(/^\*?\./, '');
  // A suffix of an address names nothing.
  return name === wanted || (isIP(name) === 0 && name.endsWith(`.${wanted}`));
}

/** `host:port`, `[v6]:port`, or a host alone, which a bare IPv6 address is as well. */
function split(rule: string): [host: string, port: string | undefined] {
  if (isIP(rule) !== 0) return [rule, undefined];
  const [, host = rule, port] = /^(.*?)(?::(\d+))?$/.exec(rule) ?? [];
  return [bare(host), port];
}

/** Without the brackets that IPv6 addresses have in URLs. */
function bare(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

function portOf({ port, protocol }: URL): string {
  return port !== '' ? port : protocol === 'https:' ? '443' : '80';
}

/** `user:password`; undefined: none; null: percent-encoding that is none. */
function credentialsOf({ password, username }: URL): string | undefined | null {
  if (username === '' && password === '') return undefined;
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return null;
  }
}

/** The credentials, for the proxy alone. */
export function proxyHeaders({ url }: OutboundProxy): OutgoingHttpHeaders {
  const credentials = credentialsOf(url);
  if (credentials === undefined || credentials === null) return {};
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}

/** Address of the proxy as node:http takes it; credentials go as a header, never in the URL. */
export function proxyAddress({ url }: OutboundProxy): { protocol: string; hostname: string; port: string } {
  return { protocol: url.protocol, hostname: bare(url.hostname), port: portOf(url) };
}

/**
 * A TLS connection to the target through the proxy: CONNECT (RFC 9110, section 9.3.6), then TLS end to end. The proxy sees host and port.
 *
 * @param aborted ends the attempt: the caller's time limit
 * @throws TransportError, or the error of the socket
 */
export function tunnel(
  proxy: OutboundProxy,
  target: URL,
  secureContext: SecureContext | undefined,
  aborted: AbortSignal,
): Promise<TLSSocket> {
  const host = bare(target.hostname);
  const authority = `${target.hostname}:${portOf(target)}`;
  const secure = secureContext === undefined ? {} : { secureContext };
  return new Promise((resolve, reject) => {
    const options = {
      ...proxyAddress(proxy),
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, 'user-agent': 'assay', ...proxyHeaders(proxy) },
      agent: false as const,
      signal: aborted,
    };
    const asking = proxy.url.protocol === 'https:' ? httpsRequest({ ...options, ...secure }) : httpRequest(options);
    asking.once('error', reject);
    // An answer other than to CONNECT: the proxy took it for something else.
    asking.once('response', (answer) => {
      answer.destroy();
      reject(refusal(proxy, answer.statusCode));
    });
    asking.once('connect', (answer, socket: Socket, head: Buffer) => {
      if (answer.statusCode !== 200 || head.length > 0) {
        socket.destroy();
        reject(refusal(proxy, answer.statusCode));
        return;
      }
      const names = isIP(host) === 0 ? { servername: host } : {};
      const inner = tlsConnect({ socket, host, ALPNProtocols: ['http/1.1'], ...names, ...secure });
      const stop = (): void => {
        inner.destroy(new Error('aborted'));
      };
      aborted.addEventListener('abort', stop, { once: true });
      inner.once('error', reject);
      inner.once('close', () => socket.destroy());
      socket.on('error', (error) => inner.destroy(error));
      inner.once('secureConnect', () => {
        aborted.removeEventListener('abort', stop);
        inner.off('error', reject);
        resolve(inner);
      });
    });
    asking.end();
  });
}

function refusal({ url }: OutboundProxy, status: number | undefined): TransportError {
  const what = status === 407 ? 'wants other credentials (407)' : `does not connect (${status ?? 'no status'})`;
  return new TransportError('connection', `proxy ${url.host} ${what}`);
}
