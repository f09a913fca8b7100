/** What `init` of a boot instance does with an image that a simulated agent enclave put away. */
import { readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSealedFolder, workFolder } from '@assay/oci';
import { IMAGE_FILE, KEY_FILE, keyContext } from '../agent/store/sealed-store.js';
import { isPublicKeyText, KeyTextError, parseKeyText } from './key-text.js';

export type BootRole = 'agent' | 'application';

/** One enclave plays both roles; the host says which. */
export function bootRole(env: Readonly<Record<string, string | undefined>>): BootRole {
  return ['true', 'TRUE', '1'].includes(env['ENCLAVE_AGENT'] ?? '') ? 'agent' : 'application';
}

export interface BootOptions {
  /** `images/ID` below the root of the agent's bundle: in the container, its root. */
  readonly folder: string;
  readonly containerId: string;
  /** What only enclaves of the agent's identity on its machine derive, 16 bytes. */
  readonly sealingKey: Uint8Array;
  /** Folder for the image; must not exist. */
  readonly target: string;
}

/**
 * Opens the key store, reads the key, and opens the image with it.
 *
 * @throws KeyTextError, DecodeError where this enclave is another than the agent's, or something was changed; nothing is then left
 */
export async function bootImage({ folder, containerId, sealingKey, target }: BootOptions): Promise<void> {
  const work = await workFolder(join(tmpdir(), 'assay-keys-'));
  try {
    const keys = join(work.path, 'keys');
    const file = join(folder, 'keys/sefs/lower', KEY_FILE);
    await openSealedFolder({ file, key: sealingKey, context: keyContext(containerId), target: keys });
    const text = await keyTextIn(join(keys, 'key.txt'));
    const image = join(folder, 'sefs/lower', IMAGE_FILE);
    await openSealedFolder({ file: image, key: parseKeyText(text), context: containerId, target });
  } finally {
    await work.remove();
  }
}

async function keyTextIn(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > 1024) throw new KeyTextError();
  const text = await readFile(path, 'utf8');
  // Everybody can make an image that opens with it.
  if (isPublicKeyText(text)) throw new KeyTextError();
  return text;
}
