/** Launch sessions, connections and report keys in the store, each sealed as a whole: no key of theirs is at rest in clear. */
import { decodeBase64, encodeBase64 } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import type { PlatformFacts, SessionKeys } from '@assay/evidence/sev';
import { type KeyManagement, open, seal } from '@assay/kms';
import type { Operation, Storage } from '@assay/storage';
import type { AttemptId } from '../types.js';
import type { LaunchFacts } from './facts.js';

const NS = 'sev';
const SESSION = 'session/';
const CONNECTION = 'connection/';
/** Empty entries beside the sessions, by platform, so that those of one can be counted. */
const OPEN = 'open/';

/** A launch that was promised a secret, from GetBundle to GetSecret. */
export interface LaunchSession extends SessionKeys {
  readonly attempt: AttemptId;
  readonly startedAt: string;
  /** RFC 3339; never extended. */
  readonly deadline: string;
  readonly platform: PlatformFacts;
  /** Thumbprint of the platform's PDH. */
  readonly key: string;
}

/** What a guest may go on asking with. */
export interface Connection {
  readonly attempt: AttemptId;
  readonly launch: LaunchFacts;
  readonly expiresAt: string;
  /** Thumbprint of the platform's PDH. */
  readonly thumbprint: string;
  /** 32 bytes. Secret. */
  readonly key: Uint8Array;
}

export interface SevRecordsOptions {
  readonly storage: Storage;
  readonly kms: KeyManagement;
  readonly random: (bytes: number) => Uint8Array;
}

export class SevRecords {
  readonly #options: SevRecordsOptions;

  constructor(options: SevRecordsOptions) {
    this.#options = options;
  }

  /** Sessions that are open now, of one platform or of all, counted up to `most`. @param platform thumbprint of its PDH */
  async openSessions(most: number, platform?: string): Promise<number> {
    const prefix = platform === undefined ? SESSION : `${OPEN}${platform}/`;
    return (await this.#options.storage.list(NS, { prefix, limit: most })).length;
  }

  async sessionOperations(id: string, session: LaunchSession): Promise<readonly Operation[]> {
    const { tek, tik, ...rest } = session;
    const text = JSON.stringify({ ...rest, tek: encodeBase64(tek), tik: encodeBase64(tik) });
    const expiresAt = Date.parse(session.deadline);
    const place = `${OPEN}${session.key}/${id}`;
    return [
      await this.#put(SESSION + id, text, expiresAt),
      { op: 'put', ns: NS, key: place, value: new Uint8Array(), expiresAt },
    ];
  }

  /** The session, for exactly one caller over all replicas; gone afterwards, whatever becomes of it. */
  async takeSession(id: string): Promise<LaunchSession | undefined> {
    const key = SESSION + id;
    const entry = await this.#options.storage.take(NS, key);
    if (entry === undefined) return undefined;
    const { tek, tik, ...rest } = await this.#open<Omit<LaunchSession, 'tek' | 'tik'> & Texts<'tek' | 'tik'>>(
      key,
      entry.value,
    );
    await this.#options.storage.delete(NS, `${OPEN}${rest.key}/${id}`);
    return { ...rest, tek: decodeBase64(tek), tik: decodeBase64(tik) };
  }

  async connectionOperation(id: string, connection: Connection): Promise<Operation> {
    const { key, ...rest } = connection;
    const text = JSON.stringify({ ...rest, key: encodeBase64(key) });
    return this.#put(CONNECTION + id, text, Date.parse(connection.expiresAt));
  }

  async connection(id: string): Promise<Connection | undefined> {
    const key = CONNECTION + id;
    const entry = await this.#options.storage.get(NS, key);
    if (entry === undefined) return undefined;
    const stored = await this.#open<Omit<Connection, 'key'> & Texts<'key'>>(key, entry.value);
    return { ...stored, key: decodeBase64(stored.key) };
  }

  async #put(key: string, text: string, expiresAt: number): Promise<Operation> {
    const { kms, random } = this.#options;
    const plain = Buffer.from(text);
    try {
      const value = await seal(kms, plain, { ns: NS, key }, random);
      return { op: 'put', ns: NS, key, value, expiresAt, ifAbsent: true };
    } finally {
      plain.fill(0);
    }
  }

  async #open<T>(key: string, value: Uint8Array): Promise<T> {
    const plain = await open(this.#options.kms, value, { ns: NS, key });
    try {
      return JSON.parse(Buffer.from(plain).toString('utf8')) as T;
    } catch (cause) {
      throw assayError('storage.record.intact', { params: { namespace: NS, key: key.slice(0, 16) }, cause });
    } finally {
      plain.fill(0);
    }
  }
}

type Texts<Names extends string> = { readonly [name in Names]: string };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A UUID in its one spelling; undefined for a text that is none. */
export function parseUuid(text: string): string | undefined {
  return UUID.test(text) ? text.toLowerCase() : undefined;
}

/** UUIDv4 of a given source. */
export function newUuid(random: (bytes: number) => Uint8Array): string {
  const bytes = Buffer.from(random(16));
  if (bytes.length !== 16) throw new Error(`the random source gave ${bytes.length} bytes instead of 16`);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
