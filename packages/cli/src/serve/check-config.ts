import { fatalIssues, loadConfig, renderIssue } from '@assay/server';
import { type CommonFlags, outputOf } from '../command.js';
import { EXIT } from '../exit.js';
import { styled } from '../terminal/style.js';

/** Reads a configuration and names everything wrong or without effect in it. */
export function checkConfig(file: string, flags: CommonFlags): void {
  const { settings, issues, dialect } = loadConfig({ file });
  outputOf(flags).result({ dialect, ok: settings !== undefined, issues }, (out) => {
    for (const issue of issues) {
      const mark = fatalIssues([issue]).length > 0 ? styled(out, 'red', 'fault  ') : styled(out, 'yellow', 'warning');
      out.write(`${mark}  ${renderIssue(issue)}\n`);
    }
    const kind = dialect === 'trustee' ? 'a Trustee KBS configuration' : 'an Assay configuration';
    out.write(settings === undefined ? 'nothing can be started with it\n' : `${styled(out, 'green', 'ok')}: ${kind}\n`);
  });
  if (settings === undefined) process.exitCode = EXIT.malformed;
}
