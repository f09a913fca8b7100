/** Values of registers as they came with a quote, and the digest that the quote holds of them. */
import { createHash } from 'node:crypto';
import { hashOf, type TpmHash } from '../structures/algorithm.js';
import type { PcrSelectionList } from '../structures/pcr-selection.js';

/** Index to value. */
export type PcrBank = ReadonlyMap<number, Uint8Array>;
export type PcrValues = ReadonlyMap<TpmHash, PcrBank>;

/** Values in the order of their indexes, from PCR 0. */
export function pcrList(bank: TpmHash, values: readonly Uint8Array[]): PcrValues {
  return new Map([[bank, new Map(values.map((value, index) => [index, value]))]]);
}

/** Selected registers without a value of their bank's size. */
export function missingValues(
  selection: PcrSelectionList,
  values: PcrValues,
): readonly { readonly bank: TpmHash; readonly indexes: readonly number[] }[] {
  return selection.flatMap(({ bank, indexes }) => {
    const { size } = hashOf(bank);
    const missing = indexes.filter((index) => values.get(bank)?.get(index)?.length !== size);
    return missing.length === 0 ? [] : [{ bank, indexes: missing }];
  });
}

/**
 * Digest of the selected values: banks in the order of the list, indexes ascending (TPM 2.0 Library, Part 3, TPM2_Quote).
 *
 * @param hash of the signing scheme, whatever the banks are
 */
export function pcrDigest(hash: TpmHash, selection: PcrSelectionList, values: PcrValues): Uint8Array {
  const digest = createHash(hash);
  for (const { bank, indexes } of selection) {
    for (const index of indexes) digest.update(values.get(bank)?.get(index) ?? new Uint8Array());
  }
  return new Uint8Array(digest.digest());
}

/** The selected values alone: nothing vouches for others. */
export function selectedValues(selection: PcrSelectionList, values: PcrValues): PcrValues {
  return new Map(
    selection.map(({ bank, indexes }) => [
      bank,
      new Map(
        indexes.flatMap((index): [number, Uint8Array][] => {
          const value = values.get(bank)?.get(index);
          return value === undefined ? [] : [[index, value]];
        }),
      ),
    ]),
  );
}

/** `sha256: 0-7, 14`, for a line of text. */
export function selectionInWords(selection: PcrSelectionList): string {
  const banks = selection.map(({ bank, indexes }) => `${bank}: ${rangesInWords(indexes)}`);
  return banks.length === 0 ? 'none' : banks.join('; ');
}

/** `0-7, 14`; indexes ascending. */
export function rangesInWords(indexes: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const index of indexes) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === index - 1) last[1] = index;
    else ranges.push([index, index]);
  }
  return ranges.length === 0
    ? 'none'
    : ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
}
