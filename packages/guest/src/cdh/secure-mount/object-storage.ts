import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { concatBytes, encodeUtf8 } from '@assay/bytes';
import { workFolder } from '@assay/oci/work-folder';
import { MountError } from './mount-error.js';
import { type MountOptions, own, requiredOption, words } from './options.js';
import type { RunProgram } from './run-program.js';

/** Where Confidential Containers put these programs; elsewhere they are found by their names. */
const PLACE = '/usr/local/bin';

export interface ObjectStorageSurroundings {
  readonly run: RunProgram;
  /** Whether a program is at its usual place. Default: the file is asked for. */
  readonly isThere?: (path: string) => boolean;
  /** Unseals an option that is a sealed secret; gives others as they are. */
  readonly reveal: (text: string) => Promise<Uint8Array>;
}

/** Mounts a bucket of Alibaba Cloud OSS, by wish with gocryptfs over it. @throws MountError */
export async function mountObjectStorage(
  mountPoint: string,
  options: MountOptions,
  { isThere = existsSync, reveal, run }: ObjectStorageSurroundings,
): Promise<void> {
  for (const name of ['readonly', 'targetPath', 'volumeId']) requiredOption(options, name);
  const bucket = requiredOption(options, 'bucket');
  const path = requiredOption(options, 'path');
  const url = requiredOption(options, 'url');
  const other = words(requiredOption(options, 'otherOpts'));
  const id = await reveal(requiredOption(options, 'akId'));
  const secret = await reveal(requiredOption(options, 'akSecret'));
  if (bucket.startsWith('-')) throw new MountError('bucket must be the name of a bucket');
  const program = (name: string): string => (isThere(`${PLACE}/${name}`) ? `${PLACE}/${name}` : name);
  const encrypted = own(options, 'encrypted') === 'gocryptfs';
  const folder = await workFolder(join(tmpdir(), 'oss-'));
  try {
    const login = await secretFile(
      folder.path,
      'login',
      concatBytes(encodeUtf8(`${bucket}:`), id, encodeUtf8(':'), secret),
    );
    const mountBucket = async (on: string): Promise<void> => {
      await mkdir(on, { recursive: true });
      await run(program('ossfs'), [`${bucket}:${path}`, on, `-ourl=${url}`, `-opasswd_file=${login}`, ...other]);
    };
    if (!encrypted) return await mountBucket(mountPoint);
    const below = join(tmpdir(), randomBytes(5).toString('hex'));
    let mounted = false;
    try {
      await mountBucket(below);
      mounted = true;
      const password = await secretFile(folder.path, 'password', await reveal(own(options, 'encPasswd') ?? ''));
      await mkdir(mountPoint, { recursive: true });
      await run(program('gocryptfs'), [below, mountPoint, '-passfile', password, '-nosyslog']);
    } catch (error) {
      // Nobody knows its random name any more. The first failure is told, whatever becomes of this.
      if (mounted) await run('umount', [below]).catch(() => undefined);
      await rmdir(below).catch(() => undefined);
      throw error;
    }
  } finally {
    await folder.remove();
  }
}

async function secretFile(folder: string, name: string, content: Uint8Array): Promise<string> {
  const path = join(folder, name);
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
  } finally {
    await file.close();
  }
  return path;
}
