/** An OCI bundle: a folder with a root file system and `config.json`. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AssayError, assayError } from '@assay/bytes/findings';
import { type UnpackedImage, type UnpackOptions, unpackImage } from '../unpack/unpack.js';
import { removeTree } from '../work-folder/work-folder.js';
import { runtimeSpec, type SpecOptions } from './spec.js';

export interface BundleOptions extends Omit<UnpackOptions, 'target'>, Omit<SpecOptions, 'rootfs'> {
  /** Must not exist, or be empty. */
  readonly folder: string;
}

/** @throws AssayError `image.*`; the folder is then as it was */
export async function makeBundle({
  folder,
  args,
  env,
  fallbackArgs,
  hostname,
  rootless,
  ...unpack
}: BundleOptions): Promise<UnpackedImage> {
  const made = await mkdir(folder, { recursive: true });
  // What is there belongs to another bundle, which may be running.
  if (made === undefined && (await readdir(folder)).length > 0) throw noPlace(folder, 'rootfs', 'not empty');
  const rootfs = join(folder, 'rootfs');
  try {
    const image = await unpackImage({ ...unpack, target: rootfs });
    const spec = await runtimeSpec(image.config, {
      rootfs,
      ...(args === undefined ? {} : { args }),
      ...(env === undefined ? {} : { env }),
      ...(fallbackArgs === undefined ? {} : { fallbackArgs }),
      ...(hostname === undefined ? {} : { hostname }),
      ...(rootless === undefined ? {} : { rootless }),
    });
    await writeFile(join(folder, 'config.json'), JSON.stringify(spec, null, 2), { flag: 'wx' }).catch(
      (error: unknown) => {
        throw noPlace(folder, 'config.json', (error as NodeJS.ErrnoException).code ?? 'unwritable', error);
      },
    );
    return image;
  } catch (error) {
    await removeTree(rootfs);
    if (made !== undefined) await removeTree(made);
    throw error;
  }
}

function noPlace(where: string, what: string, reason: string, cause?: unknown): AssayError {
  return assayError('image.content.present', { params: { where, what: `place for ${what}`, reason }, cause });
}
