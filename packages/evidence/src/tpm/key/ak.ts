/** Attestation keys as evidence brings them: SubjectPublicKeyInfo, TPMT_PUBLIC, or both. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { DecodeError, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, passed } from '@assay/bytes/findings';
import { ecSpki, nameOf, publicKeyOf, spkiOf } from '../structures/key.js';
import { type PublicArea, parsePublic } from '../structures/public-area.js';

/** What tells attestation keys apart, for lists of those that are trusted. */
export interface AkIdentity {
  /** SHA-256 of the DER of the SubjectPublicKeyInfo, lower-case hex. */
  readonly spkiSha256: string;
  /** Name of the key (algorithm and digest), lower-case hex; undefined when no public area came. */
  readonly name: string | undefined;
}

/** A key that a quote can be verified with. Nothing says yet that it is one of a TPM. */
export interface AttestationKey {
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly key: KeyObject;
  /** Undefined when the key came without its public area. */
  readonly area: PublicArea | undefined;
  readonly identity: AkIdentity;
}

export interface AkReading {
  readonly findings: readonly FindingDraft[];
  readonly ak: AttestationKey | undefined;
}

const LEAST_RSA_BITS = 2048;
const CURVES: readonly (string | undefined)[] = ['prime256v1', 'secp384r1', 'secp521r1'];
const DER_SEQUENCE = 0x30;

/** Reads a key in either form; a public area begins with its type, a SubjectPublicKeyInfo with the tag of a SEQUENCE. */
export function readAk(bytes: Uint8Array): AkReading {
  return bytes[0] === DER_SEQUENCE ? readAkParts({ spki: bytes }) : readAkParts({ area: bytes });
}

/** Reads both forms of one key; where both came they must be the same key. */
export function readAkParts(parts: { readonly spki?: Uint8Array; readonly area?: Uint8Array }): AkReading {
  try {
    const area = parts.area === undefined ? undefined : acceptedArea(parsePublic(parts.area));
    const spki = parts.spki ?? (area === undefined ? new Uint8Array() : spkiOf(area));
    const ak = attestationKey(spki, area);
    return { ak, findings: [passed('tpm.key.form', 'AK', akName(ak))] };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { ak: undefined, findings: [malformedAk(error.reason)] };
  }
}

/** @throws DecodeError for what is no key, or too weak a one */
export function attestationKey(spki: Uint8Array, area?: PublicArea): AttestationKey {
  const key = imported(spki);
  if (area !== undefined && Buffer.compare(spkiOf(area), spki) !== 0) {
    throw new DecodeError('AK', 'public area is of another key than the one that is to verify');
  }
  const { asymmetricKeyDetails: details, asymmetricKeyType: type } = key;
  if (type === 'rsa') {
    const bits = details?.modulusLength ?? 0;
    if (bits < LEAST_RSA_BITS) throw new DecodeError('AK', `RSA key of ${bits} bits; ${LEAST_RSA_BITS} are the least`);
  } else if (type !== 'ec' || !CURVES.includes(details?.namedCurve)) {
    throw new DecodeError('AK', `key of type ${type} ${details?.namedCurve ?? ''}; RSA, P-256, P-384 or P-521 is due`);
  }
  const identity = {
    spkiSha256: createHash('sha256').update(spki).digest('hex'),
    name: area === undefined ? undefined : encodeHex(nameOf(area)),
  };
  return { spki, key, area, identity };
}

/** How findings name a key: its Name, or the digest of its encoding. */
export function akName({ identity }: AttestationKey): string {
  return identity.name ?? identity.spkiSha256;
}

/** The Name is a digest of the area: with SHA-1 another area could have it. @throws DecodeError */
function acceptedArea(area: PublicArea): PublicArea {
  if (area.nameAlg === 'sha1') throw new DecodeError('AK', 'Name is made with SHA-1');
  try {
    publicKeyOf(area);
  } catch {
    throw new DecodeError('AK', 'public area holds no usable key');
  }
  return area;
}

/** @throws DecodeError also for a key in another encoding than the usual one: digests are made of it */
function imported(spki: Uint8Array): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch {
    throw new DecodeError('AK', 'not a SubjectPublicKeyInfo or TPMT_PUBLIC of a usable key');
  }
  if (Buffer.compare(usualEncoding(key), spki) !== 0) {
    throw new DecodeError('AK', 'SubjectPublicKeyInfo is not in its usual encoding');
  }
  return key;
}

/** OpenSSL keeps the form of a point; here it is the uncompressed one. */
function usualEncoding(key: KeyObject): Uint8Array {
  const encoding = new Uint8Array(key.export({ format: 'der', type: 'spki' }));
  const { crv, x, y } = key.asymmetricKeyType === 'ec' ? key.export({ format: 'jwk' }) : {};
  if (crv !== 'P-256' && crv !== 'P-384' && crv !== 'P-521') return encoding;
  return ecSpki(crv, bytesOf(x), bytesOf(y));
}

function bytesOf(base64url: string | undefined): Uint8Array {
  return new Uint8Array(Buffer.from(base64url ?? '', 'base64url'));
}

function malformedAk(what: string): FindingDraft {
  return failed('tpm.key.form', {
    subject: 'AK',
    params: { what },
    actual: what,
    compare: { relation: 'well-formed', type: 'key' },
    source: 'TPM 2.0 Library, Part 2: TPMT_PUBLIC',
    origin: { kind: 'spec', document: 'TPM 2.0 Library, Part 2', clause: '12.2.4' },
  });
}
