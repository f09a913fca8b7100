/** How requests get to a registry: directly, or by way of a proxy. */
import { BlockList, isIP } from 'node:net';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';

/** Proxies by the scheme of what is asked for; the environment has no say. */
export interface ProxyAddresses {
  /** For `https:`; where it is absent, the one for `http:` is taken. */
  readonly https?: string;
  readonly http?: string;
  /** Asked without a proxy, separated by commas: hosts, which stand for all below them, addresses, networks as `10.0.0.0/8`; `*`: all. */
  readonly none?: string;
}

export interface ConnectionOptions {
  /** PEM of authorities that are believed instead of the built-in ones. */
  readonly ca?: string;
  /** `http://HOST:PORT`; `environment` takes HTTPS_PROXY, HTTP_PROXY and NO_PROXY. Default: none. */
  readonly proxy?: string | ProxyAddresses;
  /** Milliseconds without a byte. */
  readonly timeout: number;
}

export interface Ways {
  to(url: URL): Dispatcher;
  close(): Promise<void>;
}

export function waysOf({ ca, proxy, timeout }: ConnectionOptions): Ways {
  const limits = { connectTimeout: timeout, headersTimeout: timeout, bodyTimeout: timeout };
  const tls = ca === undefined ? {} : { ca };
  const { https, http, none = '' } = addressesOf(proxy);
  const direct = new Agent({ ...limits, connect: { ...tls, timeout } });
  // What is asked in clear is asked of the proxy itself: many open tunnels to the port of TLS alone.
  const by = (uri: string): Dispatcher => new ProxyAgent({ ...limits, uri, requestTls: tls, proxyTunnel: false });
  const made = new Map([https, http].filter((uri) => uri !== undefined).map((uri) => [uri, by(uri)]));
  const isDirect = directHosts(none);
  return {
    to: (url) => {
      const uri = url.protocol === 'https:' ? (https ?? http) : http;
      return (uri === undefined || isDirect(url) ? undefined : made.get(uri)) ?? direct;
    },
    close: async () => {
      await Promise.all([direct, ...made.values()].map((dispatcher) => dispatcher.close()));
    },
  };
}

function addressesOf(proxy: ConnectionOptions['proxy']): ProxyAddresses {
  if (proxy === undefined) return {};
  if (typeof proxy === 'object') return filled(proxy.https, proxy.http, proxy.none);
  if (proxy !== 'environment') return { https: proxy, http: proxy };
  const { env } = process;
  return filled(
    env['https_proxy'] ?? env['HTTPS_PROXY'],
    env['http_proxy'] ?? env['HTTP_PROXY'],
    env['no_proxy'] ?? env['NO_PROXY'],
  );
}

/** An empty text is no proxy. */
function filled(https = '', http = '', none = ''): ProxyAddresses {
  return { ...(https === '' ? {} : { https }), ...(http === '' ? {} : { http }), none };
}

type Test = (host: string, port: number) => boolean;

/** Whether a list of hosts without a proxy names that of a URL. */
export function directHosts(list: string): (url: URL) => boolean {
  const tests = list
    .split(/[,\s]+/)
    .filter((entry) => entry !== '')
    .map(testOf);
  return ({ hostname, port, protocol }) => {
    const host = hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
    const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
    return tests.some((test) => test(host, number));
  };
}

function testOf(entry: string): Test {
  if (entry === '*') return () => true;
  const [, network = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? [];
  const family = isIP(network);
  if (family !== 0) return inNetwork(network, Number(length), family);
  // An address of version 6 has colons of its own: a port follows brackets only.
  const parts = isIP(entry) === 6 ? null : /^(?:\[(.+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(entry);
  const [, bracketed, plain, port] = parts ?? [];
  const wanted = (bracketed ?? plain ?? entry).replace(/^\*?\./, '').toLowerCase();
  const isFit: Test =
    isIP(wanted) === 0 ? (host) => host === wanted || host.endsWith(`.${wanted}`) : sameAddress(wanted);
  return (host, number) => (port === undefined || Number(port) === number) && isFit(host, number);
}

function sameAddress(address: string): Test {
  const family = isIP(address);
  return inNetwork(address, family === 6 ? 128 : 32, family);
}

function inNetwork(network: string, length: number, family: number): Test {
  const name = family === 6 ? 'ipv6' : 'ipv4';
  if (length > (family === 6 ? 128 : 32)) return () => false;
  const list = new BlockList();
  list.addSubnet(network, length, name);
  return (host) => isIP(host) === family && list.check(host, name);
}
