/** A folder that becomes a root file system: every path stays beneath it, whatever links an archive makes. */
import { chmod, lstat, mkdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type AssayError, assayError } from '@assay/bytes/findings';

const MOST_LINKS = 40;
const LONGEST_PATH = 4096;

/**
 * Parts of an entry's path, without empty ones and `.`.
 *
 * @throws AssayError `image.unpack.path` for one that leads out, is too long, or is no text
 */
export function partsOf(path: string, layer: string): readonly string[] {
  if (path.length > LONGEST_PATH) throw outside(path, layer, `is longer than ${LONGEST_PATH} characters`);
  // Archives are read as UTF-8; what is none comes out with this character.
  if (path.includes('\0') || path.includes('\ufffd')) throw outside(path, layer, 'is no UTF-8 text');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (parts.pop() === undefined) throw outside(path, layer, 'leaves the root');
    } else parts.push(part);
  }
  return parts;
}

/**
 * Real folder of a path's parent, made where it is missing. Links on the way are followed as inside the container: beneath the root.
 *
 * @throws AssayError `image.unpack.path` for loops, and where a file stands in the way
 */
export async function parentOf(root: string, parts: readonly string[], layer: string): Promise<string> {
  const path = `/${parts.join('/')}`;
  let rest: readonly string[] = parts.slice(0, -1);
  let at: readonly string[] = [];
  for (let links = 0; rest.length > 0; ) {
    const [part = '', ...more] = rest;
    rest = more;
    if (part === '..') {
      at = at.slice(0, -1);
      continue;
    }
    const here = join(root, ...at, part);
    const found = await lstat(here).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw outside(path, layer, `cannot be made (${error.code})`);
    });
    if (found === undefined) {
      await mkdir(here);
      // Whatever this process gives to its own files.
      await chmod(here, 0o755);
    } else if (found.isSymbolicLink()) {
      links += 1;
      if (links > MOST_LINKS) throw outside(path, layer, 'goes through too many links');
      const target = await readlink(here);
      if (target.startsWith('/')) at = [];
      rest = [...target.split('/').filter((piece) => piece !== '' && piece !== '.'), ...rest];
      continue;
    } else if (!found.isDirectory()) {
      throw outside(path, layer, 'has a file where a folder is due');
    }
    at = [...at, part];
  }
  return join(root, ...at);
}

export function outside(path: string, layer: string, what: string): AssayError {
  const shown = path.length > 60 ? `${path.slice(0, 57)}…` : path;
  return assayError('image.unpack.path', { params: { layer, path: shown, what }, subject: layer });
}
