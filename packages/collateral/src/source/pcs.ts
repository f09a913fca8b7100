import { DecodeError, decodeUtf8, encodeUtf8 } from '@assay/bytes';
import type { Fetcher } from '../http/fetcher.js';
import type { TransportAnswer } from '../http/transport.js';
import type { IntelTee, Item, PckRequest, TcbUpdate } from '../item/item.js';
import { checkChain, decodeChainHeader, readCrl, readSignedAnswer } from './answer.js';
import { type Exchange, exchange, failure, type Source } from './source.js';

/** Where Intel serves itself. */
export const INTEL_PCS = 'https://api.trustedservices.intel.com';
/** Distribution point of Intel's root CRL. A fixed address: one from a certificate could name a host of anybody's. */
const INTEL_ROOT_CRL = 'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der';

export interface PcsSourceOptions {
  /** `pcs`: Intel's own service. `pccs`: a caching service beside the machines. */
  readonly kind: 'pcs' | 'pccs';
  /** Scheme and host; a path is not used. */
  readonly url: string;
  /** 3 serves SGX only, with TCB info of version 2. Default 4. */
  readonly api?: 3 | 4;
  /** Sent with every request, e.g. `Ocp-Apim-Subscription-Key`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: Intel's distribution point for `pcs`, `rootcacrl` of the service for `pccs`. */
  readonly rootCrlUrl?: string;
  readonly fetcher: Fetcher;
}

/** Intel PCS or a PCCS as a source of collateral (Intel SGX and TDX Provisioning Certification Service API). */
export function pcsSource(options: PcsSourceOptions): Source {
  const base = new URL(options.url);
  const api = options.api ?? 4;
  return {
    name: base.host,
    provides: (item) => isIntel(item) && (api === 4 || ofApi3(item)),
    fetch: async (item) => {
      const what = exchangeFor(item, base, api, options);
      return what === undefined
        ? failure({ kind: 'unknown' })
        : exchange(options.fetcher, 'intel', item, {
            ...what,
            ...(options.headers === undefined ? {} : { headers: options.headers }),
          });
    },
  };
}

function isIntel({ kind }: Item): boolean {
  return !(kind === 'vcek' || kind === 'vlek' || kind === 'amd-chain' || kind === 'amd-crl');
}

/** API v3 knows SGX alone, and neither lists evaluation numbers nor serves one that is asked for. */
function ofApi3(item: Item): boolean {
  if (item.kind === 'tcb-numbers') return false;
  if ('tee' in item && item.tee === 'tdx') return false;
  return !('update' in item && typeof item.update === 'number');
}

function exchangeFor(item: Item, base: URL, api: 3 | 4, options: PcsSourceOptions): Exchange | undefined {
  const at = (tee: IntelTee, path: string, query: Readonly<Record<string, string>>): URL => {
    const url = new URL(`/${tee}/certification/v${api}/${path}`, base);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  };
  switch (item.kind) {
    case 'tcb-info':
      return {
        url: at(item.tee, 'tcb', { fmspc: item.fmspc.toUpperCase(), ...channel(item.update) }),
        read: ({ body, headers }) =>
          // PCCS of version 3 and PCS API v4 use one name, PCS API v3 the other.
          readSignedAnswer(body, ['tcbInfo'], headers['tcb-info-issuer-chain'] ?? headers['sgx-tcb-info-issuer-chain']),
      };
    case 'qe-identity':
      return {
        url: at(item.tee, 'qe/identity', channel(item.update)),
        read: ({ body, headers }) =>
          readSignedAnswer(body, ['enclaveIdentity', 'qeIdentity'], headers['sgx-enclave-identity-issuer-chain']),
      };
    case 'tcb-numbers':
      return {
        url: at(item.tee, 'tcbevaluationdatanumbers', {}),
        read: ({ body, headers }) =>
          readSignedAnswer(body, ['tcbEvaluationDataNumbers'], headers['tcb-evaluation-data-numbers-issuer-chain']),
      };
    case 'pck-crl':
      return {
        url: at('sgx', 'pckcrl', { ca: item.ca, encoding: 'der' }),
        read: ({ body, headers }) => {
          const { pieces, ...dates } = readCrl(body, 'pck_crl');
          const chain = decodeChainHeader(headers['sgx-pck-crl-issuer-chain']);
          return { pieces: { ...pieces, pck_crl_issuer_chain: chain }, ...dates };
        },
      };
    case 'root-crl':
      return { url: rootCrlUrl(base, api, options), read: ({ body }) => readCrl(body, 'root_ca_crl') };
    case 'pck-certificate':
      return { url: at('sgx', 'pckcert', pckQuery(item.request)), read: readPckCertificate };
    default:
      return undefined;
  }
}

function rootCrlUrl(base: URL, api: 3 | 4, options: PcsSourceOptions): URL {
  if (options.rootCrlUrl !== undefined) return new URL(options.rootCrlUrl);
  return options.kind === 'pcs' ? new URL(INTEL_ROOT_CRL) : new URL(`/sgx/certification/v${api}/rootcacrl`, base);
}

function channel(update: TcbUpdate): Record<string, string> {
  return typeof update === 'number' ? { tcbEvaluationDataNumber: String(update) } : { update };
}

function pckQuery(request: PckRequest): Record<string, string> {
  return {
    encrypted_ppid: request.encryptedPpid,
    cpusvn: request.cpuSvn,
    pcesvn: request.pceSvn,
    pceid: request.pceId,
    ...(request.qeId === undefined ? {} : { qeid: request.qeId }),
  };
}

/** Leaf in the body, intermediate and root in the header: one chain. */
function readPckCertificate({ body, headers }: TransportAnswer): { pieces: { pck_chain: Uint8Array } } {
  const leaf = decodeUtf8(body);
  const issuers = decodeUtf8(decodeChainHeader(headers['sgx-pck-certificate-issuer-chain']));
  const chain = decodeUtf8(checkChain(`${leaf.trimEnd()}\n${issuers}`));
  if (!chain.includes('-----BEGIN CERTIFICATE-----')) throw new DecodeError('PCK certificate', 'no PEM');
  return { pieces: { pck_chain: encodeUtf8(chain) } };
}
