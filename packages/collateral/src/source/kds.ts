import { DecodeError, decodeUtf8 } from '@assay/bytes';
import { parseCertificate } from '@assay/evidence/x509';
import type { Fetcher } from '../http/fetcher.js';
import type { AmdProduct, Item, VcekTcb } from '../item/item.js';
import { checkChain, readCrl } from './answer.js';
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

/** A store of VCEKs that the owner filled: a folder, a service of the provider. */
export interface VcekStore {
  readonly name: string;
  /** DER, or undefined where the store has none. */
  vcek(product: AmdProduct, hwId: string, tcb: VcekTcb): Promise<Uint8Array | undefined>;
}

export function vcekStoreSource(store: VcekStore): Source {
  return {
    name: store.name,
    provides: (item) => item.kind === 'vcek',
    fetch: async (item) => {
      if (item.kind !== 'vcek') return failure({ kind: 'unknown' });
      try {
        const der = await store.vcek(item.product, item.hwId, item.tcb);
        return der === undefined ? failure({ kind: 'unknown' }) : { kind: 'answer', answer: readVcek(der) };
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
      return { url, read: ({ body }) => readVcek(body) };
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

function readVcek(body: Uint8Array): { pieces: { leaf: Uint8Array } } {
  parseCertificate(body);
  return { pieces: { leaf: body } };
}

/** Intermediate and ARK, in PEM. */
function readChain(body: Uint8Array): { pieces: { cert_chain: Uint8Array } } {
  return { pieces: { cert_chain: checkChain(decodeUtf8(body)) } };
}
