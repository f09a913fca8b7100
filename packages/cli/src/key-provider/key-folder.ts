/** Key-encryption keys in a folder of their owner's: one file of 32 bytes per name, `REPOSITORY/TYPE/TAG`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KEK_SIZE } from '@assay/ocicrypt';
import type { ResourceUri } from '@assay/protocol';
import { STATUS, StatusError } from '@assay/ttrpc';

export interface KeyFolder {
  /** @throws StatusError when the file is there and no key */
  find(uri: ResourceUri): Uint8Array | undefined;
  /** Never over another key. */
  add(uri: ResourceUri, kek: Uint8Array): void;
}

export function keyFolder(folder: string): KeyFolder {
  // Segments of a resource's name are checked where it is parsed: no `..`, nothing empty, no slash.
  const fileOf = ({ plugin, segments }: ResourceUri): string => {
    if (plugin === 'resource') return join(folder, ...segments);
    throw new StatusError(
      STATUS.invalidArgument,
      `keys of the plug-in ${plugin} are not kept in a folder: give keypath`,
    );
  };
  return {
    find: (uri) => {
      const path = fileOf(uri);
      try {
        return readKey(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    add: (uri, kek) => {
      const path = fileOf(uri);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, kek, { mode: 0o600, flag: 'wx' });
    },
  };
}

/** @throws StatusError for another size; the system's error */
export function readKey(path: string): Uint8Array {
  const bytes = readFileSync(path);
  if (bytes.length === KEK_SIZE) return bytes;
  throw new StatusError(STATUS.invalidArgument, `${path}: ${bytes.length} bytes; a key has ${KEK_SIZE}`);
}
