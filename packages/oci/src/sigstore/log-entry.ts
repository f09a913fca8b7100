/** Entries of Rekor, judged offline: with the log's signature over the entry, or with a proof that it is in a tree that the log signed. */
import { canonicalJson, encodeBase64, encodeUtf8 } from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';
import { checkSigned, readCheckpoint } from './checkpoint.js';
import { badCheckpoint } from './failure.js';
import { idsOf, type LogKey, verifiesUnder } from './log-key.js';
import { checkInclusion, type MerkleProof } from './merkle.js';

export interface LogEntry {
  /** What was logged, as the log keeps it. */
  readonly body: Uint8Array;
  /** Lower-case hex. */
  readonly logId: string;
  readonly logIndex: number;
  /** Seconds since 1970. Believed only under {@link promise}. */
  readonly integratedTime?: number;
  /** Signed entry timestamp. */
  readonly promise?: Uint8Array;
  readonly proof?: InclusionProof;
}

export interface InclusionProof extends MerkleProof {
  readonly root: Uint8Array;
  /** Signed note. */
  readonly checkpoint: string;
}

/** An entry that a log of the policy vouches for. */
export interface LoggedEntry {
  readonly body: Uint8Array;
  /** When the log took it; absent where the log has signed no time. */
  readonly time?: Date;
  readonly logIndex: number;
}

/**
 * @param proofNeeded bundles of version 0.2 and later must carry the proof; a promise alone is enough for older forms
 * @throws AssayError `signature.log.key`, `signature.log.promise`, `signature.log.proof`, `signature.log.checkpoint`
 */
export function checkLogEntry(entry: LogEntry, keys: readonly LogKey[], proofNeeded: boolean): LoggedEntry {
  const { body, logId, logIndex, integratedTime, promise, proof } = entry;
  const checkpoint = proof === undefined ? undefined : readCheckpoint(proof.checkpoint);
  const names = checkpoint === undefined ? [''] : checkpoint.signatures.map(({ name }) => name);
  const key = keys.find((one) => names.some((name) => idsOf(one, name).includes(logId)));
  if (key === undefined) {
    const expected = keys.map(({ id }) => id).join(', ');
    throw assayError('signature.log.key', { params: { actual: logId, expected }, expected, actual: logId });
  }
  if (proof !== undefined && checkpoint !== undefined) {
    checkSigned(checkpoint, key);
    if (checkpoint.size !== proof.size || Buffer.compare(checkpoint.root, proof.root) !== 0) {
      throw badCheckpoint('it is of another tree than that of the proof');
    }
    checkInclusion(body, proof, checkpoint.root);
  } else if (proofNeeded) {
    throw absent('proof that its log entry is in the log');
  }
  if (promise === undefined || integratedTime === undefined) {
    if (proof === undefined) throw absent('promise of a log');
    return { body, logIndex };
  }
  const signed = canonicalJson({ body: encodeBase64(body), integratedTime, logID: logId, logIndex });
  if (!verifiesUnder(key, encodeUtf8(signed), promise)) {
    throw assayError('signature.log.promise', { params: { log: logId }, subject: logId });
  }
  return { body, logIndex, time: new Date(integratedTime * 1000) };
}

export function absent(what: string): AssayError {
  return assayError('signature.log.present', { params: { what } });
}
