/** Programs that the demo uses where they are there, and does without where they are not. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findRuntime } from '@assay/oci';

export interface Peers {
  readonly skopeo?: string;
  /** `runc` or `crun`. */
  readonly runtime?: string;
  /** They were not looked for: `--node-only`. */
  readonly unasked?: true;
}

/** @param path folders, as PATH has them */
export function findPeers(path: string): Peers {
  const skopeo = path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'skopeo'))
    .find(isExecutable);
  const runtime = findRuntime(path);
  return { ...(skopeo === undefined ? {} : { skopeo }), ...(runtime === undefined ? {} : { runtime }) };
}

export interface Ran {
  /** Absent: it could not be started, or was ended. */
  readonly code?: number;
  readonly out: string;
  /** Why it did not end well, in one line. */
  readonly trouble: string;
}

const LONGEST = 64 * 1024;
const PATIENCE_MS = 20_000;

/** Runs a program to its end with nothing of the user's environment but PATH. Never throws. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly timeoutMs?: number } = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', ...options.env },
      timeout: options.timeoutMs ?? PATIENCE_MS,
      killSignal: 'SIGKILL',
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out = (out + text).slice(0, LONGEST);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err = (err + text).slice(0, LONGEST);
    });
    child.on('error', (error: NodeJS.ErrnoException) => resolve({ out: '', trouble: error.code ?? 'not started' }));
    child.on('close', (code, signal) => {
      const words = code === 0 ? '' : lastLine(err) || (code === null ? `ended by ${signal}` : `exit code ${code}`);
      resolve({ ...(code === null ? {} : { code }), out, trouble: words });
    });
  });
}

/** Of a message in logrus' form, the message alone. */
function lastLine(text: string): string {
  const line = text.trim().split('\n').at(-1) ?? '';
  const [, message = line] = /msg="((?:[^"\\]|\\.)*)"/.exec(line) ?? [];
  return message.replaceAll('\\"', '"').slice(0, 200);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
