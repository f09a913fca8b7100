import { DecodeError, isJsonObject, parseJsonStrict } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';
import type { PolicyAuthor, PolicySummary } from '../contract.js';

/** One version of a policy at rest. Without text: the policy was deleted by this version. */
export interface PolicyRecord {
  readonly id: string;
  readonly version: number;
  readonly digest: string;
  readonly text?: string;
  readonly changedAt: string;
  readonly changedBy: PolicyAuthor;
}

/** @throws AssayError `storage.record.intact` */
export function parsePolicyRecord(json: string, key: string): PolicyRecord {
  const value = parsed(json, key);
  if (!isJsonObject(value)) throw damaged(key);
  const { id, version, digest, text, changedAt, changedBy } = value;
  if (typeof id !== 'string' || typeof version !== 'number' || typeof digest !== 'string') throw damaged(key);
  if (typeof changedAt !== 'string' || !isJsonObject(changedBy)) throw damaged(key);
  const { subject, method } = changedBy;
  if (typeof subject !== 'string' || typeof method !== 'string') throw damaged(key);
  if (text !== undefined && typeof text !== 'string') throw damaged(key);
  return { id, version, digest, ...(text === undefined ? {} : { text }), changedAt, changedBy: { subject, method } };
}

export function summaryOf(record: PolicyRecord): PolicySummary {
  const { id, version, digest, changedAt, changedBy } = record;
  return { id, version, digest, changedAt, changedBy, bytes: Buffer.byteLength(record.text ?? '') };
}

function parsed(json: string, key: string) {
  try {
    return parseJsonStrict(json);
  } catch (thrown) {
    if (thrown instanceof DecodeError) throw damaged(key, thrown);
    throw thrown;
  }
}

function damaged(key: string, cause?: unknown) {
  return assayError('storage.record.intact', {
    params: { namespace: 'attestation_service_policy', key },
    subject: key,
    ...(cause === undefined ? {} : { cause }),
  });
}
