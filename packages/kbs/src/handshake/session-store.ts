/** Sessions in the store: the session under its id, its nonce and its token's digest beside it. */

import { assayError } from '@assay/bytes/findings';
import type { ProtocolVersion } from '@assay/protocol';
import type { Operation, Storage } from '@assay/storage';
import type { AttemptId } from '../types.js';
import { type Attested, decodeSession, encodeSession, type Session, type StoredSession } from './session.js';

const NS = 'kbs_protocol_session';
/**
 * How long an ended session is still known as such, so that the owner of a slow guest reads "ended" and not "unknown". Anybody
 * can open sessions: none stays longer than that is worth.
 */
const AFTERLIFE_MS = 600_000;

/** What is known of a token besides its claims: which attempt it came from and which protocol its client speaks. */
export interface TokenOrigin {
  readonly attempt: AttemptId;
  /** Absent for tokens that no handshake of this service issued. */
  readonly version?: ProtocolVersion;
  /** Thumbprint of the key that the handshake attested. */
  readonly key?: string;
}

export class SessionStore {
  readonly #storage: Storage;
  /** Where the audit is; writes go together where it is the same store. */
  readonly #audit: Storage;

  constructor(storage: Storage, audit: Storage) {
    this.#storage = storage;
    this.#audit = audit;
  }

  async open(session: Session, nonce: string, audit: readonly Operation[]): Promise<void> {
    const deadline = Date.parse(session.deadline);
    await this.#commit(
      [
        this.#sessionEntry({ session }, { ifAbsent: true }),
        {
          op: 'put',
          ns: NS,
          key: nonceKey(session.id),
          value: Buffer.from(nonce),
          expiresAt: deadline,
          ifAbsent: true,
        },
      ],
      audit,
    );
  }

  async get(id: string): Promise<StoredSession | undefined> {
    const entry = await this.#storage.get(NS, id);
    return entry === undefined ? undefined : decodeSession(id, entry.value);
  }

  /** The nonce, for exactly one caller over all replicas. */
  async takeNonce(session: Session): Promise<string | undefined> {
    const entry = await this.#storage.take(NS, nonceKey(session.id));
    return entry === undefined ? undefined : Buffer.from(entry.value).toString('utf8');
  }

  /** The session has a token now; its deadline stays. */
  async attested(
    session: Session,
    attested: Attested,
    token: { digest: string; expiresAt: Date },
    audit: readonly Operation[],
  ): Promise<void> {
    const origin: TokenOrigin = { attempt: session.attempt, version: session.version, key: attested.key };
    await this.#commit(
      [this.#sessionEntry({ session, attested }, {}), originEntry(token.digest, origin, token.expiresAt)],
      audit,
    );
  }

  /** Remembers where a token came from; the first to say so wins. */
  async rememberToken(
    digest: string,
    origin: TokenOrigin,
    expiresAt: Date,
    audit: readonly Operation[],
  ): Promise<void> {
    await this.#commit([originEntry(digest, origin, expiresAt)], audit);
  }

  async tokenOrigin(digest: string): Promise<TokenOrigin | undefined> {
    const entry = await this.#storage.get(NS, originKey(digest));
    if (entry === undefined) return undefined;
    try {
      return JSON.parse(Buffer.from(entry.value).toString('utf8')) as TokenOrigin;
    } catch (cause) {
      throw assayError('storage.record.intact', { params: { namespace: NS, key: originKey(digest) }, cause });
    }
  }

  #sessionEntry(stored: StoredSession, condition: { ifAbsent?: true }): Operation {
    const expiresAt = Date.parse(stored.session.deadline) + AFTERLIFE_MS;
    return { op: 'put', ns: NS, key: stored.session.id, value: encodeSession(stored), expiresAt, ...condition };
  }

  /** One transaction where sessions and audit share a store; else the audit first, so that nothing is granted unrecorded. */
  async #commit(session: readonly Operation[], audit: readonly Operation[]): Promise<void> {
    if (this.#storage === this.#audit) return committed(this.#storage, [...audit, ...session]);
    if (audit.length > 0) await committed(this.#audit, audit);
    await committed(this.#storage, session);
  }
}

async function committed(storage: Storage, operations: readonly Operation[]): Promise<void> {
  const outcome = await storage.transact(operations);
  if (outcome.outcome !== 'committed') {
    const name = operations[outcome.index]?.ns ?? NS;
    // A fresh random id that exists already: the random source is broken, or somebody writes by hand.
    throw assayError('storage.write.possible', { params: { path: `namespace ${name}`, errno: 'the id is taken' } });
  }
}

function nonceKey(id: string): string {
  return `${id}.nonce`;
}

function originKey(digest: string): string {
  return `token/${digest}`;
}

function originEntry(digest: string, origin: TokenOrigin, expiresAt: Date): Operation {
  const value = Buffer.from(JSON.stringify(origin));
  return { op: 'put', ns: NS, key: originKey(digest), value, expiresAt: expiresAt.getTime() };
}
