/** Runs the conformance corpus and prints what fails: `corpus.ts [-v] [suite[/topic]]…`. */
import { vectorsArea } from '@assay/testkit';
import { runRegoConformance } from '../src/node.js';

const args = process.argv.slice(2);
const verbose = args.includes('-v');
const areas = args.filter((arg) => !arg.startsWith('-'));
const dir = vectorsArea('rego');
if (dir === undefined) throw new Error('the vectors are absent');

const totals = new Map<string, [number, number]>();
runRegoConformance(dir, {
  ...(areas.length > 0 ? { areas } : {}),
  onCase: (report) => {
    const suite = report.id.split('/')[0] ?? '';
    const total = totals.get(suite) ?? [0, 0];
    total[report.pass ? 0 : 1]++;
    totals.set(suite, total);
    if (report.pass) return;
    const width = verbose ? 2000 : 150;
    print(`FAIL ${report.id} ${report.note}`);
    print(`  want ${text(report.expected).slice(0, width)}`);
    print(`  got  ${text(report.result).slice(0, width)}`);
  },
});
for (const [suite, [pass, fail]] of totals) print(`${suite}: ${pass} passed, ${fail} failed`);

function text(value: unknown): string {
  return JSON.stringify(value, (_k, v: unknown) => (typeof v === 'bigint' ? String(v) : v)) ?? '';
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
