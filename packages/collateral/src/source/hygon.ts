import { DecodeError } from '@assay/bytes';
import { splitHskCek } from '@assay/evidence/csv';
import type { Fetcher } from '../http/fetcher.js';
import type { Answer } from './answer.js';
import { exchange, failure, type Source } from './source.js';

/** Where Hygon serves the certificates of its chips. */
export const HYGON_KDS = 'https://cert.hygon.cn';

export interface HygonKdsOptions {
  /** Scheme and host. Default {@link HYGON_KDS}. */
  readonly url?: string;
  readonly fetcher: Fetcher;
}

/** Hygon's key service: HSK and CEK of a chip by its serial number. */
export function hygonKdsSource(options: HygonKdsOptions): Source {
  const base = new URL(options.url ?? HYGON_KDS);
  return {
    name: base.host,
    provides: (item) => item.kind === 'hsk-cek',
    fetch: async (item) => {
      if (item.kind !== 'hsk-cek') return failure({ kind: 'unknown' });
      const url = new URL('/hsk_cek', base);
      url.searchParams.set('snumber', item.serial);
      return exchange(options.fetcher, 'hygon', item, { url, read: ({ body }) => readHskCek(body) });
    },
  };
}

/**
 * A folder with the certificates of chips, as Trustee's offline store lays it out: `<serial number>/hsk_cek.cert`.
 *
 * @param name for findings
 * @param read gives a file of the folder by its relative path, or undefined where there is none
 */
export function hskCekFolder(name: string, read: (path: string) => Promise<Uint8Array | undefined>): Source {
  return {
    name,
    provides: (item) => item.kind === 'hsk-cek',
    fetch: async (item) => {
      if (item.kind !== 'hsk-cek') return failure({ kind: 'unknown' });
      try {
        const bytes = await read(`${item.serial}/hsk_cek.cert`);
        return bytes === undefined ? failure({ kind: 'unknown' }) : { kind: 'answer', answer: readHskCek(bytes) };
      } catch (error) {
        if (error instanceof DecodeError) return failure({ kind: 'form', what: error.message });
        return failure({ kind: 'unreachable', reason: error instanceof Error ? error.message : 'no words', ms: 0 });
      }
    },
  };
}

/** Exactly HSK and CEK. @throws DecodeError */
function readHskCek(bytes: Uint8Array): Answer {
  splitHskCek(bytes);
  return { pieces: { hsk_cek: bytes } };
}
