/** The signature of a quote: read, judged by its scheme, verified. */
import { constants, verify } from 'node:crypto';
import { concatBytes, DecodeError } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';
import { type AttestationKey, akName } from '../key/ak.js';
import type { TpmHash } from '../structures/algorithm.js';
import { parseSignature, type TpmSignature, UnservedSchemeError } from '../structures/signature.js';

const SUBJECT = 'TPM quote';
const PART2 = 'TPM 2.0 Library, Part 2';
/** SHA-1 signatures can be made for two messages; SM3 is not served. */
const ACCEPTED: readonly TpmHash[] = ['sha256', 'sha384', 'sha512'];

export interface SignatureReading {
  readonly findings: readonly FindingDraft[];
  /** Undefined when it is no signature of a scheme that is read. */
  readonly signature: TpmSignature | undefined;
}

/** Reads a TPMT_SIGNATURE. */
export function readQuoteSignature(bytes: Uint8Array): SignatureReading {
  try {
    const signature = parseSignature(bytes);
    return { signature, findings: [passed('tpm.signature.form', SUBJECT)] };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    if (error instanceof UnservedSchemeError) {
      return { signature: undefined, findings: [passed('tpm.signature.form', SUBJECT), unservedScheme(error.scheme)] };
    }
    return { signature: undefined, findings: [malformedSignature(error.reason)] };
  }
}

/** A signature without its frame, as some libraries hand it on: RSASSA with SHA-256, as long as the modulus. */
export function rawRsassa(bytes: Uint8Array): SignatureReading {
  return {
    signature: { scheme: 'rsassa', hash: 'sha256', signature: bytes },
    findings: [passed('tpm.signature.form', SUBJECT)],
  };
}

export function malformedSignature(what: string): FindingDraft {
  return failed('tpm.signature.form', {
    subject: SUBJECT,
    params: { what },
    actual: what,
    compare: { relation: 'well-formed', type: 'bytes' },
    source: `${PART2}: TPMT_SIGNATURE`,
    origin: { kind: 'spec', document: PART2, clause: '11.3.4' },
  });
}

/** Whether the scheme is one that is accepted. */
export function checkScheme({ hash, scheme }: TpmSignature): FindingDraft {
  const actual = `${scheme.toUpperCase()} with ${hash.toUpperCase().replace('SHA', 'SHA-')}`;
  return ACCEPTED.includes(hash) ? passed('tpm.signature.scheme', SUBJECT, actual) : unservedScheme(actual);
}

function unservedScheme(actual: string): FindingDraft {
  return failed('tpm.signature.scheme', {
    subject: SUBJECT,
    params: { actual },
    expected: 'RSASSA, RSAPSS or ECDSA with SHA-256, SHA-384 or SHA-512',
    actual,
    compare: { relation: 'one-of', type: 'text' },
    source: 'signature of the quote',
    origin: { kind: 'spec', document: PART2, clause: '11.3.4' },
  });
}

/** Verifies the quote's bytes under the key. */
export function checkSignature(message: Uint8Array, signature: TpmSignature, ak: AttestationKey): FindingDraft {
  if (verifies(message, signature, ak)) return passed('tpm.signature.valid', SUBJECT, akName(ak));
  const name = akName(ak);
  return failed('tpm.signature.valid', {
    subject: SUBJECT,
    params: { name },
    expected: name,
    actual: null,
    compare: { relation: 'signed-by', type: 'key' },
    source: 'AK of the evidence',
    origin: { kind: 'spec', document: 'TPM 2.0 Library, Part 3', clause: 'TPM2_Quote' },
  });
}

/** False also where scheme and key do not fit each other. */
export function verifies(message: Uint8Array, signature: TpmSignature, { key }: AttestationKey): boolean {
  const { asymmetricKeyDetails: details, asymmetricKeyType: type } = key;
  try {
    if (signature.scheme === 'ecdsa') {
      const fixed = type === 'ec' ? fixedWidth(signature.r, signature.s, sizeOf(details?.namedCurve)) : undefined;
      return fixed !== undefined && verify(signature.hash, message, { key, dsaEncoding: 'ieee-p1363' }, fixed);
    }
    if (type !== 'rsa' || 8 * signature.signature.length !== details?.modulusLength) return false;
    const padding =
      signature.scheme === 'rsassa'
        ? { padding: constants.RSA_PKCS1_PADDING }
        : // A TPM chooses the longest salt that fits, or one as long as the digest: both are sound.
          { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
    return verify(signature.hash, message, { key, ...padding }, signature.signature);
  } catch {
    return false;
  }
}

function sizeOf(curve: string | undefined): number {
  return curve === 'secp521r1' ? 66 : curve === 'secp384r1' ? 48 : 32;
}

/** `r ‖ s`; undefined when one is longer than the curve's numbers. */
function fixedWidth(r: Uint8Array, s: Uint8Array, size: number): Uint8Array | undefined {
  if (r.length > size || s.length > size) return undefined;
  return concatBytes(new Uint8Array(size - r.length), r, new Uint8Array(size - s.length), s);
}
