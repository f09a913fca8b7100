import { randomUUID } from 'node:crypto';
import { mkdir, open, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeBase64url, encodeUtf8 } from '@assay/bytes';
import { superblocks, withoutLazyTables, zeroBlock } from './ext4.js';
import { MountError } from './mount-error.js';
import type { BlockDeviceOptions } from './options.js';
import type { RunProgram } from './run-program.js';

export interface LuksSurroundings {
  readonly run: RunProgram;
  /** Folder of detached headers. */
  readonly headers: string;
}

const HEADER_BYTES = 16 * 1024 * 1024;

/** Mounts an encrypted block device, formatting it first where it is `empty`. @throws MountError */
export async function mountLuks(
  device: string,
  key: Uint8Array,
  mountPoint: string,
  options: BlockDeviceOptions,
  { run, headers }: LuksSurroundings,
): Promise<void> {
  const name = options.mapperName ?? randomUUID();
  const mapped = `/dev/mapper/${name}`;
  const header = options.sourceType === 'empty' ? await newHeader(headers, device) : undefined;
  try {
    if (header !== undefined) await run('cryptsetup', formatArguments(device, header, options.integrity), key);
    await run('cryptsetup', ['luksOpen', ...headerArguments(header), '-d', '-', device, name], key);
  } catch (error) {
    // Without its header an empty volume holds nothing: the next try may make another.
    if (header !== undefined) await rm(header, { force: true });
    throw error;
  }
  try {
    if (options.targetType === 'device') {
      await symlink(mapped, mountPoint);
      return;
    }
    if (header !== undefined) await makeFileSystem(mapped, options, run);
    await mkdir(mountPoint, { recursive: true });
    await run('mount', ['-t', 'ext4', '-o', 'noatime', mapped, mountPoint]);
  } catch (error) {
    await run('cryptsetup', ['luksClose', name]).catch(() => undefined);
    if (header !== undefined) await rm(header, { force: true });
    throw error;
  }
}

function formatArguments(device: string, header: string, integrity: boolean): readonly string[] {
  return [
    ...['--batch-mode', 'luksFormat', '--type', 'luks2', '--cipher', 'aes-xts-plain64', '--sector-size', '4096'],
    ...headerArguments(header),
    ...(integrity ? ['--integrity', 'hmac-sha256', '--integrity-no-wipe', '--integrity-no-journal'] : []),
    device,
    '-',
  ];
}

function headerArguments(header: string | undefined): readonly string[] {
  return header === undefined ? [] : ['--header', header];
}

/** The header of an empty volume stands apart, on the guest's memory: the disk itself holds nothing that could be opened later. */
async function newHeader(folder: string, device: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${encodeBase64url(encodeUtf8(device))}.header`);
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.truncate(HEADER_BYTES);
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new MountError('this device is mounted as an empty volume already', { cause: error });
  }
  return path;
}

async function makeFileSystem(mapped: string, options: BlockDeviceOptions, run: RunProgram): Promise<void> {
  if (!options.integrity) {
    await run('mkfs.ext4', [mapped, '-F', ...options.mkfsOptions]);
    return;
  }
  const mkfsOptions = withoutLazyTables(options.mkfsOptions);
  const plan = await run('mkfs.ext4', [mapped, '-F', '-n', ...mkfsOptions]);
  for (const block of superblocks(plan)) await run('dd', zeroBlock(mapped, block));
  await run('mkfs.ext4', [mapped, '-F', ...mkfsOptions]);
}
