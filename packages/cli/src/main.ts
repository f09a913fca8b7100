import { CommanderError } from 'commander';
import { EXIT } from './exit.js';
import { createProgram } from './program.js';
import { reportError } from './report-error.js';

/** Runs one command line. Returns the exit code; never throws. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = createProgram();
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    return reportError(error, argv.includes('--json'));
  }
}

process.exitCode = await main(process.argv.slice(2));
