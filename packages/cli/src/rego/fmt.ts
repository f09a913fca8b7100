import { writeFileSync } from 'node:fs';
import { format } from '@assay/rego/node';
import { outputOf } from '../command.js';
import type { FmtFlags } from '../commands/rego.js';
import { EXIT } from '../exit.js';
import { readInput } from '../files.js';
import { asCliError, loadModules } from './sources.js';

/** `assay rego fmt`. */
export function regoFmt(paths: readonly string[], flags: FmtFlags): void {
  const sources = paths.length === 0 ? [{ file: '-', text: readInput('-').toString('utf8') }] : loadModules(paths);
  const regoVersion = flags.v0Compatible === true ? 'v0' : 'v1';
  const results = sources.map(({ file, text }) => {
    try {
      const formatted = format(text, { file, regoVersion });
      return { file, formatted, changed: formatted !== text };
    } catch (error) {
      throw asCliError(error);
    }
  });
  const changed = results.filter((result) => result.changed);
  if (flags.write === true) for (const { file, formatted } of changed) if (file !== '-') writeFileSync(file, formatted);
  outputOf(flags).result({ changed: changed.map(({ file }) => file) }, (out) => {
    if (flags.list === true) out.write(changed.map(({ file }) => `${file}\n`).join(''));
    else if (flags.write !== true) for (const { formatted } of results) out.write(formatted);
  });
  if (flags.fail === true && changed.length > 0) process.exitCode = EXIT.refused;
}
