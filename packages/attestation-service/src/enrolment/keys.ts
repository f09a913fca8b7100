import { assayError } from '@assay/bytes/findings';
import type { Operation, Storage } from '@assay/storage';
import {
  decodeEnrolled,
  decodeRevoked,
  type EnrolledKey,
  type EnrolmentActor,
  encodeRecord,
  KEYS_NS,
  type RevokedEndorsement,
} from './records.js';

const AK = 'ak/';
const EK = 'ek/';
const PAGE = 500;
const MOST_TRIES = 5;
const NAME = /^[0-9a-f]{4,132}$/;

export interface AttestationKeysOptions {
  readonly storage: Storage;
  readonly now: () => Date;
  /** How often writes of other replicas are looked for between attestations. Default 1000 ms. */
  readonly refreshMs?: number;
}

/** What tells a key apart: its Name where its public area is known, the digest of its encoding always. */
export interface KeyIdentity {
  readonly spkiSha256: string;
  readonly name?: string | undefined;
}

interface Snapshot {
  readonly byName: ReadonlyMap<string, EnrolledKey>;
  readonly bySpki: ReadonlyMap<string, EnrolledKey>;
  readonly revokedEndorsements: ReadonlyMap<string, RevokedEndorsement>;
}

const NOTHING: Snapshot = { byName: new Map(), bySpki: new Map(), revokedEndorsements: new Map() };

/**
 * Enrolled attestation keys: in storage for all replicas, and in memory for verifiers, which read nothing.
 *
 * Where storage does not answer no key is trusted: one that another replica revoked must not go on being good.
 */
export class AttestationKeys {
  readonly #storage: Storage;
  readonly #now: () => Date;
  readonly #refreshMs: number;
  #snapshot: Snapshot = NOTHING;
  #revision = -1;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;
  /** Looks at the storage that were begun, and the last of them whose outcome counts. */
  #begun = 0;
  #newest = 0;

  constructor(options: AttestationKeysOptions) {
    this.#storage = options.storage;
    this.#now = options.now;
    this.#refreshMs = options.refreshMs ?? 1000;
  }

  /**
   * The enrolled key, if it is good now: neither revoked nor ended, nor its endorsement key revoked.
   *
   * Never waits. What it knows is as new as the last `refresh`, or as the interval.
   */
  trusted(identity: KeyIdentity): EnrolledKey | undefined {
    this.#lookInBackground();
    const { byName, bySpki, revokedEndorsements } = this.#snapshot;
    const found = identity.name === undefined ? bySpki.get(identity.spkiSha256) : byName.get(identity.name);
    if (found === undefined || found.spkiSha256 !== identity.spkiSha256) return undefined;
    if (found.revoked !== undefined || revokedEndorsements.has(found.endorsement.spkiSha256)) return undefined;
    return new Date(found.expiresAt) > this.#now() ? found : undefined;
  }

