import { spawn } from 'node:child_process';
import { MountError } from './mount-error.js';

/** Runs a program to its end. @throws MountError when it is missing, may not be run, or fails */
export type RunProgram = (program: string, args: readonly string[], stdin?: Uint8Array) => Promise<string>;

const MAX_OUTPUT = 256 * 1024;
const LONGEST_MS = 10 * 60_000;

/** Runs real programs. Secrets are handed over on standard input: an argument is everybody's to read. */
export const runProgram: RunProgram = (program, args, stdin) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: ['pipe', 'pipe', 'pipe'], timeout: LONGEST_MS });
    const output = { out: '', err: '' };
    const collect = (which: 'out' | 'err') => (chunk: string) => {
      if (output[which].length < MAX_OUTPUT) output[which] += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', collect('out'));
    child.stderr.setEncoding('utf8').on('data', collect('err'));
    // A program that fails early does not read its input: its exit code says why.
    child.stdin.on('error', () => undefined);
    child.on('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT';
      reject(
        new MountError(
          missing
            ? `the program ${program} is not installed; put it into the guest's image`
            : `the program ${program} cannot be run (${error.code ?? 'unknown'})`,
          { cause: error },
        ),
      );
    });
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output.out);
      else reject(new MountError(`${program} failed (${signal ?? `exit code ${code}`}): ${lastLine(output.err)}`));
    });
    child.stdin.end(stdin);
  });

function lastLine(text: string): string {
  const line = text.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? 'it says nothing' : line.slice(0, 300);
}
