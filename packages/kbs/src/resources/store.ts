import { assayError, nearestName } from '@assay/bytes/findings';
import { type KeyManagement, open, seal } from '@assay/kms';
import type { Operation, Storage } from '@assay/storage';
import type { ResourceDescription, ResourceVersion } from '../types.js';
import { checkRepository, parseResourcePath, type ResourceName } from './name.js';
import { decodeRecord, encodeRecord, type ResourceHeader, type ResourceRecord, recordName } from './record.js';

const NS = 'repository';
/** Newest version of each secret under `head/`, older ones under `past/`: a release reads one entry. */
const HEAD = 'head/';
const PAST = 'past/';
/** A writer that loses this many races against others gives up. */
const MAX_RACES = 16;
const MOST_LISTED = 500;
/** Records that are read at once: a header stands before a secret of megabytes. */
const PAGE = 16;
/** Names that the explanation of a missing one looks at. */
const MOST_NEAR = 4;

export interface StoredSecret {
  readonly secret: Uint8Array;
  readonly version: number;
}

/** Makes the audit's write for the version that is being written. */
type Act = (version: number) => Operation;

export interface ResourceStoreOptions {
  readonly storage: Storage;
  readonly kms: KeyManagement;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
  /** Largest secret, bytes. */
  readonly secretBytes: number;
}

/** Secrets by name: sealed, each version kept until the name is deleted. */
export class ResourceStore {
  readonly #options: ResourceStoreOptions;

  constructor(options: ResourceStoreOptions) {
    this.#options = options;
  }

  /**
   * @param act makes the audit's write, which is committed together with the secret
   * @throws AssayError `request.body.size`, or what storage and key management say
   */
  async set(name: ResourceName, secret: Uint8Array, by: string, act: Act): Promise<ResourceDescription> {
    const { storage, kms, now, random, secretBytes } = this.#options;
    if (secret.length > secretBytes) {
      throw assayError('request.body.size', {
        params: { actual: secret.length, limit: secretBytes },
        actual: secret.length,
        expected: secretBytes,
      });
    }
    const key = HEAD + name.path;
    for (let race = 0; race < MAX_RACES; race++) {
      const entry = await storage.get(NS, key);
      const previous = entry === undefined ? undefined : decodeRecord(key, entry.value);
      const version = (previous?.header.version ?? 0) + 1;
      const header: ResourceHeader = {
        version,
        bytes: secret.length,
        written_at: now().toISOString(),
        written_by: by,
      };
      const sealed = await seal(kms, secret, recordName(name.path, version), random);
      const outcome = await storage.transact([
        {
          op: 'put',
          ns: NS,
          key,
          value: encodeRecord({ header, sealed }),
          ...(entry === undefined ? { ifAbsent: true as const } : { ifVersion: entry.version }),
        },
        ...(previous === undefined || previous.header.deleted
          ? []
          : [
              {
                op: 'put' as const,
                ns: NS,
                key: pastKey(name, previous.header.version),
                value: encodeRecord(previous),
              },
            ]),
        act(version),
      ]);
      if (outcome.outcome !== 'committed') continue;
      // What a deletion left behind when it was cut short.
      if (previous?.header.deleted) await this.#forgetPast(name, previous.header.version);
      return describe(name.path, header);
    }
    throw contended(key);
  }

