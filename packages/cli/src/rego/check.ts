import { allBuiltins } from '@assay/rego/node';
import { check } from '@assay/rego/tools';
import { outputOf } from '../command.js';
import type { CheckFlags } from '../commands/rego.js';
import { EXIT } from '../exit.js';
import { styled } from '../terminal/style.js';
import { loadModules } from './sources.js';

/** `assay rego check`. */
export function regoCheck(paths: readonly string[], flags: CheckFlags): void {
  const found = check(loadModules([...paths, ...(flags.data ?? [])]), {
    regoVersion: flags.v0Compatible === true ? 'v0' : 'v1',
    mode: flags.mode,
    builtins: allBuiltins,
    ...(flags.strict === true ? { strict: true } : {}),
    ...(flags.purpose === undefined ? {} : { purpose: flags.purpose }),
    ...(flags.trusteeProfile === true ? { trusteeProfile: true } : {}),
  });
  const errors = found.filter((finding) => finding.severity === 'error');
  outputOf(flags).result({ ok: errors.length === 0, findings: found }, (out) => {
    for (const { severity, loc, code, message, remedy } of found) {
      out.write(
        `${loc.file}:${loc.row}:${loc.col}: ${styled(out, severity === 'error' ? 'red' : 'yellow', severity)}: ${message} [${code}]\n`,
      );
      out.write(`    ${styled(out, 'cyan', 'do')} ${remedy}\n`);
    }
    if (found.length === 0) out.write(`${styled(out, 'green', 'ok')}\n`);
  });
  if (errors.length > 0) process.exitCode = EXIT.malformed;
}
