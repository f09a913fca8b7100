/** Why a registry gave nothing, in words, and what to do about it: the remedy follows the cause. */
import type { FindingFacts } from '@assay/bytes/findings';

/** What a registry, or the way to it, did instead of answering. */
export interface RegistryFailure {
  /** The rest of `HOST: …`, without URLs that may hold a signature. */
  readonly reason: string;
  readonly facts: Pick<FindingFacts, 'causes' | 'remedy' | 'retry'>;
}

interface Advice {
  readonly causes: readonly string[];
  /** `{host}` is filled. */
  readonly remedy: string;
  readonly retry?: FindingFacts['retry'];
}

const CLEAR_TEXT =
  'Reach it over TLS; where it serves plain HTTP on purpose, mark it insecure (`--insecure-registry`, `insecure = true` in the registries file).';

const ADVICE = {
  refused: {
    causes: ['the registry does not run', 'another host or port'],
    remedy: 'Start the registry at {host}, or correct host and port of the reference.',
  },
  name: {
    causes: ['a misspelt host', 'a name server that does not know it, or does not answer'],
    remedy: 'Correct the host in the reference, or the name servers of this machine.',
  },
  silence: {
    causes: ['a firewall', 'a proxy is needed', 'an overloaded registry'],
    remedy: 'See that this machine may connect to {host}; behind a proxy, name it (`--proxy`, `image_pull_proxy`).',
    retry: 'later',
  },
  cut: {
    causes: ['a proxy or load balancer with a time limit', 'an unstable network'],
    remedy: 'Try again; if it repeats, look at what stands between this machine and {host}.',
    retry: 'now',
  },
  authority: {
    causes: ['a private authority', 'a proxy that opens TLS', 'somebody in between'],
    remedy:
      'Have the CA that issued the certificate of {host} confirmed by its operator, and name it (`--registry-ca`, `extra_root_certificates`).',
    retry: 'after-change',
  },
  certificate: {
    causes: ['a certificate that was not renewed', 'a wrong clock', 'a certificate of another name'],
    remedy: 'Have the operator of {host} renew its certificate for this name; check the clock of this machine.',
    retry: 'after-change',
  },
  tls: { causes: ['it serves plain HTTP', 'TLS of an old version'], remedy: CLEAR_TEXT, retry: 'after-change' },
  http: {
    causes: ['the port expects TLS', 'it is no registry'],
    remedy: 'Reach it over TLS (without `--insecure-registry`), or correct the port of {host}.',
    retry: 'after-change',
  },
  proxy: {
    causes: ['the proxy does not let this machine through', 'the proxy does not reach the registry'],
    remedy: 'Correct the proxy, or except {host} from it (`NO_PROXY`, `no_proxy`).',
    retry: 'after-change',
  },
  credentials: {
    causes: ['no credentials, or under another key of `auths`', 'credentials that expired', 'no such repository'],
    remedy: 'Add credentials for {host} (`--authfile`, `authenticated_registry_credentials_uri`), or correct the name.',
    retry: 'after-change',
  },
  permission: {
    causes: ['an account without this permission', 'no such repository'],
    remedy: 'Let the account read (to push: write) this repository at {host}, or use another account.',
    retry: 'after-change',
  },
  missing: {
    causes: ['a misspelt repository or tag', 'a project that must be made first', 'removed since'],
    remedy: 'Correct repository and tag; some registries answer so, too, where credentials for {host} are missing.',
    retry: 'after-change',
  },
  busy: {
    causes: ['a limit of pulls for each account or address'],
    remedy: 'Wait, then try again; with credentials for {host}, or a mirror, limits are higher.',
    retry: 'later',
  },
  trouble: {
    causes: ['the registry or its storage is out of order'],
    remedy: 'Try again later; if it repeats, ask the operator of {host}.',
    retry: 'later',
  },
  answer: {
    causes: ['it is no registry', 'a proxy answered instead'],
    remedy: 'See that {host} is a registry that speaks the OCI distribution API, version 2.',
    retry: 'after-change',
  },
} as const satisfies Readonly<Record<string, Advice>>;

type Kind = keyof typeof ADVICE;

