/** What is kept of enrolled attestation keys, and of enrolments under way. Records are JSON; digests and names are lower-case hex. */
import { encodeUtf8, isJsonObject, type JsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { assayError } from '@assay/bytes/findings';

/** Who did something: an address, and the subject of the admin token where there was one. */
export interface EnrolmentActor {
  readonly address?: string;
  readonly subject?: string;
}

/** The endorsement key that vouched for an attestation key. */
export interface EndorsementIdentity {
  /** SHA-256 of the DER of its SubjectPublicKeyInfo. */
  readonly spkiSha256: string;
  /** Absent where the owner listed the key itself. */
  readonly certificate?: {
    /** SHA-256 of the DER. */
    readonly fingerprint: string;
    readonly issuer: string;
    readonly serial: string;
    readonly notAfter: string;
    /** Name of the owner's CA at the end of its path. */
    readonly anchor: string;
  };
  /** As the certificate says. */
  readonly device?: { readonly manufacturer?: string; readonly model?: string; readonly version?: string };
}

export interface Revocation {
  /** RFC 3339. */
  readonly at: string;
  readonly by: EnrolmentActor;
  readonly reason?: string;
}

/** An enrolled attestation key. */
export interface EnrolledKey {
  /** Name of the key: algorithm and digest of its public area. */
  readonly name: string;
  /** SHA-256 of the DER of its SubjectPublicKeyInfo. */
  readonly spkiSha256: string;
  /** TPMT_PUBLIC, base64. */
  readonly publicArea: string;
  readonly endorsement: EndorsementIdentity;
  readonly enrolledAt: string;
  readonly expiresAt: string;
  readonly by: EnrolmentActor;
  /** A revoked key stays, so that it is not enrolled again. */
  readonly revoked?: Revocation;
}

/** An endorsement key whose attestation keys count no more. */
export interface RevokedEndorsement {
  readonly spkiSha256: string;
  readonly revoked: Revocation;
}

/** A challenge that was handed out. */
export interface PendingEnrolment {
  readonly name: string;
  readonly spkiSha256: string;
  readonly publicArea: string;
  readonly endorsement: EndorsementIdentity;
  /** SHA-256 of the secret, which itself is kept nowhere. */
  readonly secretSha256: string;
  readonly by: EnrolmentActor;
}

export const encodeRecord = (record: EnrolledKey | RevokedEndorsement | PendingEnrolment): Uint8Array =>
  encodeUtf8(JSON.stringify(record));

/** Namespace of enrolled keys (`ak/<name>`) and revoked endorsement keys (`ek/<digest>`). */
export const KEYS_NS = 'tpm_ak';
/** Namespace of challenges. */
export const PENDING_NS = 'tpm_enrolment';

/** @throws AssayError `storage.record.intact` */
export function decodeEnrolled(value: Uint8Array, key: string): EnrolledKey {
  const record = decodeObject(value, KEYS_NS, key, ['name', 'spkiSha256', 'publicArea', 'enrolledAt', 'expiresAt']);
  const { endorsement } = record;
  if (!isJsonObject(endorsement) || typeof endorsement['spkiSha256'] !== 'string') throw damaged(KEYS_NS, key);
  return record as unknown as EnrolledKey;
}

/** @throws AssayError `storage.record.intact` */
export function decodeRevoked(value: Uint8Array, key: string): RevokedEndorsement {
  const record = decodeObject(value, KEYS_NS, key, ['spkiSha256']);
  if (!isJsonObject(record['revoked'])) throw damaged(KEYS_NS, key);
  return record as unknown as RevokedEndorsement;
}

/** @throws AssayError `storage.record.intact` */
export function decodePending(value: Uint8Array, key: string): PendingEnrolment {
  const record = decodeObject(value, PENDING_NS, key, ['name', 'spkiSha256', 'publicArea', 'secretSha256']);
  if (!isJsonObject(record['endorsement'])) throw damaged(PENDING_NS, key);
  return record as unknown as PendingEnrolment;
}

function decodeObject(value: Uint8Array, namespace: string, key: string, texts: readonly string[]): JsonObject {
  let record: JsonValue;
  try {
    record = parseJsonStrict(value);
  } catch (cause) {
    throw damaged(namespace, key, cause);
  }
  if (!isJsonObject(record)) throw damaged(namespace, key);
  const object = record;
  if (texts.some((member) => typeof object[member] !== 'string')) throw damaged(namespace, key);
  return object;
}

function damaged(namespace: string, key: string, cause?: unknown): Error {
  return assayError('storage.record.intact', {
    params: { namespace, key },
    subject: key,
    ...(cause === undefined ? {} : { cause }),
  });
}
