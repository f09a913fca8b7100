// npm run bench -- [NAME …] [--json]: one JSON document per benchmark, or text for a person.
import { parseArgs } from 'node:util';
import { type Report, renderReport } from './lib/report.js';

const benchmarks: Readonly<Record<string, () => Promise<Report>>> = {
  rcar: async () => (await import('./kbs/rcar.js')).benchRcar(),
  rego: async () => (await import('./rego/bench.js')).benchRego(),
  snp: async () => (await import('./evidence/snp.js')).benchSnp(),
  guest: async () => (await import('./guest/start.js')).benchGuest(),
  images: async () => (await import('./images/layers.js')).benchImages(),
  dcap: async () => (await import('./evidence/dcap.js')).benchDcap(),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
});
const wanted = positionals.length === 0 ? Object.keys(benchmarks) : positionals;
for (const name of wanted) {
  const run = benchmarks[name];
  if (run === undefined) {
    process.stderr.write(`no benchmark ${name}; there are ${Object.keys(benchmarks).join(', ')}\n`);
    process.exitCode = 2;
    break;
  }
  const report = await run();
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : renderReport(report));
}
