/** A signature with what came beside it, judged by what a policy believes: keys, or authorities and logs. No clock, no network. */
import { type KeyObject, verify } from 'node:crypto';
import { type AssayError, assayError } from '@assay/bytes/findings';
import type { Certificate } from '@assay/evidence/x509';
import { checkSigner, issuerOf, readSignerCertificate, type SignerIdentity, subjectsOf } from './certificate.js';
import { checkEntryBody } from './entry-body.js';
import { malformed } from './failure.js';
import { absent, checkLogEntry, type LogEntry, type LoggedEntry } from './log-entry.js';
import type { LogKey } from './log-key.js';

/** What a policy believes. */
export interface SignatureTrust {
  readonly signer:
    | { readonly kind: 'keys'; readonly keys: readonly KeyObject[] }
    | {
        readonly kind: 'fulcio';
        readonly authorities: readonly Certificate[];
        readonly identity: SignerIdentity;
      };
  /** Logs of which one must vouch; empty: none is asked for. With `fulcio` there must be some. */
  readonly logs: readonly LogKey[];
  readonly now: Date;
}

/** A signature as it was found, of whatever form. */
export interface FoundSignature {
  /** What it is over. */
  readonly content: Uint8Array;
  /** Of an envelope. */
  readonly payload?: Uint8Array;
  readonly signature: Uint8Array;
  /** DER: the signer's certificate, and what came with it. */
  readonly certificate?: Uint8Array;
  readonly intermediates: readonly Uint8Array[];
  readonly entries: readonly LogEntry[];
  /** The form wants proofs of inclusion. */
  readonly proofNeeded: boolean;
}

/** Who signed, and when, as far as it was asked for. */
export interface VerifiedSigner {
  /** Names in the signer's certificate. */
  readonly subject?: string;
  readonly issuer?: string;
  /** When the log took the signature. */
  readonly time?: Date;
  readonly logIndex?: number;
}

/** Clocks differ by minutes. */
const ALLOWED_AHEAD = 5 * 60_000;

/**
 * The log first, then the certificate at the log's time, then the signature under its key.
 *
 * @throws AssayError `signature.*`
 */
export function verifyFound(found: FoundSignature, trust: SignatureTrust): VerifiedSigner {
  const { signer, logs } = trust;
  if (signer.kind === 'keys') {
    // The key alone, without which there would be nothing to compare a log entry with.
    const key = signer.keys.find((one) => verifies(one, found));
    if (key === undefined) throw noKey(`${signer.keys.length} keys of the policy`, 'a signature of another key');
    if (logs.length === 0) return {};
    return toldBy(logged(found, trust, [key.export({ type: 'spki', format: 'der' })]));
  }
  const { certificate } = found;
  if (certificate === undefined) throw noKey('a certificate of an authority of the policy', 'a signature without one');
  const entry = logged(found, trust, [certificate]);
  if (entry.time === undefined) throw badTime('no log has signed one, and certificates of an hour need it');
  const leaf = readSignerCertificate(certificate);
  const intermediates = found.intermediates.map(readSignerCertificate);
  const key = checkSigner(leaf, intermediates, signer.authorities, entry.time, signer.identity);
  if (!verifies(key, found)) throw noKey('the key of the signer’s certificate', 'a signature of another key');
  const names = subjectsOf(leaf).map(({ value }) => value);
  const issuer = issuerOf(leaf);
  return { ...toldBy(entry), subject: names.join(', '), ...(issuer === undefined ? {} : { issuer }) };
}

/** One entry that a log of the policy vouches for, and that is about this signature. Of several bad ones the first is told. */
function logged(found: FoundSignature, { logs, now }: SignatureTrust, signer: readonly Uint8Array[]): LoggedEntry {
  if (logs.length === 0) throw malformed('no key of a log to judge it by');
  let reason: AssayError | undefined;
  for (const entry of found.entries) {
    try {
      const checked = checkLogEntry(entry, logs, found.proofNeeded);
      checkEntryBody(checked.body, { ...found, signer });
      if (checked.time !== undefined && checked.time.getTime() > now.getTime() + ALLOWED_AHEAD) {
        throw badTime(`${checked.time.toISOString()} is later than now`);
      }
      return checked;
    } catch (error) {
      if (!isFinding(error)) throw error;
      reason ??= error;
    }
  }
  throw reason ?? absent('entry of a transparency log');
}

function toldBy({ time, logIndex }: LoggedEntry): VerifiedSigner {
  return { logIndex, ...(time === undefined ? {} : { time }) };
}

/** As cosign signs: over SHA-256 with EC and RSA keys (PKCS#1 v1.5), and Ed25519. */
export function verifies(
  key: KeyObject,
  { content, signature }: { content: Uint8Array; signature: Uint8Array },
): boolean {
  try {
    return verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', content, key, signature);
  } catch {
    return false;
  }
}

function isFinding(error: unknown): error is AssayError {
  return error instanceof Error && error.name === 'AssayError';
}

function noKey(expected: string, found: string): AssayError {
  return assayError('signature.key.match', { params: { n: 1, expected, found } });
}

function badTime(what: string): AssayError {
  return assayError('signature.log.time', { params: { what } });
}
