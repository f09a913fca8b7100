/** An OCI bundle: a folder with a root file system and `config.json`. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assayError } from '@assay/bytes/findings';
import { type UnpackedImage, type UnpackOptions, unpackImage } from '../unpack/unpack.js';
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
  hostname,
  rootless,
  ...unpack
}: BundleOptions): Promise<UnpackedImage> {
  const made = await mkdir(folder, { recursive: true });
  const rootfs = join(folder, 'rootfs');
  try {
    const image = await unpackImage({ ...unpack, target: rootfs });
    const spec = await runtimeSpec(image.config, {
      rootfs,
      ...(args === undefined ? {} : { args }),
      ...(env === undefined ? {} : { env }),
      ...(hostname === undefined ? {} : { hostname }),
      ...(rootless === undefined ? {} : { rootless }),
    });
    await writeFile(join(folder, 'config.json'), JSON.stringify(spec, null, 2), { flag: 'wx' }).catch(
      (error: unknown) => {
        const reason = (error as NodeJS.ErrnoException).code ?? 'unwritable';
        throw assayError('image.content.present', {
          params: { where: folder, what: 'place for config.json', reason },
          cause: error,
        });
      },
    );
    return image;
  } catch (error) {
    await rm(rootfs, { recursive: true, force: true });
    if (made !== undefined) await rm(made, { recursive: true, force: true });
    throw error;
  }
}
