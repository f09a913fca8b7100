import { randomBytes } from 'node:crypto';
import { benchmark } from '@assay/rego/tools';
import { outputOf } from '../command.js';
import type { BenchFlags } from '../commands/rego.js';
import { CliError, EXIT } from '../exit.js';
import { columns } from '../terminal/style.js';
import { compileBundle, loadBundle, loadInput } from './sources.js';

/** `assay rego bench`. */
export function regoBench(query: string, flags: BenchFlags): void {
  const seconds = Number(flags.seconds);
  if (!(seconds > 0 && seconds <= 600)) throw new CliError('--seconds takes a number up to 600', EXIT.usage);
  const { modules, data } = loadBundle(flags.data ?? []);
  const begun = performance.now();
  const policy = compileBundle(modules, flags);
  const compileMilliseconds = performance.now() - begun;
  const report = benchmark(policy, {
    ...(/^data(\.[A-Za-z_]\w*)+$/.test(query) ? { entrypoint: query } : { query }),
    data,
    input: loadInput(flags.input),
    now: new Date(),
    random: (length) => randomBytes(length),
    clock: () => performance.now(),
    milliseconds: seconds * 1000,
  });
  outputOf(flags).result({ compileMilliseconds, ...report }, (out) =>
    out.write(
      columns([
        ['compile', `${compileMilliseconds.toFixed(2)} ms`],
        ['evaluations', String(report.evaluations)],
        ['per second', report.perSecond.toFixed(0)],
        ['median', `${report.microseconds.median.toFixed(2)} µs`],
        ['fastest', `${report.microseconds.fastest.toFixed(2)} µs`],
        ['slowest', `${report.microseconds.slowest.toFixed(2)} µs`],
      ]),
    ),
  );
}
