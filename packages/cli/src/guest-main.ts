import { basename } from 'node:path';
import { Command, CommanderError } from 'commander';
import { agentCommand, guestPrograms } from './commands/agent.js';
import { EXIT } from './exit.js';
import { reportError } from './report-error.js';
import { VERSION } from './version.js';

/**
 * Entry of the guest's own file: `agent` and nothing else, without emulated hardware. Under the name of one of the three programs
 * (a link to the file) it is that program, so that an image can have it in the place of upstream's.
 */
function programOf(name: string): Command {
  const own = guestPrograms().find((program) => program.name() === name);
  return (own ?? new Command('assay').version(VERSION).addCommand(agentCommand())).enablePositionalOptions();
}

function exitByException(command: Command): void {
  command.exitOverride();
  for (const member of command.commands) exitByException(member);
}

const [, script = '', ...argv] = process.argv;
const program = programOf(basename(script));
exitByException(program);
try {
  await program.parseAsync(argv, { from: 'user' });
} catch (error) {
  process.exitCode =
    error instanceof CommanderError
      ? error.exitCode === 0
        ? EXIT.done
        : EXIT.usage
      : reportError(error, argv.includes('--json'));
}
