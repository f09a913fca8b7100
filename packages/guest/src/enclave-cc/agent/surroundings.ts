/** What completes an image's root so that Occlum can start programs in it. */
import { copyFile, lstat, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parentWithin } from '@assay/oci';

/** Loader and C library of Occlum, at the same paths in the enclave and in the image. */
const OCCLUM_FILES = [
  'lib64/ld-linux-x86-64.so.2',
  ...['libc.so.6', 'libdl.so.2', 'libm.so.6', 'libpthread.so.0', 'libresolv.so.2', 'librt.so.1'].map(
    (name) => `opt/occlum/glibc/lib/${name}`,
  ),
];
const FOLDERS = ['dev', 'etc', 'host', 'lib', 'proc', 'root', 'sys', 'tmp'];

/**
 * Copies Occlum's loader and C library over those of an image, and makes the folders that Occlum mounts on.
 *
 * @param enclaveRoot root of the enclave; where it has none of the files (there is no Occlum) none is copied
 * @returns files that were copied
 * @throws AssayError `image.unpack.path` where the image has something in the way, Error for an Occlum that lacks some of its files
 */
export async function completeRoot(rootfs: string, enclaveRoot: string): Promise<readonly string[]> {
  for (const name of FOLDERS) {
    if ((await kindOf(join(rootfs, name))) === 'nothing') await mkdir(join(rootfs, name), { mode: 0o755 });
  }
  const missing: string[] = [];
  for (const file of OCCLUM_FILES) if ((await kindOf(join(enclaveRoot, file))) === 'nothing') missing.push(file);
  // A system's own loader is no sign of Occlum: its library is.
  if (missing.includes('opt/occlum/glibc/lib/libc.so.6')) return [];
  if (missing.length > 0) throw new Error(`Occlum in ${enclaveRoot} lacks ${missing.join(', ')}`);
  for (const file of OCCLUM_FILES) {
    const parts = file.split('/');
    const target = join(await parentWithin(rootfs, parts, 'Occlum'), parts.at(-1) ?? '');
    // A link of that name would be written through.
    await rm(target, { force: true, recursive: true });
    await copyFile(join(enclaveRoot, file), target);
  }
  return OCCLUM_FILES;
}

async function kindOf(path: string): Promise<'nothing' | 'something'> {
  return lstat(path).then(
    () => 'something' as const,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return 'nothing' as const;
      throw error;
    },
  );
}
