import { DecodeError } from '@assay/bytes';
import { AssayError } from '@assay/bytes/findings';
import { CliError, EXIT, type ExitCode } from './exit.js';
import { styled, terminalOf } from './terminal/style.js';

/** Prints an error for a person, or as JSON, and says how to exit. */
export function reportError(error: unknown, json: boolean): ExitCode {
  const told = describe(error);
  if (json)
    process.stdout.write(
      `${JSON.stringify({ error: told.data ?? { detail: told.message, remedy: told.hint } }, null, 2)}\n`,
    );
  const terminal = terminalOf(process.stderr);
  terminal.write(`${styled(terminal, 'red', 'assay:')} ${told.message}\n`);
  if (told.hint !== undefined) terminal.write(`${styled(terminal, 'cyan', 'hint:')}  ${told.hint}\n`);
  if (told.exit === EXIT.internal && error instanceof Error && process.env['ASSAY_DEBUG'] !== undefined)
    terminal.write(`${error.stack}\n`);
  return told.exit;
}

interface Told {
  readonly message: string;
  readonly hint?: string | undefined;
  readonly exit: ExitCode;
  readonly data?: unknown;
}

function describe(error: unknown): Told {
  if (error instanceof CliError)
    return { message: error.message, hint: error.hint, exit: error.exit, data: error.data };
  if (error instanceof AssayError) {
    return { message: error.title, hint: error.remedy, exit: exitOf(error), data: error.toProblem() };
  }
  if (error instanceof DecodeError) return { message: error.message, exit: EXIT.malformed };
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const told = code === undefined ? undefined : fileTrouble[code];
  if (told !== undefined) {
    const [what, hint] = told;
    const path = (error as NodeJS.ErrnoException).path ?? 'a file';
    return { message: `${path}: ${what} (${code})`, hint, exit: EXIT.unreachable };
  }
  return {
    message: `internal: ${error instanceof Error ? error.message : String(error)}`,
    hint: 'this is a defect; run again with ASSAY_DEBUG=1 and report what it prints',
    exit: EXIT.internal,
  };
}

/** What the system says of a file: in words, and what to do. */
const fileTrouble: Readonly<Record<string, readonly [string, string]>> = {
  ENOENT: ['there is no such file', 'check the path; relative ones start at the current directory'],
  ENOTDIR: ['a part of the path is no directory', 'check the path'],
  EISDIR: ['is a directory', 'name a file in it'],
  EACCES: ['may not be opened by this user', 'change its permissions, or run as a user who may'],
  EROFS: ['is on a file system that is read-only', 'name a place that can be written'],
  ENOSPC: ['no space is left on its file system', 'make room, or name another place'],
};

/** Exit code by where in the pipeline the finding stands. */
function exitOf(error: AssayError): ExitCode {
  switch (error.finding.stage) {
    case 'request':
    case 'parse':
      return EXIT.malformed;
    case 'operate':
      return error.code.startsWith('internal.')
        ? EXIT.internal
        : error.code.startsWith('config.')
          ? EXIT.usage
          : EXIT.unreachable;
    default:
      return error.code === 'policy.file.parse' ? EXIT.malformed : EXIT.refused;
  }
}
