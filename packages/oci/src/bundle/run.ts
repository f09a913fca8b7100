/** Hand-over of a bundle to a runtime: runc or crun, whichever is there. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { constants as osConstants } from 'node:os';
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

/** A terminal tells all of its foreground: the runtime too. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
const HANDED_ON: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP'];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a bundle to its end, with the streams of this process. What ends this process ends the container first: nobody else would
 * clear its bundle away.
 *
 * @returns the exit code of the container's process, 128 + signal for a signal
 */
export function runBundle(runtime: string, bundle: string, id: string): Promise<number> {
  return new Promise((resolve, reject) => {
    // Listened to before there is a runtime: a signal right after its start would end this process alone.
    const tell = (signal: NodeJS.Signals): void => void (FROM_TERMINAL.includes(signal) || child.kill(signal));
    for (const signal of [...FROM_TERMINAL, ...HANDED_ON]) process.on(signal, tell);
    const end = (settle: () => void): void => {
      for (const signal of [...FROM_TERMINAL, ...HANDED_ON]) process.removeListener(signal, tell);
      settle();
    };
    const child = spawn(runtime, ['run', '--bundle', bundle, id], { stdio: 'inherit' });
    child.once('error', (error) => end(() => reject(error)));
    child.once('exit', (code, signal) =>
      end(() => resolve(code ?? 128 + (signal === null ? 0 : osConstants.signals[signal]))),
    );
  });
}
