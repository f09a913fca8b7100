import { lstat, readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';

const LARGEST_KEY = 64 * 1024;

/**
 * Signing keys of sealed secrets in a folder, one file a name. A name leads nowhere but to a file in it, also not by a link.
 */
export function localKeysIn(folder: string): (kid: string) => Promise<Uint8Array | undefined> {
  return async (kid) => {
    if (kid.includes('\0') || kid.split('/').some((part) => part === '' || part === '.' || part === '..'))
      return undefined;
    try {
      const home = await realpath(folder);
      const path = await realpath(join(home, kid));
      const facts = await lstat(path);
      if (!path.startsWith(home + sep) || !facts.isFile() || facts.size > LARGEST_KEY) return undefined;
      return await readFile(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG' || code === 'ELOOP') return undefined;
      throw error;
    }
  };
}
