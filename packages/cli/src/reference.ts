import type { Command } from 'commander';
import { createProgram } from './program.js';

/** `docs/reference/commands.md`, made from the commands themselves. */
export function renderCommandReference(): string {
  const lines = [
    '# Commands',
    '',
    'Made from `packages/cli` by `npm run docs`; do not edit. `--help` on every command shows its flags and two examples.',
    '',
    'Exit codes: 0 done or accepted · 1 refused by a check · 2 usage · 3 malformed input · 4 a peer or file could not be reached · 5 internal.',
    'With `--json` a command prints one JSON document on standard output and nothing else; diagnostics go to standard error.',
    '',
    '| command | does |',
    '| --- | --- |',
  ];
  const visit = (command: Command, path: string): void => {
    for (const member of command.commands) {
      const name = `${path} ${member.name()}`;
      const usage = member.registeredArguments.map((a) => (a.required ? `<${a.name()}>` : `[${a.name()}]`)).join(' ');
      if (member.commands.length === 0 || member.name() === 'serve')
        lines.push(`| \`${`${name} ${usage}`.trim()}\` | ${member.description()} |`);
      visit(member, name);
    }
  };
  visit(createProgram(), 'assay');
  return `${lines.join('\n')}\n`;
}
