/** The keys of Hygon's chain, from the root down. */
import { USAGE } from './certificate/certificate.js';

export type CsvKeyName = 'HRK' | 'HSK' | 'CEK' | 'PEK';

/** Which key signed which, as far as both could be read. */
export interface CsvLinks {
  readonly hrk_self?: boolean;
  readonly hrk_hsk?: boolean;
  readonly hsk_cek?: boolean;
  readonly cek_pek?: boolean;
}

/** Usages that the keys of a chain must have. */
export const USAGES: { readonly [name in CsvKeyName]: number } = {
  HRK: USAGE.hrk,
  HSK: USAGE.hsk,
  CEK: USAGE.cek,
  PEK: USAGE.pek,
};
