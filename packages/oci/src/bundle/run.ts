/** Hand-over of a bundle to a runtime: runc or crun, whichever is there. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const RUNTIMES = ['runc', 'crun'] as const;

/** Path of a runtime, in the folders of `PATH`; undefined where there is none. */
export function findRuntime(path = process.env['PATH'] ?? '', named?: string): string | undefined {
  if (named?.includes('/')) return isExecutable(named) ? named : undefined;
  const folders = [...path.split(delimiter), '/usr/sbin', '/usr/local/sbin'].filter((folder) => folder !== '');
  for (const name of named === undefined ? RUNTIMES : [named]) {
    const found = folders.map((folder) => join(folder, name)).find(isExecutable);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs a bundle to its end, with the streams of this process. @returns the exit code of the container's process, 128 + signal for a signal */
export function runBundle(runtime: string, bundle: string, id: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(runtime, ['run', '--bundle', bundle, id], { stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === 'SIGKILL' ? 9 : 15)));
  });
}
