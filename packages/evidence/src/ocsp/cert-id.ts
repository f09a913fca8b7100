/** CertID of RFC 6960 section 4.1.1: which certificate is asked about. */
import { createHash } from 'node:crypto';
import { DecodeError, type DerReader, derInteger, derOctetString, derOid, derSequence } from '@assay/bytes';
import type { Certificate } from '../x509/index.js';

/** Hashes that responders answer with; requests are made with SHA-384. */
const HASHES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const SHA384 = '2.16.840.1.101.3.4.2.2';

export function encodeCertId(certificate: Certificate, issuer: Certificate): Uint8Array {
  return derSequence(
    derSequence(derOid(SHA384)),
    derOctetString(digest('sha384', issuer.subject.der)),
    derOctetString(digest('sha384', issuer.publicKey.key)),
    derInteger(BigInt(`0x${certificate.serial}`)),
  );
}

export interface CertId {
  readonly hash: string;
  readonly nameHash: Uint8Array;
  readonly keyHash: Uint8Array;
  readonly serial: bigint;
}

/** @throws DecodeError */
export function readCertId(reader: DerReader): CertId {
  const inner = reader.sequence();
  const algorithm = inner.sequence();
  const oid = algorithm.oid();
  if (!algorithm.atEnd) algorithm.null();
  algorithm.end();
  const hash = Object.hasOwn(HASHES, oid) ? HASHES[oid] : undefined;
  if (hash === undefined) throw new DecodeError('OCSP', `hash ${oid}`, inner.offset);
  const id = { hash, nameHash: inner.octetString(), keyHash: inner.octetString(), serial: inner.integer() };
  inner.end();
  return id;
}

export function isAbout(
  { hash, keyHash, nameHash, serial }: CertId,
  certificate: Certificate,
  issuer: Certificate,
): boolean {
  return (
    serial === BigInt(`0x${certificate.serial}`) &&
    Buffer.compare(nameHash, digest(hash, issuer.subject.der)) === 0 &&
    Buffer.compare(keyHash, digest(hash, issuer.publicKey.key)) === 0
  );
}

export function keyHash(certificate: Certificate): Uint8Array {
  return digest('sha1', certificate.publicKey.key);
}

function digest(hash: string, bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash(hash).update(bytes).digest());
}
