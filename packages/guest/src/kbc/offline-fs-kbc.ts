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
  /** More files of resources. Default: none. */
  readonly extraFiles?: readonly string[];
}

export class OfflineFsKbc implements Kbc {
  readonly #options: OfflineFsKbcOptions;

  constructor(options: OfflineFsKbcOptions) {
    this.#options = options;
  }

  /** The files are read for each request: they may be changed while the guest runs. Of a name that stands in several the last file's counts. */
  async getResource(uri: ResourceUri): Promise<Uint8Array> {
    const { path } = resourcePathOf(uri);
    const { extraFiles = [], keysFile = KEYS, resourcesFile = RESOURCES } = this.#options;
    const names = [keysFile, resourcesFile, ...extraFiles];
    const found: Uint8Array[] = [];
    let files = 0;
    for (const name of names) {
      const secrets = await this.#read(name);
      if (secrets === undefined) continue;
      files += 1;
      if (name === keysFile && [...secrets.values()].some((key) => key.length !== KEY_SIZE))
        throw malformed(keysFile, 'a key has not 32 bytes');
      const secret = secrets.get(path);
      if (secret !== undefined) found.push(secret);
    }
    if (files === 0) throw new KbcError('unavailable', `none of ${names.join(', ')} is there`);
    const last = found.at(-1);
    if (last === undefined) throw missingFrom(names.join(', '), path);
    return Uint8Array.from(last);
  }

  async #read(path: string): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
    const bytes = await this.#options.files.read(path);
    return bytes === undefined ? undefined : parseSecretMap(bytes, path);
  }
}
