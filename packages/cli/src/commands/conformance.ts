import type { Command } from 'commander';
import { type CommonFlags, collect, command } from '../command.js';

export type ConformanceFlags = CommonFlags & { area?: readonly string[]; results?: string };

/** `assay conformance`: runs vector folders in the published format. */
export function conformanceCommand(): Command {
  return command('conformance', 'run every vector folder below a folder, and count what passes', [
    'assay conformance ../vectors --area rego',
    'assay conformance ../vectors --results results.jsonl',
  ])
    .argument('<dir>', 'folder with one folder an area, or the folder of one area')
    .option('--area <name>', 'only this area (repeatable)', collect)
    .option('--results <file>', 'write one JSON line per case: {area, id, pass, expected, result}')
    .action(async (dir: string, flags: ConformanceFlags) =>
      (await import('../conformance/run.js')).runConformance(dir, flags),
    );
}
