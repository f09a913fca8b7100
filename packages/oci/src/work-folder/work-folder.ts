/** Folders for what is under way: gone when the work is done or has failed, and when the process is told to end in the middle of it. */
import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface WorkFolder {
  readonly path: string;
  /** @throws the system's error */
  remove(): Promise<void>;
  /** It is no work in progress any more, and stays. */
  keep(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const open = new Set<string>();

/**
 * Makes a folder of its owner alone, for content that must not outlive the work: a key, plaintext, half of an image. It goes with
 * the process too, unless that is killed.
 *
 * @param prefix path and beginning of the name, as of `mkdtemp`
 */
export async function workFolder(prefix: string): Promise<WorkFolder> {
  const path = await mkdtemp(prefix);
  if (open.size === 0) watch();
  open.add(path);
  const keep = (): void => {
    open.delete(path);
    if (open.size === 0) unwatch();
  };
  return {
    path,
    keep,
    remove: async () => {
      await removeTree(path);
      keep();
    },
  };
}

function watch(): void {
  process.on('exit', removeAll);
  // First of all listeners: those that listen once are gone when later ones count them.
  for (const signal of SIGNALS) process.prependListener(signal, endedBy);
}

function unwatch(): void {
  process.removeListener('exit', removeAll);
  for (const signal of SIGNALS) process.removeListener(signal, endedBy);
}

/** Without this listener the signal would end the process at once, so it still does. */
function endedBy(signal: NodeJS.Signals): void {
  // Somebody else decides what the signal means; if the process ends, it says so.
  if (process.listenerCount(signal) > 1) return;
  unwatch();
  removeAll();
  process.kill(process.pid, signal);
}

function removeAll(): void {
  for (const path of open) {
    try {
      removeTreeSync(path);
    } catch {
      // The others are to go all the same, and nobody is left to be told.
    }
  }
}

/** Removes a folder and all that is in it, also folders that do not let their owner in, as images have them; nothing where there is nothing. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, ALL).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EACCES') throw error;
    letIn(path);
    await rm(path, ALL);
  });
}

function removeTreeSync(path: string): void {
  try {
    rmSync(path, AGAIN);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    letIn(path);
    rmSync(path, AGAIN);
  }
}

const ALL = { recursive: true, force: true } as const;
/** What was under way may still write: then it is tried again. */
const AGAIN = { ...ALL, maxRetries: 3 } as const;

/** Folders only, and never through a link. */
function letIn(folder: string): void {
  chmodSync(folder, 0o700);
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) letIn(join(folder, entry.name));
}
