/**
 * Which ids of the register no check uses, and which used ids no test names:
 * `npx tsx --conditions=@assay/source packages/bytes/scripts/finding-coverage.ts`. Ends with 1 when a used id has no test.
 *
 * A name in a test is no proof that removing the check turns it red; an id without one is proof that nothing does.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FINDING_IDS, type FindingId } from '../src/findings/index.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const REGISTER = join('packages', 'bytes', 'src', 'findings', 'register');
/** An id as it stands in source: quoted, so that `rv.value.time` is not found in a longer word. */
const quoted = /['"`]([a-z][a-z0-9-]*\.[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*)['"`]/g;

const used = new Map<string, Set<string>>();
const tested = new Set<string>();
for (const file of [...sources('packages'), ...sources('e2e')]) {
  if (file.startsWith(REGISTER)) continue;
  const isTest = /\.test(\.helper)?\.ts$/.test(file) || file.startsWith('e2e');
  for (const [, id = ''] of readFileSync(join(ROOT, file), 'utf8').matchAll(quoted)) {
    if (isTest) tested.add(id);
    else used.set(id, (used.get(id) ?? new Set()).add(file));
  }
}
const unused = FINDING_IDS.filter((id) => !used.has(id));
const untested = FINDING_IDS.filter((id) => used.has(id) && !tested.has(id));
process.stdout.write(`${FINDING_IDS.length} ids\n\nused by no check (${unused.length})\n`);
for (const id of unused) process.stdout.write(`  ${id}\n`);
process.stdout.write(`\nused, and in no test (${untested.length})\n`);
for (const id of untested) process.stdout.write(`  ${id}  ${filesOf(id)}\n`);
process.exitCode = untested.length === 0 ? 0 : 1;

function filesOf(id: FindingId): string {
  return [...(used.get(id) ?? [])].join(', ');
}

function sources(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : sources(path);
    return entry.name.endsWith('.ts') ? [relative('.', path)] : [];
  });
}
