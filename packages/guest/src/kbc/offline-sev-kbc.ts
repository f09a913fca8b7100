/** `offline_sev_kbc`: keys that a key broker had injected at the launch of an SEV guest; nobody is asked afterwards. */
import type { ResourceUri } from '@assay/protocol';
import { malformed, parseSecretMap } from './json-map.js';
import type { Kbc } from './kbc.js';
import { KbcError } from './kbc-error.js';
import { keyIdsOf, missingFrom, resourcePathOf } from './resource-path.js';
import { SEV_SECRET_FOLDER, type SecretFiles } from './secret-files.js';

const BUNDLE = 'e6f5a162-d67f-4750-a67c-5d065f2a9910';
const KEY_SIZE = 32;

export interface OfflineSevKbcOptions {
  readonly files: SecretFiles;
  /** Default: where Linux shows injected secrets. */
  readonly folder?: string;
  /** Takes the kernel's view of the secrets away (`rmmod efi_secret`), once they are read. */
  readonly unload?: () => Promise<void>;
}

export class OfflineSevKbc implements Kbc {
  readonly #options: OfflineSevKbcOptions;
  #keys: Promise<ReadonlyMap<string, Uint8Array>> | undefined;

  constructor(options: OfflineSevKbcOptions) {
    this.#options = options;
  }

  async getResource(uri: ResourceUri): Promise<Uint8Array> {
    const name = resourcePathOf(uri);
    this.#keys ??= this.#load().catch((error: unknown) => {
      // A file that was not there yet may come; one that was read is gone, and its keys stay here.
      this.#keys = undefined;
      throw error;
    });
    const keys = await this.#keys;
    for (const id of keyIdsOf(name)) {
      const key = keys.get(id);
      if (key !== undefined) return Uint8Array.from(key);
    }
    throw missingFrom('the injected keyset', name.path);
  }

  /** Reads the keys once and removes the file, so that nothing else in the guest finds it. */
  async #load(): Promise<ReadonlyMap<string, Uint8Array>> {
    const { files, folder = SEV_SECRET_FOLDER, unload } = this.#options;
    const path = `${folder}/${BUNDLE}`;
    const bytes = await files.read(path);
    if (bytes === undefined)
      throw new KbcError('unavailable', `${path} is not there: no keyset was injected at launch`);
    const keys = parseSecretMap(bytes, 'the injected keyset');
    for (const key of keys.values())
      if (key.length !== KEY_SIZE) throw malformed('the injected keyset', 'a key has not 32 bytes');
    await files.remove(path);
    await unload?.();
    return keys;
  }
}
