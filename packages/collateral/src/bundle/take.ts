import type { AmdCollateral } from '../amd.js';
import type { HygonCollateral } from '../hygon.js';
import type { IntelCollateral } from '../intel.js';
import type { Item } from '../item/item.js';
import { parseItemKey } from '../item/parse-key.js';
import type { CollateralRecord } from '../item/record.js';
import type { NvidiaManifests } from '../nvidia/manifests.js';
import type { Bundle } from './bundle.js';

/** Where records of a bundle go; a vendor that is left out is passed over. */
export interface BundleTargets {
  readonly intel?: IntelCollateral;
  readonly amd?: AmdCollateral;
  readonly hygon?: HygonCollateral;
  readonly nvidia?: NvidiaManifests;
}

/** What became of a bundle. */
export interface TakenBundle {
  readonly taken: number;
  /** One line per record that does not verify or is of no known item. */
  readonly problems: readonly string[];
}

/** Puts the records of a bundle into the caches. Each is verified like a fetched one; an older issue replaces no newer one. */
export async function takeBundle(bundle: Bundle, targets: BundleTargets): Promise<TakenBundle> {
  const intel: [Item, CollateralRecord][] = [];
  const amd: [Item, CollateralRecord][] = [];
  const hygon: [Item, CollateralRecord][] = [];
  const nvidia: [Item, CollateralRecord][] = [];
  const unknown: string[] = [];
  for (const record of bundle.records) {
    const item = parseItemKey(record.key);
    if (item === undefined) unknown.push('a record is of no known item');
    else if (item.kind === 'hsk-cek') hygon.push([item, record]);
    else if (item.kind === 'nvidia-rim') nvidia.push([item, record]);
    else (record.key.startsWith('amd/') ? amd : intel).push([item, record]);
  }
  const results = [
    targets.intel === undefined ? { asked: 0, problems: [] } : await taken(intel, targets.intel),
    targets.amd === undefined ? { asked: 0, problems: [] } : await taken(amd, targets.amd),
    targets.hygon === undefined ? { asked: 0, problems: [] } : await taken(hygon, targets.hygon),
    targets.nvidia === undefined ? { asked: 0, problems: [] } : await taken(nvidia, targets.nvidia),
  ];
  const problems = results.flatMap((result) => result.problems);
  const asked = results.reduce((sum, result) => sum + result.asked, 0);
  return { taken: asked - problems.length, problems: [...unknown, ...problems] };
}

async function taken(
  records: readonly (readonly [Item, CollateralRecord])[],
  target: IntelCollateral | AmdCollateral | HygonCollateral | NvidiaManifests,
): Promise<{ asked: number; problems: readonly string[] }> {
  return { asked: records.length, problems: await target.take(records) };
}
