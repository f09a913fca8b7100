/** Names of keys, and public areas as keys of the runtime. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { concatBytes, derBitString, derInteger, derNull, derOid, derSequence, derUnsignedInteger } from '@assay/bytes';
import { curveOf, hashOf, type TpmCurve, type TpmHash } from './algorithm.js';
import { TpmWriter } from './marshal.js';
import { marshalPublic, type PublicArea, type RsaPublicArea } from './public-area.js';

const DEFAULT_EXPONENT = 65537;

/** Name of a key: its hash algorithm and the digest of its public area (Part 1, section 16). */
export function nameOf(area: PublicArea): Uint8Array {
  return named(area.nameAlg, marshalPublic(area));
}

/** Qualified Name: that of the parent and the key's Name, hashed. A primary key's parent is the handle of its hierarchy. */
export function qualifiedNameOf(area: PublicArea, parentQualifiedName: Uint8Array): Uint8Array {
  return named(area.nameAlg, parentQualifiedName, nameOf(area));
}

/** Handles of the hierarchies, which stand for their own names. */
export const HIERARCHY = { owner: 0x40000001, endorsement: 0x4000000b, platform: 0x4000000c } as const;

/** Name of a hierarchy: its handle, big-endian. */
export function hierarchyName(handle: number): Uint8Array {
  return new TpmWriter().u32(handle).finish();
}

function named(algorithm: TpmHash, ...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return new TpmWriter().u16(hashOf(algorithm).id).bytes(hash.digest()).finish();
}

/** DER of the SubjectPublicKeyInfo of the key that the area describes. Whether it is a good key is asked at its import. */
export function spkiOf(area: PublicArea): Uint8Array {
  if (area.type === 'rsa') {
    return derSequence(derSequence(derOid('1.2.840.113549.1.1.1'), derNull()), derBitString(rsaKeyOf(area)));
  }
  return ecSpki(area.curve, area.x, area.y);
}

/** DER of the RSAPublicKey (RFC 8017, appendix A.1.1). */
export function rsaKeyOf({ exponent, modulus }: RsaPublicArea): Uint8Array {
  return derSequence(derUnsignedInteger(modulus), derInteger(exponent === 0 ? DEFAULT_EXPONENT : exponent));
}

/** DER of the SubjectPublicKeyInfo of a point, uncompressed. */
export function ecSpki(curve: TpmCurve, x: Uint8Array, y: Uint8Array): Uint8Array {
  const { oid, size } = curveOf(curve);
  const point = concatBytes(Uint8Array.of(0x04), leftPadded(x, size), leftPadded(y, size));
  return derSequence(derSequence(derOid('1.2.840.10045.2.1'), derOid(oid)), derBitString(point));
}

/** The key for verifying. @throws Error of the runtime when the numbers are no key, for example a point off its curve */
export function publicKeyOf(area: PublicArea): KeyObject {
  return createPublicKey({ key: Buffer.from(spkiOf(area)), format: 'der', type: 'spki' });
}

/** TPM integers may come without leading zeros; the encodings of X.509 have a fixed width. */
function leftPadded(integer: Uint8Array, size: number): Uint8Array {
  const padded = new Uint8Array(size);
  padded.set(integer, size - integer.length);
  return padded;
}
