// npm run fuzz -- [NAME …] [--runs N]: the fuzz targets (tests named *.fuzz.test.ts or described as fuzz), with more runs than the test-suite takes.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '100000' } },
});
if (!/^\d{1,9}$/.test(values.runs)) {
  process.stderr.write('--runs takes a whole number\n');
  process.exit(2);
}
const filters = positionals.length === 0 ? ['packages/'] : positionals.map((name) => `packages/${name}`);
const run = spawnSync('npx', ['vitest', 'run', '-t', 'fuzz', '--testTimeout', '3600000', ...filters], {
  stdio: 'inherit',
  env: { ...process.env, ASSAY_FUZZ_RUNS: values.runs },
});
process.exitCode = run.status ?? 1;
