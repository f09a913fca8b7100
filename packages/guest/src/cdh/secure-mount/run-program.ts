import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MountError } from './mount-error.js';

/** Runs a program to its end. @throws MountError when it is missing, may not be run, or fails */
export type RunProgram = (program: string, args: readonly string[], stdin?: Uint8Array) => Promise<string>;

const MAX_OUTPUT = 256 * 1024;
const LONGEST_MS = 10 * 60_000;

/**
 * Runs real programs. Secrets are handed over on standard input: an argument is everybody's to read.
 *
 * Output goes to files without a name: a file system in user space leaves a process behind that keeps its output open (gocryptfs), so
 * that the end of a pipe would be that of the mount, and a pipe that is closed would end the process.
 */
export const runProgram: RunProgram = async (program, args, stdin) => {
  const out = await unnamedFile();
  const err = await unnamedFile();
  try {
    const child = spawn(program, [...args], { stdio: ['pipe', out.fd, err.fd], timeout: LONGEST_MS });
    const { code, signal } = await ended(program, child, stdin);
    if (code === 0) return await textOf(out);
    throw new MountError(`${program} failed (${signal ?? `exit code ${code}`}): ${lastLine(await textOf(err))}`);
  } finally {
    await out.close();
    await err.close();
  }
};

function ended(
  program: string,
  child: ChildProcess,
  stdin: Uint8Array | undefined,
): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
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
    child.on('exit', (code, signal) => {
      child.stdin?.destroy();
      resolve({ code, signal });
    });
    // A program that fails early does not read its input: its exit code says why.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(stdin);
  });
}

async function unnamedFile(): Promise<FileHandle> {
  const path = join(tmpdir(), `assay-run-${randomBytes(8).toString('hex')}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  return file;
}

async function textOf(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_OUTPUT), 0, MAX_OUTPUT, 0);
  return buffer.toString('utf8', 0, bytesRead);
}

function lastLine(text: string): string {
  const line = text.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? 'it says nothing' : line.slice(0, 300);
}
