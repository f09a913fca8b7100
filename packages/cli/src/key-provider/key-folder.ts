/** Key-encryption keys in a folder of their owner's: one file of 32 bytes per name, `REPOSITORY/TYPE/TAG`. */
import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
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

/** @throws StatusError for what is no file or has another size; the system's error */
export function readKey(path: string): Uint8Array {
  // Whoever asks names the path: a pipe or a device would hold everybody up.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(file);
    if (!facts.isFile()) throw new StatusError(STATUS.invalidArgument, `${path}: no file`);
    if (facts.size === KEK_SIZE) return readFileSync(file);
    throw new StatusError(STATUS.invalidArgument, `${path}: ${facts.size} bytes; a key has ${KEK_SIZE}`);
  } finally {
    closeSync(file);
  }
}
