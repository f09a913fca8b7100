/** TPMA_OBJECT: what a TPM lets a key do (TPM 2.0 Library, Part 2, section 8.3). */
import { DecodeError } from '@assay/bytes';

const BITS = {
  fixedTPM: 1,
  stClear: 2,
  fixedParent: 4,
  sensitiveDataOrigin: 5,
  userWithAuth: 6,
  adminWithPolicy: 7,
  firmwareLimited: 8,
  svnLimited: 9,
  noDA: 10,
  encryptedDuplication: 11,
  restricted: 16,
  decrypt: 17,
  sign: 18,
  x509sign: 19,
} as const;

export type ObjectAttribute = keyof typeof BITS;

/** Attributes that are set. */
export type ObjectAttributes = ReadonlySet<ObjectAttribute>;

export const OBJECT_ATTRIBUTES = Object.keys(BITS) as readonly ObjectAttribute[];

/** @throws DecodeError when a reserved bit is set */
export function decodeAttributes(value: number, offset?: number): ObjectAttributes {
  const set = OBJECT_ATTRIBUTES.filter((name) => ((value >>> BITS[name]) & 1) === 1);
  if (encodeAttributes(set) !== value) {
    throw new DecodeError('TPMT_PUBLIC', `objectAttributes 0x${value.toString(16)} have a reserved bit set`, offset);
  }
  return new Set(set);
}

export function encodeAttributes(attributes: Iterable<ObjectAttribute>): number {
  let value = 0;
  for (const name of attributes) value |= 1 << BITS[name];
  return value >>> 0;
}
