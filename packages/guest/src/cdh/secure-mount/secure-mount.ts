import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { encodeUtf8 } from '@assay/bytes';
import { isSealedSecret, parseResourceUri, type ResourceUri } from '@assay/protocol';
import { mountLuks } from './luks.js';
import { MountError } from './mount-error.js';
import { mountObjectStorage } from './object-storage.js';
import { blockDeviceOptions, type MountOptions } from './options.js';
import type { RunProgram } from './run-program.js';
import { mountZfs } from './zfs.js';

export interface MountRequest {
  readonly volumeType: string;
  readonly options: MountOptions;
  readonly mountPoint: string;
}

export interface MountSurroundings {
  readonly run: RunProgram;
  /** Whether a program is at its usual place. Default: the file is asked for. */
  readonly isThere?: (path: string) => boolean;
  readonly unseal: (secret: Uint8Array) => Promise<Uint8Array>;
  readonly getResource: (uri: ResourceUri) => Promise<Uint8Array>;
  /** Folder of detached LUKS headers. */
  readonly headers: string;
  /** Text of `/sys/dev/block/<MAJOR>:<MINOR>/uevent`. */
  readonly deviceEvent: (id: string) => Promise<string>;
}

const RANDOM_KEY_BYTES = 4096;

/** Mounts a volume. Its key leaves this process on a program's standard input or in a file of the guest's memory only. @throws MountError */
export async function secureMount(request: MountRequest, surroundings: MountSurroundings): Promise<void> {
  const { volumeType, options, mountPoint } = request;
  if (!mountPoint.startsWith('/') || mountPoint.includes('\0')) throw new MountError('mount_point must be absolute');
  switch (volumeType) {
    case 'block-device':
      return mountBlockDevice(mountPoint, options, surroundings);
    case 'alibaba-cloud-oss':
      return mountObjectStorage(mountPoint, options, {
        run: surroundings.run,
        ...(surroundings.isThere === undefined ? {} : { isThere: surroundings.isThere }),
        reveal: async (text) => (isSealedSecret(text) ? surroundings.unseal(encodeUtf8(text)) : encodeUtf8(text)),
      });
    default:
      throw new MountError('volume_type must be block-device or alibaba-cloud-oss');
  }
}

async function mountBlockDevice(
  mountPoint: string,
  options: MountOptions,
  surroundings: MountSurroundings,
): Promise<void> {
  const wanted = blockDeviceOptions(options);
  const device = 'id' in wanted.device ? await deviceOf(wanted.device.id, surroundings) : wanted.device.path;
  const key = await keyOf(wanted.key, wanted.sourceType, surroundings);
  if (wanted.encryption === 'zfs') await mountZfs(device, key, mountPoint, wanted, surroundings.run);
  else await mountLuks(device, key, mountPoint, wanted, surroundings);
}

async function deviceOf(id: string, { deviceEvent }: MountSurroundings): Promise<string> {
  const event = await deviceEvent(id).catch((error: unknown) => {
    throw new MountError(`there is no block device ${id}`, { cause: error });
  });
  const name = /^DEVNAME=([A-Za-z0-9_./-]+)$/m.exec(event)?.[1];
  if (name === undefined || name.split('/').includes('..')) throw new MountError(`the block device ${id} has no name`);
  return `/dev/${name}`;
}

async function keyOf(
  key: string | undefined,
  sourceType: 'empty' | 'encrypted',
  { unseal, getResource }: MountSurroundings,
): Promise<Uint8Array> {
  if (key === undefined) {
    if (sourceType === 'encrypted') throw new MountError('key is missing: an encrypted device does not open without');
    return randomBytes(RANDOM_KEY_BYTES);
  }
  if (isSealedSecret(key)) return unseal(encodeUtf8(key));
  if (/^kbs(\+[^:]*)?:\/\//.test(key)) return getResource(parseResourceUri(key));
  if (key.startsWith('file:///')) {
    return readFile(key.slice('file://'.length)).catch((error: NodeJS.ErrnoException) => {
      throw new MountError(`the key's file cannot be read (${error.code ?? 'unknown'})`, { cause: error });
    });
  }
  throw new MountError('key must be a sealed secret, a KBS resource URI or a file:// path');
}
