import { access, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Pseudo-files of a system: of the running one, of one below another root, or of a test's. Paths are without leading `/`. */
export interface System {
  read(path: string): Promise<Uint8Array>;
  exists(path: string): Promise<boolean>;
  /** Writes to a file that is there. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  makeFolder(path: string): Promise<void>;
  removeFolder(path: string): Promise<void>;
}

/** The system whose files stand below `root`; `/` on a real guest. */
export function systemAt(root: string): System {
  return {
    read: (path) => readFile(join(root, path)),
    exists: (path) =>
      access(join(root, path)).then(
        () => true,
        () => false,
      ),
    write: (path, bytes) => writeFile(join(root, path), bytes, { flag: 'r+' }),
    makeFolder: async (path) => {
      await mkdir(join(root, path), { mode: 0o700 });
    },
    removeFolder: (path) => rmdir(join(root, path)),
  };
}

/** The content of a file, or undefined where there is none. */
export async function readIfThere(system: System, path: string): Promise<Uint8Array | undefined> {
  return system.read(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}

/** The text of a file without its last line break; undefined where it cannot be read. */
export async function lineOf(system: System, path: string): Promise<string | undefined> {
  const bytes = await system.read(path).catch(() => undefined);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8').replace(/\n$/, '');
}