  /** The newest version in clear, or undefined. The caller wipes nothing: the bytes are its own. */
  async get(name: ResourceName): Promise<StoredSecret | undefined> {
    const record = await this.#head(name);
    if (record === undefined) return undefined;
    const secret = await open(this.#options.kms, record.sealed, recordName(name.path, record.header.version));
    if (secret.length !== record.header.bytes)
      throw assayError('storage.record.intact', { params: { namespace: NS, key: HEAD + name.path } });
    return { secret, version: record.header.version };
  }

  async describe(name: ResourceName): Promise<ResourceDescription | undefined> {
    const record = await this.#head(name);
    return record === undefined ? undefined : describe(name.path, record.header);
  }

  /** Newest first. */
  async versions(name: ResourceName): Promise<readonly ResourceVersion[]> {
    const head = await this.#head(name);
    if (head === undefined) return [];
    const past = await this.#past(name);
    return [toVersion(head.header, true), ...past.map((record) => toVersion(record.header, false)).reverse()];
  }

  /**
   * Removes every version. What stays is the number of the last one, so that a later secret of the same name never has an
   * earlier one's binding.
   *
   * @throws AssayError `resource.object.present`
   */
  async delete(name: ResourceName, by: string, act: Act): Promise<void> {
    const { storage, now } = this.#options;
    const key = HEAD + name.path;
    for (let race = 0; race < MAX_RACES; race++) {
      const entry = await storage.get(NS, key);
      const record = entry === undefined ? undefined : decodeRecord(key, entry.value);
      if (entry === undefined || record === undefined || record.header.deleted) throw await this.missing(name);
      const stone: ResourceHeader = {
        version: record.header.version,
        bytes: 0,
        written_at: now().toISOString(),
        written_by: by,
        deleted: true,
      };
      const outcome = await storage.transact([
        {
          op: 'put',
          ns: NS,
          key,
          value: encodeRecord({ header: stone, sealed: new Uint8Array() }),
          ifVersion: entry.version,
        },
        act(stone.version),
      ]);
      if (outcome.outcome !== 'committed') continue;
      await this.#forgetPast(name, record.header.version);
      return;
    }
    throw contended(key);
  }

  async list(options: { repository?: string; after?: string; limit?: number } = {}): Promise<{
    items: readonly ResourceDescription[];
    next?: string;
  }> {
    const limit = Math.min(Math.max(1, options.limit ?? 100), MOST_LISTED);
    const prefix = HEAD + (options.repository === undefined ? '' : `${checkRepository(options.repository)}/`);
    const items: ResourceDescription[] = [];
    let after = options.after === undefined ? undefined : HEAD + options.after;
    for (;;) {
      const page = await this.#options.storage.list(NS, {
        prefix,
        limit: PAGE,
        values: true,
        ...(after === undefined ? {} : { after }),
      });
      for (const entry of page) {
        const { header } = decodeRecord(entry.key, entry.value ?? new Uint8Array());
        if (header.deleted) continue;
        if (items.length === limit) return { items, next: items[items.length - 1]?.path ?? '' };
        items.push(describe(entry.key.slice(HEAD.length), header));
      }
      if (page.length < PAGE) return { items };
      after = page[page.length - 1]?.key;
    }
  }

  /** The owner's answer to a name that is not there: which ones are near. Names alone are read, since any attested guest may ask. */
  async missing(name: ResourceName): Promise<Error> {
    const page = await this.#options.storage.list(NS, { prefix: `${HEAD}${name.repository}/`, limit: MOST_LISTED });
    const others = page.map(({ key }) => key.slice(HEAD.length)).filter((path) => path !== name.path);
    const near = nearestName(name.path, others);
    const shown = await this.#firstLive(near === undefined ? others : [near, ...others]);
    const nearest =
      others.length === 0
        ? `repository \`${name.repository}\` is empty`
        : shown === undefined
          ? `\`${name.repository}\` has none like it`
          : `${others.length} in \`${name.repository}\`, ${shown === near ? 'nearest' : 'e.g.'} ${shown}`;
    return assayError('resource.object.present', {
      params: { resource: name.path, nearest },
      subject: `kbs:///${name.path}`,
      actual: null,
    });
  }

  /** The first of a few names that is not that of a deleted secret. */
  async #firstLive(paths: readonly string[]): Promise<string | undefined> {
    for (const path of paths.slice(0, MOST_NEAR))
      if ((await this.#head(parseResourcePath(path))) !== undefined) return path;
    return undefined;
  }

  async #head(name: ResourceName): Promise<ResourceRecord | undefined> {
    const key = HEAD + name.path;
    const entry = await this.#options.storage.get(NS, key);
    if (entry === undefined) return undefined;
    const record = decodeRecord(key, entry.value);
    return record.header.deleted ? undefined : record;
  }

  async #past(name: ResourceName): Promise<readonly ResourceRecord[]> {
    const records: ResourceRecord[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await this.#options.storage.list(NS, {
        prefix: `${PAST}${name.path}/`,
        limit: PAGE,
        values: true,
        ...(after === undefined ? {} : { after }),
      });
      for (const entry of page) records.push(decodeRecord(entry.key, entry.value ?? new Uint8Array()));
      if (page.length < PAGE) return records;
      after = page[page.length - 1]?.key;
    }
  }

  /** Older versions of a deleted name. A crash in between leaves them, unreadable by name, until the name is written again. */
  async #forgetPast(name: ResourceName, last: number): Promise<void> {
    for (;;) {
      const page = await this.#options.storage.list(NS, { prefix: `${PAST}${name.path}/`, limit: 500 });
      const old = page.filter((entry) => Number(entry.key.slice(entry.key.lastIndexOf('/') + 1)) <= last);
      if (old.length === 0) return;
      await this.#options.storage.transact(old.map((entry) => ({ op: 'delete', ns: NS, key: entry.key })));
    }
  }
}

function pastKey(name: ResourceName, version: number): string {
  return `${PAST}${name.path}/${String(version).padStart(10, '0')}`;
}

function describe(path: string, header: ResourceHeader): ResourceDescription {
  return {
    path,
    version: header.version,
    bytes: header.bytes,
    writtenAt: header.written_at,
    writtenBy: header.written_by,
  };
}

function toVersion(header: ResourceHeader, current: boolean): ResourceVersion {
  return {
    version: header.version,
    bytes: header.bytes,
    writtenAt: header.written_at,
    writtenBy: header.written_by,
    current,
  };
}

function contended(key: string): Error {
  return assayError('storage.write.possible', {
    params: { path: `${NS}/${key}`, errno: `${MAX_RACES} other writers came first` },
  });
}
