/** A session as it stands in the store. The nonce is an entry of its own, so that taking it is one atomic act. */
import { assayError } from '@assay/bytes/findings';
import {
  HASH_ALGORITHMS,
  type HashAlgorithm,
  PROTOCOL_VERSIONS,
  type ProtocolVersion,
  type Tee,
} from '@assay/protocol';
import type { AttemptId } from '../types.js';

export interface Session {
  readonly id: string;
  readonly attempt: AttemptId;
  readonly version: ProtocolVersion;
  readonly tee: Tee;
  /** Name as the client spelled it. */
  readonly teeAsSent: string;
  /** Hash that the challenge selected; undefined: the default. */
  readonly hash?: HashAlgorithm;
  /** RFC 3339. */
  readonly startedAt: string;
  /** RFC 3339; never extended. */
  readonly deadline: string;
}

/** What an accepted attestation adds. */
export interface Attested {
  readonly token: string;
  /** Thumbprint of the key that the evidence is bound to. */
  readonly key: string;
  readonly at: string;
}

export interface StoredSession {
  readonly session: Session;
  readonly attested?: Attested;
}

export function encodeSession(stored: StoredSession): Uint8Array {
  return Buffer.from(JSON.stringify(stored));
}

/** @throws AssayError `storage.record.intact` */
export function decodeSession(id: string, value: Uint8Array): StoredSession {
  try {
    const stored: unknown = JSON.parse(Buffer.from(value).toString('utf8'));
    if (isStored(stored) && stored.session.id === id) return stored;
  } catch (cause) {
    throw torn(id, cause);
  }
  throw torn(id);
}

function isStored(value: unknown): value is StoredSession {
  if (!isRecord(value) || !isRecord(value['session'])) return false;
  const { id, attempt, version, tee, teeAsSent, hash, startedAt, deadline } = value['session'];
  const texts = [id, attempt, tee, teeAsSent, startedAt, deadline].every((text) => typeof text === 'string');
  if (!texts || typeof version !== 'string' || !Object.hasOwn(PROTOCOL_VERSIONS, version)) return false;
  if (hash !== undefined && (typeof hash !== 'string' || !Object.hasOwn(HASH_ALGORITHMS, hash))) return false;
  if (Number.isNaN(Date.parse(String(deadline)))) return false;
  const attested = value['attested'];
  if (attested === undefined) return true;
  return (
    isRecord(attested) && [attested['token'], attested['key'], attested['at']].every((text) => typeof text === 'string')
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function torn(id: string, cause?: unknown): Error {
  // A session id is a secret of its holder: the message names none.
  return assayError('storage.record.intact', {
    params: { namespace: 'kbs_protocol_session', key: `${id.slice(0, 4)}…` },
    cause,
  });
}
