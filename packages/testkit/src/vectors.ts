import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Folder of the shared test vectors: `ASSAY_VECTORS`, or `shared/vectors` beside the repository.
 *
 * @returns the folder, or undefined where it is absent (a user's clone): tests then say that they are skipped.
 * @throws Error when it is absent with `CI=true`, where nothing may be skipped.
 */
export function vectorsRoot(): string | undefined {
  const asked = process.env['ASSAY_VECTORS'];
  const root = asked === undefined ? besideRepository() : resolve(asked);
  if (existsSync(root)) return root;
  if (asked !== undefined) throw new Error(`ASSAY_VECTORS names ${root}, which does not exist`);
  if (process.env['CI'] === 'true')
    throw new Error(`vectors not found in ${root}; with CI=true no test may be skipped`);
  return undefined;
}

/** Folder of one area (`tdx`, `rego` …), or undefined where the vectors are absent. */
export function vectorsArea(area: string): string | undefined {
  const root = vectorsRoot();
  if (root === undefined) return undefined;
  const folder = join(root, area);
  if (!existsSync(folder)) throw new Error(`the vectors have no area ${area}`);
  return folder;
}

/** The parsed `manifest.json` of an area. The shape differs by area; the caller validates it. */
export function loadManifest(area: string): unknown {
  const folder = vectorsArea(area);
  return folder === undefined ? undefined : JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
}

/** Number of runs of a fuzz target: `ASSAY_FUZZ_RUNS` or the default, so that CI stays short and a night may be long. */
export function fuzzRuns(defaultRuns: number): number {
  const asked = Number(process.env['ASSAY_FUZZ_RUNS']);
  return Number.isSafeInteger(asked) && asked > 0 ? asked : defaultRuns;
}

function besideRepository(): string {
  // packages/testkit/{src,dist} → repository → its parent
  const repository = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
  return join(repository, '..', 'shared', 'vectors');
}
