// npm run mutate -- PACKAGE FOLDER…: for every `if` of the sources, is there a test that goes red when it no longer decides?
// Works on a copy. Each condition is made false, then true where the branch accepts; survivors are printed and counted.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));
const [name, ...folders] = process.argv.slice(2);
if (name === undefined || folders.length === 0) {
  process.stderr.write('usage: npm run mutate -- PACKAGE FOLDER…   (e.g. evidence dcap x509)\n');
  process.exit(2);
}
const copy = mkdtempSync(join(tmpdir(), 'assay-mutate-'));
process.once('exit', () => rmSync(copy, { recursive: true, force: true }));
mkdirSync(join(copy, 'packages'));
for (const file of ['package.json', 'vitest.config.ts', 'tsconfig.base.json'])
  cpSync(join(repository, file), join(copy, file));
symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'));
for (const other of readdirSync(join(repository, 'packages'))) {
  if (other !== name) symlinkSync(join(repository, 'packages', other), join(copy, 'packages', other));
}
cpSync(join(repository, 'packages', name), join(copy, 'packages', name), { recursive: true });

const source = join(copy, 'packages', name, 'src');
const tests = folders.map((folder) => join('packages', name, 'src', folder));
const environment = {
  ...process.env,
  ASSAY_VECTORS: process.env['ASSAY_VECTORS'] ?? join(repository, '..', 'shared', 'vectors'),
  ASSAY_FUZZ_RUNS: '25',
};
if (!green()) {
  process.stderr.write('the tests fail before anything is changed\n');
  process.exit(1);
}
let tried = 0;
let survived = 0;
for (const file of folders.flatMap((folder) => sources(join(source, folder)))) {
  const text = readFileSync(file, 'utf8');
  for (const { condition, from, then, to } of conditions(text)) {
    const accepts = /passed\(|PASSED|continue;|return (\[\]|undefined|true)/.test(then);
    for (const value of accepts ? [false, true] : [false]) {
      writeFileSync(file, `${text.slice(0, from)}${value ? 'true ||' : 'false &&'} (${condition})${text.slice(to)}`);
      tried += 1;
      if (green()) {
        survived += 1;
        const line = text.slice(0, from).split('\n').length;
        process.stdout.write(`${relative(source, file)}:${line} always ${value}: ${condition.replace(/\s+/g, ' ')}\n`);
      }
    }
  }
  writeFileSync(file, text);
}
process.stdout.write(`${tried} changes, ${survived} survivors\n`);
process.exitCode = survived === 0 ? 0 : 1;

function green(): boolean {
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const run = spawnSync(process.execPath, [vitest, 'run', '--bail', '1', ...tests], {
    cwd: copy,
    env: environment,
    timeout: 300_000,
  });
  return run.status === 0;
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'testing' ? [] : sources(path);
    return entry.name.endsWith('.ts') && !/\.test\./.test(entry.name) ? [path] : [];
  });
}

/** Conditions of `if`, with the rest of the line behind them. Those that only pass a foreign exception on are left out. */
function conditions(text: string): { condition: string; from: number; to: number; then: string }[] {
  return [...text.matchAll(/\bif \(/g)].flatMap((match) => {
    const from = match.index + match[0].length;
    let to = from;
    for (let depth = 1; depth > 0; to += 1) depth += text[to] === '(' ? 1 : text[to] === ')' ? -1 : 0;
    const condition = text.slice(from, to - 1);
    const [then = ''] = text.slice(to).split('\n');
    return /instanceof/.test(condition) ? [] : [{ condition, from, to: to - 1, then }];
  });
}