/** Codes of Node, OpenSSL and undici. */
const BY_CODE: Readonly<Record<string, readonly [kind: Kind, words: string]>> = {
  ECONNREFUSED: ['refused', 'nothing listens there'],
  ENOTFOUND: ['name', 'no such host'],
  EAI_AGAIN: ['name', 'the name servers do not answer'],
  ETIMEDOUT: ['silence', 'no answer'],
  EHOSTUNREACH: ['silence', 'no way to it'],
  ENETUNREACH: ['silence', 'no way to it'],
  UND_ERR_CONNECT_TIMEOUT: ['silence', 'no answer'],
  UND_ERR_HEADERS_TIMEOUT: ['silence', 'connected, and no answer'],
  UND_ERR_BODY_TIMEOUT: ['cut', 'the answer stopped'],
  UND_ERR_SOCKET: ['cut', 'the connection was closed'],
  ECONNRESET: ['cut', 'the connection was closed'],
  EPIPE: ['cut', 'the connection was closed'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['authority', 'its certificate is of an unknown authority'],
  UNABLE_TO_GET_ISSUER_CERT: ['authority', 'its certificate is of an unknown authority'],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['authority', 'its certificate is of an unknown authority'],
  SELF_SIGNED_CERT_IN_CHAIN: ['authority', 'its certificate is of an unknown authority'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['authority', 'its certificate is of an unknown authority'],
  CERT_HAS_EXPIRED: ['certificate', 'its certificate has expired'],
  CERT_NOT_YET_VALID: ['certificate', 'its certificate is not valid yet'],
  ERR_TLS_CERT_ALTNAME_INVALID: ['certificate', 'its certificate is of another name'],
};

/** A status that is no answer to what was asked. */
export function statusFailure(status: number, host: string): RegistryFailure {
  const reason = status === 401 || status === 403 ? `${status}, not authorised` : `status ${status}`;
  return advised(kindOfStatus(status), reason, host);
}

function kindOfStatus(status: number): Kind {
  if (status === 401) return 'credentials';
  if (status === 403) return 'permission';
  if (status === 404) return 'missing';
  if (status === 407) return 'proxy';
  if (status === 429) return 'busy';
  if (status >= 500) return 'trouble';
  return status === 400 ? 'http' : 'answer';
}

/** What `fetch`, or the body of its answer, has thrown. */
export function thrownFailure(error: unknown, host: string): RegistryFailure {
  const cause = (error as { readonly cause?: unknown }).cause ?? error;
  const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown };
  const text = typeof message === 'string' ? (message.split('\n')[0]?.slice(0, 120) ?? '') : '';
  // A tunnel that the proxy did not open.
  if (/^Proxy response \(\d+\)/.test(text)) return advised('proxy', `the proxy answers ${/\d+/.exec(text)}`, host);
  // What browsers never ask, undici does not either.
  if (text === 'bad port') return advised('refused', 'this port belongs to another protocol', host);
  if (typeof code !== 'string') return advised('answer', text === '' ? 'no answer' : text, host);
  const [kind, words] = Object.hasOwn(BY_CODE, code) ? (BY_CODE[code] ?? []) : [];
  if (kind !== undefined) return advised(kind, `${words} (${code})`, host);
  if (/^ERR_SSL_|^EPROTO$/.test(code)) return advised('tls', `no TLS is spoken there (${code})`, host);
  if (code.startsWith('HPE_')) return advised('http', `no HTTP is spoken there (${code})`, host);
  return advised('silence', code, host);
}

/** An answer that is none of the protocol. */
export function answerFailure(reason: string, host: string): RegistryFailure {
  return advised('answer', reason, host);
}

/** What is not at a registry that answers. */
export function missingFacts(host: string): RegistryFailure['facts'] {
  return advised('missing', '', host).facts;
}

function advised(kind: Kind, reason: string, host: string): RegistryFailure {
  const { causes, remedy, retry = 'after-change' }: Advice = ADVICE[kind];
  return {
    reason,
    facts: { causes: causes.map((text) => ({ text })), remedy: remedy.replaceAll('{host}', host), retry },
  };
}
