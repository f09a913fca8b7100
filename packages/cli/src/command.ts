import { Command, Option } from 'commander';
import type { ServerFlags } from './client/server.js';
import { createOutput, type Output } from './terminal/output.js';

/** Flags that every command has. */
export interface CommonFlags {
  readonly json?: boolean;
}

/** A command with `--json` and two examples, as every command has them. */
export function command(name: string, summary: string, examples: readonly [string, string]): Command {
  return new Command(name)
    .description(summary)
    .option('--json', 'print one JSON document, and nothing else, on standard output')
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`)
    .showSuggestionAfterError()
    .allowExcessArguments(false);
}

/** A command that only holds others. */
export function group(
  name: string,
  summary: string,
  examples: readonly [string, string],
  members: readonly Command[],
): Command {
  const parent = new Command(name)
    .description(summary)
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`)
    .showSuggestionAfterError();
  for (const member of members) parent.addCommand(member);
  return parent;
}

/** A command that talks to a running server. */
export function serverCommand(name: string, summary: string, examples: readonly [string, string]): Command {
  return command(name, summary, examples)
    .addOption(
      new Option('--server <url>', 'server to talk to (default: that of the last `assay login`)').env('ASSAY_SERVER'),
    )
    .addOption(
      new Option('--cert-file <pem>', 'CA or certificate to believe beside the system’s roots').env('ASSAY_CA_FILE'),
    );
}

/** Output as the flags of a command ask for it. */
export function outputOf(flags: CommonFlags): Output {
  return createOutput(flags.json === true);
}

export type ServerCommandFlags = CommonFlags & ServerFlags;

/** Collects a repeatable option. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
