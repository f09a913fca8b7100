import { randomBytes } from 'node:crypto';
import { runTests, type TestReport, type TestResult } from '@assay/rego/tools';
import { outputOf } from '../command.js';
import type { TestFlags } from '../commands/rego.js';
import { CliError, EXIT } from '../exit.js';
import { styled, type Terminal } from '../terminal/style.js';
import { compileBundle, loadBundle } from './sources.js';

/** `assay rego test`. */
export function regoTest(paths: readonly string[], flags: TestFlags): void {
  const { modules, data } = loadBundle([...paths, ...(flags.data ?? [])]);
  const threshold = flags.threshold === undefined ? undefined : Number(flags.threshold);
  if (threshold !== undefined && !(threshold >= 0 && threshold <= 100))
    throw new CliError('--threshold takes 0 to 100', EXIT.usage);
  const coverage = flags.coverage === true || threshold !== undefined;
  const report = runTests(compileBundle(modules, flags), {
    data,
    clock: () => performance.now(),
    now: new Date(),
    random: (length) => randomBytes(length),
    coverage,
    explain: flags.verbose === true,
    ...(flags.run === undefined ? {} : { filter: filterOf(flags.run) }),
  });
  outputOf(flags).result(report, (out) => out.write(render(out, report, flags)));
  if (report.failed + report.errors > 0) process.exitCode = EXIT.refused;
  if (threshold !== undefined && (report.coverage?.coverage ?? 0) < threshold) {
    outputOf(flags).note(`coverage ${report.coverage?.coverage.toFixed(1)} % is below ${threshold} %`);
    process.exitCode = EXIT.refused;
  }
}

function filterOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new CliError(`--run: \`${text}\` is not a regular expression`, EXIT.usage);
  }
}

function render(out: Terminal, report: TestReport, flags: TestFlags): string {
  const shown = report.results.filter((result) => flags.verbose === true || result.outcome !== 'pass');
  const lines = shown.map((result) => line(out, result));
  const total = report.results.length;
  lines.push(
    `${styled(out, report.failed + report.errors > 0 ? 'red' : 'green', report.failed + report.errors > 0 ? 'FAIL' : 'PASS')}: ${report.passed}/${total}`,
  );
  if (report.failed + report.errors > 0)
    lines.push(`failed: ${report.failed}, errors: ${report.errors}, skipped: ${report.skipped}`);
  if (report.coverage !== undefined) {
    for (const file of report.coverage.files) {
      lines.push(
        `${file.coverage.toFixed(1).padStart(5)} %  ${file.file}${file.notCovered.length === 0 ? '' : `  not covered: ${file.notCovered.join(', ')}`}`,
      );
    }
    lines.push(`${report.coverage.coverage.toFixed(1).padStart(5)} %  in all`);
  }
  return `${lines.join('\n')}\n`;
}

function line(out: Terminal, result: TestResult): string {
  const colour = ({ pass: 'green', fail: 'red', error: 'red', skip: 'yellow' } as const)[result.outcome];
  const head = `${result.file}:${result.row}: ${result.name}: ${styled(out, colour, result.outcome.toUpperCase())} (${result.milliseconds.toFixed(2)} ms)`;
  const why = result.trace?.rules.flatMap((rule) =>
    rule.bodies.flatMap(({ failure }) =>
      failure === undefined ? [] : [`    ${rule.path} fails at ${failure.row}:${failure.col}  ${failure.expression}`],
    ),
  );
  return [
    head,
    ...(result.message === undefined ? [] : [`    ${result.message}`]),
    ...result.output.map((text) => `    | ${text}`),
    ...(why ?? []),
  ].join('\n');
}
