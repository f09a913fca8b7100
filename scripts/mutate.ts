// npm run mutate -- PACKAGE FOLDER…: for every `if` of the sources, is there a test that goes red when it no longer decides?
// Each condition is made false, then true where the branch accepts; survivors are printed and counted. See docs/mutation.md.
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Change, planOf } from './mutate/conditions.ts';
import { notes } from './mutate/journal.ts';
import { greenUnder, runUnderChanges } from './mutate/tests.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    also: { type: 'string', multiple: true, default: [] },
    'as-root': { type: 'boolean', default: false },
  },
});
const [name, ...folders] = positionals;
if (name === undefined || folders.length === 0) {
  process.stderr.write(
    'usage: npm run mutate -- PACKAGE FOLDER… [--also FOLDER-WITH-TESTS]   (e.g. evidence dcap x509)\n',
  );
  process.exit(2);
}
// Guards of unpacking are taken away too: hostile archives of the tests have then written into /usr.
if (process.getuid?.() === 0 && !values['as-root']) {
  process.stderr.write(
    'Run this as an ordinary user: what the changed checks would refuse can reach the whole machine. --as-root insists.\n',
  );
  process.exit(2);
}
const packages = fileURLToPath(new URL('../packages', import.meta.url));
const source = join(packages, name, 'src');
const work = mkdtempSync(join(tmpdir(), 'mutate-'));
// PostgreSQL of tests runs as another user where this one is root.
chmodSync(work, 0o711);
// Tests that are killed leave what they made; it goes with the rest.
process.env['TMPDIR'] = work;
process.once('exit', () => rmSync(work, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const planFile = join(work, 'plan.json');
const journal = join(work, 'journal');

const plan = planOf(folders.map((folder) => join(source, folder)));
writeFileSync(planFile, JSON.stringify(plan));
await runUnderChanges(planFile, journal, testFiles());

const killed = new Set<number>();
const red = new Set<string>();
const reachedBy = new Map<number, Set<string>>();
for (const entry of notes(journal)) {
  if (entry.kind === 'killed') killed.add(entry.change);
  if (entry.kind === 'red') {
    red.add(entry.file);
    process.stdout.write(`red before anything is changed: ${entry.test}\n`);
  }
  if (entry.kind !== 'reached') continue;
  for (const change of entry.changes) reachedBy.set(change, (reachedBy.get(change) ?? new Set()).add(entry.file));
}
for (const [id, change] of plan.changes.entries()) {
  if (killed.has(id)) continue;
  const files = [...(reachedBy.get(id) ?? [])].filter((file) => !red.has(file));
  if (files.length === 0) {
    tellSurvivor(change, ', not reached');
    // Whole files with the change on from the start: what was cached or made outside of tests counts now.
  } else if (await greenUnder(planFile, id, files)) tellSurvivor(change, '');
  else killed.add(id);
}
let survivors = 0;
for (const folder of folders) {
  const own = [...plan.changes.entries()].filter(([, { file }]) => file.startsWith(join(source, folder, '/')));
  const dead = own.filter(([id]) => killed.has(id)).length;
  survivors += own.length - dead;
  process.stdout.write(`${folder}: ${own.length} changes, ${dead} killed, ${own.length - dead} survivors\n`);
}
process.exitCode = survivors === 0 ? 0 : 1;

function tellSurvivor({ file, line, condition, always }: Change, why: string): void {
  process.stdout.write(`${relative(source, file)}:${line} always ${always}${why}: ${condition}\n`);
}

/** Tests of the package, for `evidence` of soft-tee as well, which makes it, and of what is named; without fuzz tests. */
function testFiles(): string[] {
  const owners = name === 'evidence' ? [source, join(packages, 'soft-tee', 'src')] : [source];
  return [...owners, ...values.also.map((folder) => resolve(folder))].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts') && !file.endsWith('fuzz.test.ts'))
      .map((file) => join(folder, file)),
  );
}
