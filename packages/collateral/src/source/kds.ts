import { DecodeError, decodeUtf8 } from '@assay/bytes';
import { parseCertificates } from '@assay/evidence/x509';
import type { Fetcher } from '../http/fetcher.js';
import type { AmdProduct, Item, VcekTcb } from '../item/item.js';
import { type Answer, checkChain, readCrl } from './answer.js';
import { type Exchange, exchange, failure, type Source } from './source.js';

/** Where AMD serves itself. */
export const AMD_KDS = 'https://kdsintf.amd.com';

export interface KdsSourceOptions {
  /** Scheme and host. Default {@link AMD_KDS}. */
  readonly url?: string;
  /** For VCEKs, which KDS gives about once in ten seconds. */
  readonly vcekFetcher: Fetcher;
  /** For chains and CRLs. */
  readonly fetcher: Fetcher;
}

/** AMD's Key Distribution Service (AMD 57230) as a source. VLEKs are not served to the public. */
export function kdsSource(options: KdsSourceOptions): Source {
  const base = new URL(options.url ?? AMD_KDS);
  return {
    name: base.host,
    provides: (item) => item.kind === 'vcek' || item.kind === 'amd-chain' || item.kind === 'amd-crl',
    fetch: async (item) => {
      const what = exchangeFor(item, base);
      if (what === undefined) return failure({ kind: 'unknown' });
      return exchange(item.kind === 'vcek' ? options.vcekFetcher : options.fetcher, 'amd', item, what);
    },
  };
}

/** A store of leaf certificates that the owner filled: a folder, a service of the provider. */
export interface LeafStore {
  readonly name: string;
  /** DER or PEM, or undefined where the store has none. */
  vcek(product: AmdProduct, hwId: string, tcb: VcekTcb): Promise<Uint8Array | undefined>;
  /** AMD gives VLEKs to cloud providers alone, under their own credentials; they hand them to their customers. */
  vlek(product: AmdProduct, tcb: VcekTcb): Promise<Uint8Array | undefined>;
}

export function leafStoreSource(store: LeafStore): Source {
  return {
    name: store.name,
    provides: (item) => item.kind === 'vcek' || item.kind === 'vlek',
    fetch: async (item) => {
      if (item.kind !== 'vcek' && item.kind !== 'vlek') return failure({ kind: 'unknown' });
      const { product, tcb } = item;
      try {
        const leaf = item.kind === 'vcek' ? await store.vcek(product, item.hwId, tcb) : await store.vlek(product, tcb);
        return leaf === undefined ? failure({ kind: 'unknown' }) : { kind: 'answer', answer: readLeaf(leaf, item) };
      } catch (error) {
        if (error instanceof DecodeError) return failure({ kind: 'form', what: error.message });
        return failure({ kind: 'unreachable', reason: error instanceof Error ? error.message : 'no words', ms: 0 });
      }
    },
  };
}

function exchangeFor(item: Item, base: URL): Exchange | undefined {
  switch (item.kind) {
    case 'vcek': {
      const url = new URL(`/vcek/v1/${item.product}/${item.hwId}`, base);
      for (const [name, value] of vcekQuery(item.tcb)) url.searchParams.set(name, value);
      return { url, read: ({ body }) => readLeaf(body, item) };
    }
    case 'amd-chain':
      return {
        url: new URL(`/${item.key}/v1/${item.product}/cert_chain`, base),
        read: ({ body }) => readChain(body),
      };
    case 'amd-crl':
      return { url: new URL(`/${item.key}/v1/${item.product}/crl`, base), read: ({ body }) => readCrl(body, 'crl') };
    default:
      return undefined;
  }
}

/** SPLs in the order of the vendor's examples, two decimal digits at least. */
function vcekQuery({ fmc, bootloader, tee, snp, microcode }: VcekTcb): (readonly [string, string])[] {
  const two = (value: number): string => String(value).padStart(2, '0');
  return [
    ...(fmc === undefined ? [] : [['fmcSPL', two(fmc)] as const]),
    ['blSPL', two(bootloader)],
    ['teeSPL', two(tee)],
    ['snpSPL', two(snp)],
    ['ucodeSPL', two(microcode)],
  ];
}

/** One certificate. A VCEK never changes; a VLEK is renewed, so that its end is the end of the record. */
function readLeaf(body: Uint8Array, item: Item): Answer {
  const [leaf, ...others] = parseCertificates(body);
  if (leaf === undefined || others.length > 0) throw new DecodeError('leaf certificate', 'not one certificate');
  const pieces = { leaf: leaf.der };
  return item.kind === 'vcek' ? { pieces } : { pieces, issued: leaf.notBefore, nextUpdate: leaf.notAfter };
}

/** Intermediate and ARK, in PEM. */
function readChain(body: Uint8Array): { pieces: { cert_chain: Uint8Array } } {
  return { pieces: { cert_chain: checkChain(decodeUtf8(body)) } };
}
