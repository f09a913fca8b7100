import { randomBytes } from 'node:crypto';
import { encodeHex } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import type { KeyManagement, KeyManagementHealth, RandomBytes } from '../contract.js';
import { createKeyFile, errno, fileFault, KEK_LENGTH, listKeyFiles, prepareFolder, readKeyFile } from './key-file.js';
import { decodeWrapped, type Kek, kekOf, unwrapKey, WRAP_NONCE_LENGTH, wrapKey } from './wrapping.js';

export interface BuiltinKmsOptions {
  /** Folder for the key files, e.g. the data directory. Created with mode 0700 if it is missing. */
  readonly directory: string;
  /**
   * What to do where there is no key yet. `create` makes one; `refuse` throws: right where sealed values exist, since a new
   * key opens none of them. Default `create`.
   */
  readonly whenMissing?: 'create' | 'refuse';
  readonly random?: RandomBytes;
}

const SHORTEST_DEK = 16;
const LONGEST_DEK = 64;
const LONGEST_CONTEXT = 4096;

/** Opens the key files, and makes the first one where there is none. @throws as `new BuiltinKms` does */
export async function openBuiltinKeyManagement(options: BuiltinKmsOptions): Promise<BuiltinKms> {
  return new BuiltinKms(options);
}

/**
 * Key management in a folder beside the database: key-encryption keys in files that only the server may read. It protects
 * copies and backups of the database; whoever can read both, or the server's memory, is protected against by an HSM only.
 *
 * Blocking file access is deliberate: it happens at start, at rotation, and when another process has rotated.
 */
export class BuiltinKms implements KeyManagement {
  readonly id = 'builtin';
  readonly #folder: string;
  readonly #random: RandomBytes;
  #keks: readonly Kek[] = [];

  /** @throws AssayError `kms.key.file` for a folder or file that is not the owner's alone, or is no key. */
  constructor(options: BuiltinKmsOptions) {
    this.#folder = options.directory;
    this.#random = options.random ?? randomBytes;
    try {
      prepareFolder(this.#folder);
      this.#load();
      if (this.#keks.length === 0) {
        if (options.whenMissing === 'refuse')
          throw fileFault(
            this.#folder,
            'no key, but sealed values exist',
            'Restore the key folder that belongs to this database. A new key would open none of its secrets.',
          );
        this.rotate();
      }
    } catch (error) {
      const code = errno(error);
      throw code === undefined ? error : fileFault(this.#folder, code, undefined, error);
    }
  }

  /** Id of the KEK that wraps now. */
  get currentKey(): string {
    return this.#current.id;
  }

  /** Ids of all KEKs, oldest first. */
  get keys(): readonly string[] {
    return this.#keks.map((kek) => kek.id);
  }

  /**
   * Creates a new KEK, which wraps from now on; older ones go on unwrapping until their file is removed (`rewrap` what
   * they wrapped first). Of several processes that rotate at once each may add a key; all end with the same current one.
   *
   * @returns id of the current KEK.
   */
  rotate(): string {
    const key = new Uint8Array(this.#random(KEK_LENGTH));
    try {
      const last = listKeyFiles(this.#folder).at(-1)?.number ?? 0;
      createKeyFile(this.#folder, last + 1, key, encodeHex(new Uint8Array(this.#random(8))));
    } finally {
      key.fill(0);
    }
    // Also where another process was first: its key is then the current one.
    this.#load();
    return this.currentKey;
  }

  async wrap(dek: Uint8Array, context: Uint8Array): Promise<Uint8Array> {
    if (dek.byteLength < SHORTEST_DEK || dek.byteLength > LONGEST_DEK)
      throw new RangeError(`a data-encryption key is ${SHORTEST_DEK} to ${LONGEST_DEK} bytes`);
    checkContext(context);
    return wrapKey(this.#current, dek, context, this.#random(WRAP_NONCE_LENGTH));
  }

  async unwrap(wrapped: Uint8Array, context: Uint8Array): Promise<Uint8Array> {
    checkContext(context);
    const decoded = decodedOrRefused(wrapped);
    let kek = this.#find(decoded.kekId);
    if (kek === undefined) {
      this.#load(); // another process may have rotated
      kek = this.#find(decoded.kekId);
    }
    if (kek === undefined)
      throw assayError('kms.key.present', {
        params: { backend: this.id, key: 'key-encryption key', version: decoded.kekId },
        remedy: `Restore the key file with id ${decoded.kekId} to ${this.#folder}; it has ${this.keys.join(', ')}.`,
      });
    const dek = unwrapKey(kek, decoded, context);
    if (dek === undefined) throw doesNotUnwrap(kek.id);
    return dek;
  }

  async health(): Promise<KeyManagementHealth> {
    try {
      const probe = new Uint8Array(this.#random(KEK_LENGTH));
      const context = new Uint8Array(0);
      const back = await this.unwrap(await this.wrap(probe, context), context);
      const ok = Buffer.from(back).equals(probe);
      const count = `${this.#keks.length} key${this.#keks.length === 1 ? '' : 's'}`;
      return { ok, currentKey: this.currentKey, detail: `${this.#folder}: ${count}, current ${this.currentKey}` };
    } catch (error) {
      return { ok: false, detail: error instanceof Error ? error.message : 'unknown error' };
    }
  }

  get #current(): Kek {
    const kek = this.#keks.at(-1);
    if (kek === undefined) throw fileFault(this.#folder, 'no key left');
    return kek;
  }

  #find(id: string): Kek | undefined {
    return this.#keks.find((kek) => kek.id === id);
  }

  #load(): void {
    this.#keks = listKeyFiles(this.#folder).map(({ path }) => {
      const key = readKeyFile(path);
      try {
        return kekOf(key);
      } finally {
        key.fill(0);
      }
    });
  }
}

function decodedOrRefused(wrapped: Uint8Array) {
  try {
    return decodeWrapped(wrapped);
  } catch (cause) {
    throw doesNotUnwrap('(unknown)', cause);
  }
}

function doesNotUnwrap(id: string, cause?: unknown): Error {
  return assayError('kms.key.unwraps', { params: { resource: 'wrapped key', id }, cause });
}

function checkContext(context: Uint8Array): void {
  if (context.byteLength > LONGEST_CONTEXT) throw new RangeError(`a context is at most ${LONGEST_CONTEXT} bytes`);
}
