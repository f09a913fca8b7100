/** The guest policy of CSV: what the guest's owner demanded of the firmware at launch. */
export interface CsvPolicy {
  readonly flags: { readonly [flag in CsvPolicyFlag]: boolean };
  readonly hskVersion: number;
  readonly cekVersion: number;
  readonly apiMajor: number;
  readonly apiMinor: number;
}

/** Flags in the order of their bits, from bit 0. */
export const CSV_POLICY_FLAGS = ['nodbg', 'noks', 'es', 'nosend', 'domain', 'csv', 'csv3', 'asid_reuse'] as const;
export type CsvPolicyFlag = (typeof CSV_POLICY_FLAGS)[number];

export function readCsvPolicy(value: number): CsvPolicy {
  const bit = (index: number): boolean => ((value >>> index) & 1) === 1;
  return {
    flags: Object.fromEntries(CSV_POLICY_FLAGS.map((flag, index) => [flag, bit(index)])) as CsvPolicy['flags'],
    hskVersion: (value >>> 8) & 0xf,
    cekVersion: (value >>> 12) & 0xf,
    apiMajor: (value >>> 16) & 0xff,
    apiMinor: (value >>> 24) & 0xff,
  };
}

/** `nodbg, es`: the flags that are set. */
export function csvPolicyNames(policy: CsvPolicy): string {
  const names = CSV_POLICY_FLAGS.filter((flag) => policy.flags[flag]);
  return names.length === 0 ? 'no flag' : names.join(', ');
}