  /** Loads what storage has now. @throws AssayError where it does not answer; no key is trusted then */
  async refresh(): Promise<void> {
    const look = ++this.#begun;
    try {
      const revision = await this.#storage.revision(KEYS_NS);
      const snapshot = revision === this.#revision ? this.#snapshot : await this.#load();
      // One that was begun later has seen at least what this one has: what it found revoked must not come back.
      if (look < this.#newest) return;
      this.#newest = look;
      this.#snapshot = snapshot;
      this.#revision = revision;
      this.#lookedAt = this.#now().getTime();
    } catch (error) {
      if (look >= this.#newest) {
        this.#newest = look;
        this.#snapshot = NOTHING;
        this.#revision = -1;
      }
      throw error;
    }
  }

  /** Stores a key. One that was enrolled before is enrolled anew. @throws AssayError `tpm.enrolment.revoked` */
  async enrol(record: EnrolledKey): Promise<void> {
    for (let n = 1; n <= MOST_TRIES; n += 1) {
      const before = await this.#storage.get(KEYS_NS, AK + record.name);
      await this.refuseRevoked(record.name, record.endorsement.spkiSha256);
      const put = await this.#storage.put(KEYS_NS, AK + record.name, encodeRecord(record), {
        expiresAt: new Date(record.expiresAt).getTime(),
        ...(before === undefined ? { ifAbsent: true as const } : { ifVersion: before.version }),
      });
      if (put.outcome === 'written') {
        await this.refresh();
        return;
      }
    }
    throw contended();
  }

  /** @throws AssayError `tpm.enrolment.revoked` when the key, or its endorsement key, was revoked */
  async refuseRevoked(name: string, endorsementSpki: string): Promise<void> {
    const key = await this.get(name);
    if (key?.revoked !== undefined) throw revokedError('AK', name, key.revoked.at);
    const entry = await this.#storage.get(KEYS_NS, EK + endorsementSpki);
    if (entry === undefined) return;
    throw revokedError('EK', endorsementSpki, decodeRevoked(entry.value, EK + endorsementSpki).revoked.at);
  }

  /** Keys of one endorsement key that are good, other than `except`. */
  countOf(endorsementSpki: string, except: string): number {
    const now = this.#now();
    return [...this.#snapshot.byName.values()].filter(
      ({ endorsement, name, revoked, expiresAt }) =>
        endorsement.spkiSha256 === endorsementSpki &&
        name !== except &&
        revoked === undefined &&
        new Date(expiresAt) > now,
    ).length;
  }

  /** One key, revoked or not. */
  async get(name: string): Promise<EnrolledKey | undefined> {
    if (!NAME.test(name)) return undefined;
    const entry = await this.#storage.get(KEYS_NS, AK + name);
    return entry === undefined ? undefined : decodeEnrolled(entry.value, AK + name);
  }

  /** Keys by name, revoked ones too; ended ones are gone. */
  async list(options: { readonly after?: string; readonly limit?: number } = {}): Promise<{
    readonly items: readonly EnrolledKey[];
    readonly next?: string;
  }> {
    const { after, limit = 100 } = options;
    const page = await this.#storage.list(KEYS_NS, {
      prefix: AK,
      limit: limit + 1,
      values: true,
      ...(after === undefined || !NAME.test(after) ? {} : { after: AK + after }),
    });
    const items = page.slice(0, limit).map(({ key, value }) => decodeEnrolled(value ?? new Uint8Array(), key));
    const last = items.at(-1);
    return page.length > limit && last !== undefined ? { items, next: last.name } : { items };
  }

  /**
   * Revokes a key for good; with `endorsement` every key of its endorsement key, those to come included.
   *
   * @throws AssayError `tpm.ak.known`
   */
  async revoke(
    name: string,
    options: { readonly by: EnrolmentActor; readonly reason?: string; readonly endorsement: boolean },
  ): Promise<EnrolledKey> {
    for (let n = 1; n <= MOST_TRIES; n += 1) {
      const entry = NAME.test(name) ? await this.#storage.get(KEYS_NS, AK + name) : undefined;
      if (entry === undefined) throw assayError('tpm.ak.known', { params: { name: name.slice(0, 140) } });
      const key = decodeEnrolled(entry.value, AK + name);
      const { by, reason } = options;
      const revoked = { at: this.#now().toISOString(), by, ...(reason === undefined ? {} : { reason }) };
      // What was revoked before keeps its date and reason.
      const record: EnrolledKey = { ...key, revoked: key.revoked ?? revoked };
      const { spkiSha256 } = key.endorsement;
      const operations: Operation[] = [
        { op: 'put', ns: KEYS_NS, key: AK + name, value: encodeRecord(record), ifVersion: entry.version },
      ];
      if (options.endorsement) {
        const value = encodeRecord({ spkiSha256, revoked });
        operations.push({ op: 'put', ns: KEYS_NS, key: EK + spkiSha256, value });
      }
      if ((await this.#storage.transact(operations)).outcome === 'committed') {
        await this.refresh();
        return record;
      }
    }
    throw contended();
  }

  #lookInBackground(): void {
    const now = this.#now().getTime();
    if (now - this.#lookedAt < this.#refreshMs && now >= this.#lookedAt) return;
    this.#lookedAt = now;
    // A failure leaves no key trusted; the attestation that waits for `refresh` says why.
    this.#refreshing ??= this.refresh()
      .catch(() => undefined)
      .finally(() => {
        this.#refreshing = undefined;
      });
  }

  async #load(): Promise<Snapshot> {
    const keys = (await this.#all(AK)).map(({ key, value }) => decodeEnrolled(value, key));
    const revoked = (await this.#all(EK)).map(({ key, value }) => decodeRevoked(value, key));
    return {
      byName: new Map(keys.map((key) => [key.name, key])),
      bySpki: new Map(keys.map((key) => [key.spkiSha256, key])),
      revokedEndorsements: new Map(revoked.map((one) => [one.spkiSha256, one])),
    };
  }

  async #all(prefix: string): Promise<{ readonly key: string; readonly value: Uint8Array }[]> {
    const entries: { readonly key: string; readonly value: Uint8Array }[] = [];
    for (;;) {
      const after = entries.at(-1)?.key;
      const page = await this.#storage.list(KEYS_NS, {
        prefix,
        limit: PAGE,
        values: true,
        ...(after === undefined ? {} : { after }),
      });
      entries.push(...page.map(({ key, value }) => ({ key, value: value ?? new Uint8Array() })));
      if (page.length < PAGE) return entries;
    }
  }
}

function revokedError(what: 'AK' | 'EK', name: string, date: string): Error {
  return assayError('tpm.enrolment.revoked', { params: { what, name, date } });
}

function contended(): Error {
  return assayError('storage.write.possible', {
    params: { path: KEYS_NS, errno: `the record was changed by others at each of ${MOST_TRIES} tries` },
  });
}
