/** Public keys of transparency logs, and the names that entries and checkpoints have for them. */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { DecodeError, decodeBase64, decodeUtf8 } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';

export interface LogKey {
  readonly key: KeyObject;
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex: the `logID` of Rekor 1. */
  readonly id: string;
}

/** Algorithm byte of Ed25519 in the key ids of signed notes (transparency-dev, signed note). */
const NOTE_ED25519 = Uint8Array.of(0x01);
const RAW_ED25519 = 32;

/** A public key in PEM, or base64 of that. @throws AssayError `signature.policy.form` */
export function readLogKey(text: string, file: string): LogKey {
  const pem = text.includes('-----BEGIN') ? text : fromBase64(text);
  let key: KeyObject | undefined;
  try {
    if (pem?.includes('-----BEGIN PUBLIC KEY-----')) key = createPublicKey(pem);
  } catch {
    // Said below.
  }
  if (key === undefined || (key.asymmetricKeyType !== 'ec' && key.asymmetricKeyType !== 'ed25519')) {
    const what = 'no public key of a log (EC or Ed25519) in PEM';
    throw assayError('signature.policy.form', { params: { file, what }, subject: file });
  }
  return { key, id: createHash('sha256').update(spkiOf(key)).digest('hex') };
}

/**
 * Ids that a log of this name may have under the key: its SHA-256, and for Ed25519 that of a signed note. Checkpoints have the first four
 * bytes of one of them.
 */
export function idsOf({ key, id }: LogKey, name: string): readonly string[] {
  if (key.asymmetricKeyType !== 'ed25519') return [id];
  const raw = spkiOf(key).subarray(-RAW_ED25519);
  return [id, createHash('sha256').update(`${name}\n`).update(NOTE_ED25519).update(raw).digest('hex')];
}

/** ECDSA over SHA-256 in DER, or Ed25519. */
export function verifiesUnder({ key }: LogKey, signed: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', signed, key, signature);
  } catch {
    return false;
  }
}

function spkiOf(key: KeyObject): Uint8Array {
  return key.export({ type: 'spki', format: 'der' });
}

function fromBase64(text: string): string | undefined {
  try {
    return decodeUtf8(decodeBase64(text.trim()));
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
