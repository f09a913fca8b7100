import { verifyManifest } from '@assay/evidence/nvidia';
import type { TrustAnchor } from '@assay/evidence/x509';
import { type CollateralSet, collateralSet } from '../intel.js';
import { type Item, itemName } from '../item/item.js';
import type { CollateralRecord } from '../item/record.js';
import { type ItemCheck, Keeper, type KeeperOptions } from '../keeper.js';

export interface NvidiaManifestsOptions extends KeeperOptions {
  /** Roots of manifests. What does not hang on one of them is neither kept nor handed out. */
  readonly anchors: readonly TrustAnchor[];
}

/** NVIDIA's reference manifests, by name. */
export class NvidiaManifests {
  readonly keeper: Keeper;
  readonly #anchors: readonly TrustAnchor[];

  constructor(options: NvidiaManifestsOptions) {
    this.keeper = new Keeper(options);
    this.#anchors = options.anchors;
  }

  /** Rejects only when the cache fails. Endorsements are named after the manifests (`rim:<name>`). */
  async get(names: readonly string[]): Promise<CollateralSet> {
    const outcomes = await Promise.all(names.map((id) => this.keeper.get({ kind: 'nvidia-rim', id }, this.#check)));
    const endorsements = outcomes.flatMap(({ record }, index): [string, Uint8Array][] => {
      const bytes = record?.pieces['rim'];
      return bytes === undefined ? [] : [[`rim:${names[index] ?? ''}`, bytes]];
    });
    return { ...collateralSet(outcomes), endorsements: Object.fromEntries(endorsements) };
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

  /** Signature and form; the keeper judges dates, so they are looked at when the signer was young. */
  readonly #check: ItemCheck = (item, record) => {
    if (item.kind !== 'nvidia-rim') return 'no reference manifest';
    const bytes = record.pieces['rim'] ?? new Uint8Array(0);
    const at = record.issued ?? record.fetchedAt;
    const { findings, manifest } = verifyManifest(bytes, item.id, this.#anchors, at, 'the beginning of its signer');
    if (manifest !== undefined) return undefined;
    return findings.find(({ outcome }) => outcome === 'fail')?.title ?? 'does not verify';
  };
}
