import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import {
  contextTag,
  DerReader,
  derBitString,
  derBoolean,
  derElement,
  derExplicit,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
} from '@assay/bytes';

/** One extension: `value` is the DER inside the OCTET STRING. */
export interface EmulatedExtension {
  readonly oid: string;
  readonly critical?: boolean;
  readonly value: Uint8Array;
}

export function encodeExtensions(extensions: readonly EmulatedExtension[]): Uint8Array {
  return derSequence(
    ...extensions.map(({ oid, critical, value }) =>
      derSequence(derOid(oid), ...(critical === true ? [derBoolean(true)] : []), derOctetString(value)),
    ),
  );
}

/** cA is written only where it is true: DER leaves defaults out. */
export function basicConstraints(ca: boolean, pathLength?: number): EmulatedExtension {
  const length = pathLength === undefined ? [] : [derInteger(pathLength)];
  return { oid: '2.5.29.19', critical: true, value: derSequence(...(ca ? [derBoolean(true), ...length] : [])) };
}

const KEY_USAGE_BITS = { digitalSignature: 0, nonRepudiation: 1, keyCertSign: 5, cRLSign: 6 } as const;

export function keyUsage(...uses: readonly (keyof typeof KEY_USAGE_BITS)[]): EmulatedExtension {
  let octet = 0;
  for (const use of uses) octet |= 0x80 >> KEY_USAGE_BITS[use];
  let unused = 0;
  // A named-bit list drops its trailing zero bits (X.690 section 11.2.2).
  while (unused < 7 && (octet & (1 << unused)) === 0) unused += 1;
  return { oid: '2.5.29.15', critical: true, value: derBitString(Uint8Array.of(octet), unused) };
}

export function subjectKeyIdentifier(key: KeyObject): EmulatedExtension {
  return { oid: '2.5.29.14', value: derOctetString(keyIdentifier(key)) };
}

export function authorityKeyIdentifier(key: KeyObject): EmulatedExtension {
  return { oid: '2.5.29.35', value: derSequence(derElement(contextTag(0, false), keyIdentifier(key))) };
}

export function crlDistributionPoint(url: string): EmulatedExtension {
  const uri = derElement(contextTag(6, false), Buffer.from(url, 'latin1'));
  return { oid: '2.5.29.31', value: derSequence(derSequence(derExplicit(0, derExplicit(0, uri)))) };
}

/** SHA-1 of the public key's bits (RFC 5280 section 4.2.1.2, method 1). */
export function keyIdentifier(key: KeyObject): Uint8Array {
  const spki = new DerReader(publicKeyInfo(key)).sequence();
  spki.any();
  return Uint8Array.from(createHash('sha1').update(spki.bitString().bytes).digest());
}

/** SubjectPublicKeyInfo of a private or public key. */
export function publicKeyInfo(key: KeyObject): Uint8Array {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }));
}
