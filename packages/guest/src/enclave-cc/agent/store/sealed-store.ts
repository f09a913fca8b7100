/**
 * An image as one encrypted file, and its key as another that only the same enclave opens: the places, the key's text and the order are those
 * of the real agent. The files are not SEFS: Occlum does not read them.
 */
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sealFolder, workFolder } from '@assay/oci';
import { formatKeyText, KEY_BYTES } from '../../boot/key-text.js';
import type { ImageStore } from './store.js';

export const IMAGE_FILE = 'image.sealed';
export const KEY_FILE = 'key.sealed';

export interface SealedStoreOptions {
  /** What only enclaves of this identity on this machine derive, 16 bytes. */
  readonly sealingKey: Uint8Array;
  readonly random: (length: number) => Uint8Array;
}

/** A new key for each pull. The bundle goes once it is put away. */
export function sealedStore({ sealingKey, random }: SealedStoreOptions): ImageStore {
  return {
    put: async (bundle, folder, containerId) => {
      const [image, keys] = [join(folder, 'sefs/lower', IMAGE_FILE), join(folder, 'keys/sefs/lower', KEY_FILE)];
      // The real agent empties both first.
      for (const file of [image, keys]) await rm(file, { force: true });
      const key = random(KEY_BYTES);
      try {
        await sealFolder({ folder: bundle, file: image, key, context: containerId, random });
        await sealKey(key, keys, containerId, { sealingKey, random });
        await rm(bundle, { recursive: true, force: true });
      } catch (error) {
        for (const file of [image, keys]) await rm(file, { force: true });
        throw error;
      }
    },
  };
}

async function sealKey(
  key: Uint8Array,
  file: string,
  containerId: string,
  { sealingKey, random }: SealedStoreOptions,
): Promise<void> {
  const work = await workFolder(join(tmpdir(), 'assay-keys-'));
  try {
    await writeFile(join(work.path, 'key.txt'), formatKeyText(key), { mode: 0o600 });
    await sealFolder({ folder: work.path, file, key: sealingKey, context: keyContext(containerId), random });
  } finally {
    await work.remove();
  }
}

/** A key store is not taken for an image, nor for that of another image. */
export function keyContext(containerId: string): string {
  return `keys of ${containerId}`;
}
