import { closeSync, existsSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { listInLine } from '@assay/bytes/findings';
import { outputOf } from '../command.js';
import type { ConformanceFlags } from '../commands/conformance.js';
import { CliError, EXIT } from '../exit.js';
import { columns, styled } from '../terminal/style.js';
import { areaRunners, type CaseReport } from './areas.js';

interface AreaCount {
  readonly area: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Why cases were skipped, where all of them were. */
  readonly reason?: string;
}

/** Runs the vector folders below `dir`; ends with `N passed, N failed, N skipped`. */
export async function runConformance(dir: string, flags: ConformanceFlags): Promise<void> {
  const output = outputOf(flags);
  const areas = areasBelow(resolve(dir)).filter(({ name }) => flags.area === undefined || flags.area.includes(name));
  const unknown = (flags.area ?? []).filter((wanted) => !areas.some(({ name }) => name === wanted));
  if (areas.length === 0 || unknown.length > 0) {
    throw new CliError(
      unknown.length > 0 ? `no vectors for ${unknown.join(', ')} below ${dir}` : `no vectors below ${dir}`,
      EXIT.unreachable,
      {
        hint: 'give a folder whose sub-folders have a manifest.json, or one of those folders',
      },
    );
  }
  const results = flags.results === undefined ? undefined : openSync(flags.results, 'w');
  const counts: AreaCount[] = [];
  const failures: CaseReport[] = [];
  try {
    for (const { name, path } of areas) {
      if (!output.json) output.err.write(`running ${name} …\n`);
      counts.push(
        await runArea(name, path, (report) => {
          if (results !== undefined) writeSync(results, `${JSON.stringify(report)}\n`);
          if (!report.pass && !report.skipped) failures.push(report);
        }),
      );
    }
  } finally {
    if (results !== undefined) closeSync(results);
  }
  const total = { passed: sum(counts, 'passed'), failed: sum(counts, 'failed'), skipped: sum(counts, 'skipped') };
  output.result({ areas: counts, ...total, failures }, (out) => {
    for (const { area, id, differing = [] } of failures.slice(0, 50)) {
      const where = differing.length === 0 ? '' : `: ${listInLine(differing, 6)}`;
      out.write(`${styled(out, 'red', 'failed')} ${area} ${id}${where}\n`);
    }
    if (failures.length > 50) out.write(`and ${failures.length - 50} more: --results FILE has them all\n`);
    out.write(
      columns(
        counts.map((c) => [
          c.area,
          `${c.passed} passed`,
          `${c.failed} failed`,
          `${c.skipped} skipped`,
          c.reason === undefined ? '' : `(${c.reason})`,
        ]),
      ),
    );
    out.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  });
  if (total.failed > 0) process.exitCode = EXIT.refused;
}

async function runArea(area: string, path: string, onCase: (report: CaseReport) => void): Promise<AreaCount> {
  const runner = areaRunners[area];
  if (runner === undefined)
    return { area, passed: 0, failed: 0, skipped: casesOf(path), reason: 'this release has no verifier for it' };
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  await runner(path, (report) => {
    if (report.skipped) skipped += 1;
    else if (report.pass) passed += 1;
    else failed += 1;
    onCase(report);
  });
  return { area, passed, failed, skipped };
}

function areasBelow(dir: string): readonly { readonly name: string; readonly path: string }[] {
  if (existsSync(join(dir, 'manifest.json'))) return [{ name: basename(dir), path: dir }];
  if (!existsSync(dir) || !statSync(dir).isDirectory()) return [];
  return readdirSync(dir)
    .sort()
    .map((name) => ({ name, path: join(dir, name) }))
    .filter(({ path }) => existsSync(join(path, 'manifest.json')));
}

function casesOf(path: string): number {
  const manifest: unknown = JSON.parse(readFileSync(join(path, 'manifest.json'), 'utf8'));
  return Array.isArray(manifest) ? manifest.length : 1;
}

function sum(counts: readonly AreaCount[], of: 'passed' | 'failed' | 'skipped'): number {
  return counts.reduce((total, count) => total + count[of], 0);
}
