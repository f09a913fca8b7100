/** `offline_fs_kbc`: secrets in files of the guest's image. They are as secret as the image is: for tests. */
import type { ResourceUri } from '@assay/protocol';
import { malformed, parseSecretMap } from './json-map.js';
import type { Kbc } from './kbc.js';
import { KbcError } from './kbc-error.js';
import { missingFrom, resourcePathOf } from './resource-path.js';
import type { SecretFiles } from './secret-files.js';

const KEYS = '/etc/aa-offline_fs_kbc-keys.json';
const RESOURCES = '/etc/aa-offline_fs_kbc-resources.json';
const KEY_SIZE = 32;

export interface OfflineFsKbcOptions {
  readonly files: SecretFiles;
  /** Default: where Confidential Containers look. */
  readonly keysFile?: string;
  readonly resourcesFile?: string;
}

export class OfflineFsKbc implements Kbc {
  readonly #options: OfflineFsKbcOptions;

  constructor(options: OfflineFsKbcOptions) {
    this.#options = options;
  }

  /** The files are read for each request: they may be changed while the guest runs. */
  async getResource(uri: ResourceUri): Promise<Uint8Array> {
    const { path } = resourcePathOf(uri);
    const { keysFile = KEYS, resourcesFile = RESOURCES } = this.#options;
    const [keys, resources] = [await this.#read(keysFile), await this.#read(resourcesFile)];
    if (keys === undefined && resources === undefined)
      throw new KbcError('unavailable', `neither ${keysFile} nor ${resourcesFile} is there`);
    for (const key of keys?.values() ?? [])
      if (key.length !== KEY_SIZE) throw malformed(keysFile, 'a key has not 32 bytes');
    const secret = keys?.get(path) ?? resources?.get(path);
    if (secret === undefined) throw missingFrom(`${keysFile} or ${resourcesFile}`, path);
    return Uint8Array.from(secret);
  }

  async #read(path: string): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
    const bytes = await this.#options.files.read(path);
    return bytes === undefined ? undefined : parseSecretMap(bytes, path);
  }
}
