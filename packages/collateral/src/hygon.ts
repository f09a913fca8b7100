import { DecodeError } from '@assay/bytes';
import { type CsvTrust, examineChain, hskCekName, splitHskCek } from '@assay/evidence/csv';
import { type CollateralSet, collateralSet } from './intel.js';
import { type Item, itemName } from './item/item.js';
import type { CollateralRecord } from './item/record.js';
import { type ItemCheck, Keeper, type KeeperOptions } from './keeper.js';

export interface HygonCollateralOptions extends KeeperOptions {
  /** HRKs. What does not hang on one of them is neither kept nor handed out. */
  readonly trust: CsvTrust;
}

/** What a report, or the reports of several devices, need. */
export interface HygonRequest {
  readonly serials: readonly string[];
  readonly at?: Date;
}

/** HSK and CEK of Hygon's chips. They have no dates and never change: each is fetched once, ever. */
export class HygonCollateral {
  readonly keeper: Keeper;
  readonly #trust: CsvTrust;

  constructor(options: HygonCollateralOptions) {
    this.keeper = new Keeper(options);
    this.#trust = options.trust;
  }

  /** Rejects only when the cache fails. Endorsements are named after the chips (`hsk_cek/<serial>`). */
  async get({ serials, at }: HygonRequest): Promise<CollateralSet> {
    const outcomes = await Promise.all(
      serials.map((serial) => {
        const item: Item = { kind: 'hsk-cek', serial };
        return at === undefined ? this.keeper.get(item, this.#check) : this.keeper.asOf(item, at, this.#check);
      }),
    );
    const endorsements = outcomes.flatMap(({ record }, index): [string, Uint8Array][] => {
      const bytes = record?.pieces['hsk_cek'];
      return bytes === undefined ? [] : [[hskCekName(serials[index] ?? ''), bytes]];
    });
    return { ...collateralSet(outcomes, at), endorsements: Object.fromEntries(endorsements) };
  }

  /** Takes records of a bundle. @returns one line for each that does not hold */
  async take(records: readonly (readonly [Item, CollateralRecord])[]): Promise<readonly string[]> {
    const problems: string[] = [];
    for (const [item, record] of records) {
      const wrong = await this.keeper.take(item, record, this.#check);
      if (wrong !== undefined) problems.push(`${itemName(item)}: ${wrong}`);
    }
    return problems;
  }

  readonly #check: ItemCheck = (_, record) => {
    try {
      const { verified, findings } = examineChain(
        splitHskCek(record.pieces['hsk_cek'] ?? new Uint8Array()),
        this.#trust,
      );
      if (verified !== undefined) return undefined;
      return findings.find(({ outcome }) => outcome === 'fail')?.title ?? 'does not verify';
    } catch (error) {
      if (error instanceof DecodeError) return error.message;
      throw error;
    }
  };
}
