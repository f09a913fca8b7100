import { hash } from 'node:crypto';
import { contextTag, DER_TAG, DecodeError, DerReader, decodePem, decodeUtf8, encodeHex } from '@assay/bytes';
import { type AlgorithmIdentifier, readPublicKey, readSignatureAlgorithm, type SubjectPublicKey } from './algorithm.js';
import {
  type BasicConstraints,
  type Extension,
  type KeyUsage,
  readAuthorityKeyIdentifier,
  readBasicConstraints,
  readDistributionPoints,
  readExtensions,
  readKeyUsage,
  readSubjectKeyIdentifier,
} from './extension.js';
import { type Name, readName } from './name.js';

/** An X.509 certificate, read strictly and not verified (RFC 5280 section 4.1). Byte strings are views of the input. */
export interface Certificate {
  readonly der: Uint8Array;
  /** The signed octets: TBSCertificate as encoded. */
  readonly tbs: Uint8Array;
  readonly version: 1 | 2 | 3;
  /** Magnitude of the serial number, lower-case hex without leading zero octets (`00` for zero). */
  readonly serial: string;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  readonly issuer: Name;
  readonly subject: Name;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: SubjectPublicKey;
  readonly extensions: readonly Extension[];
  readonly basicConstraints: BasicConstraints | undefined;
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  readonly crlDistributionPoints: readonly string[];
  readonly subjectKeyIdentifier: Uint8Array | undefined;
  readonly authorityKeyIdentifier: Uint8Array | undefined;
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string;
}

const FORMAT = 'X.509 certificate';
/** Larger than any vendor's certificate by a factor of ten. */
const LARGEST_CERTIFICATE = 64 * 1024;
const LARGEST_PEM = 256 * 1024;
const MOST_CERTIFICATES = 16;
/** RFC 5280 allows 20 octets; one more for a leading zero. */
const LONGEST_SERIAL = 21;

/**
 * Reads one certificate that is exactly the bytes given.
 *
 * @param fingerprint SHA-256 of the bytes in hex, for callers that have it
 * @throws DecodeError
 */
export function parseCertificate(der: Uint8Array, fingerprint: string = hash('sha256', der, 'hex')): Certificate {
  if (der.length > LARGEST_CERTIFICATE) throw new DecodeError(FORMAT, `${der.length} bytes are too many`);
  const outer = new DerReader(der);
  const certificate = outer.sequence();
  outer.end();
  const tbsElement = certificate.element(DER_TAG.sequence);
  const signatureAlgorithm = readSignatureAlgorithm(certificate);
  const signature = wholeBytes(certificate);
  certificate.end();

  const tbs = certificate.inside(tbsElement);
  const version = readVersion(tbs);
  const serial = readSerial(tbs);
  sameAlgorithm(tbs, signatureAlgorithm, FORMAT);
  const issuer = readName(tbs);
  const validity = tbs.sequence();
  const notBefore = validity.time();
  const notAfter = validity.time();
  validity.end();
  const subject = readName(tbs);
  const publicKey = readPublicKey(tbs);
  // Unique identifiers: obsolete, and harmless.
  tbs.optional(contextTag(1, false));
  tbs.optional(contextTag(2, false));
  const extensions = readExtensionList(tbs, version);
  tbs.end();
  return {
    der,
    tbs: tbsElement.encoded,
    version,
    serial,
    signatureAlgorithm,
    signature,
    issuer,
    subject,
    notBefore,
    notAfter,
    publicKey,
    extensions,
    basicConstraints: readBasicConstraints(extensions),
    keyUsage: readKeyUsage(extensions),
    crlDistributionPoints: readDistributionPoints(extensions),
    subjectKeyIdentifier: readSubjectKeyIdentifier(extensions),
    authorityKeyIdentifier: readAuthorityKeyIdentifier(extensions),
    fingerprint,
  };
}

/**
 * Reads a chain: PEM text, or one DER certificate, or several DER certificates one after the other.
 * NUL bytes at the end, which C libraries leave behind, are not part of it.
 *
 * @throws DecodeError
 */
export function parseCertificates(input: Uint8Array): Certificate[] {
  return splitCertificates(input).map((der) => parseCertificate(der));
}

/** The DER of every certificate of a chain, for callers that keep what they read. @throws DecodeError */
export function splitCertificates(input: Uint8Array): Uint8Array[] {
  if (input.length > LARGEST_PEM) throw new DecodeError(FORMAT, `chain of ${input.length} bytes is too long`);
  const ders = input[0] === DER_TAG.sequence ? splitDer(input) : splitPem(input);
  if (ders.length > MOST_CERTIFICATES) throw new DecodeError(FORMAT, `${ders.length} certificates are too many`);
  return ders;
}

/** `certificate "Intel SGX Root CA"`: how findings name a certificate. */
export function certificateSubject(certificate: Certificate): string {
  return `certificate "${certificate.subject.commonName ?? certificate.fingerprint.slice(0, 16)}"`;
}

function splitPem(input: Uint8Array): Uint8Array[] {
  let end = input.length;
  while (end > 0 && input[end - 1] === 0) end -= 1;
  return decodePem(decodeUtf8(input.subarray(0, end))).map(({ label, bytes }) => {
    if (label !== 'CERTIFICATE') throw new DecodeError('PEM', `block ${label} is not a CERTIFICATE`);
    return bytes;
  });
}

function splitDer(input: Uint8Array): Uint8Array[] {
  const ders: Uint8Array[] = [];
  for (const reader = new DerReader(input); !reader.atEnd; ) ders.push(reader.element(DER_TAG.sequence).encoded);
  return ders;
}

function readVersion(tbs: DerReader): 1 | 2 | 3 {
  const explicit = tbs.explicit(0);
  if (explicit === undefined) return 1;
  const at = explicit.offset;
  const value = explicit.smallInteger();
  explicit.end();
  if (value === 1) return 2;
  if (value === 2) return 3;
  throw new DecodeError(FORMAT, `version ${value + 1}`, at);
}

function readSerial(tbs: DerReader): string {
  return serialText(tbs.element(DER_TAG.integer).content, tbs.offset);
}

/** Serial numbers are compared as unsigned numbers: without the leading zero octet. */
export function serialText(content: Uint8Array, offset: number): string {
  const first = content[0];
  const second = content[1];
  const minimal = second === undefined || first !== 0 || second >= 0x80;
  if (first === undefined || first >= 0x80 || !minimal || content.length > LONGEST_SERIAL) {
    throw new DecodeError(FORMAT, 'serial number is not a short unsigned INTEGER', offset);
  }
  return encodeHex(first === 0 && content.length > 1 ? content.subarray(1) : content);
}

function readExtensionList(tbs: DerReader, version: number): Extension[] {
  const explicit = tbs.explicit(3);
  if (explicit === undefined) return [];
  if (version !== 3) throw new DecodeError(FORMAT, `extensions in version ${version}`, explicit.offset);
  const extensions = readExtensions(explicit.sequence());
  explicit.end();
  return extensions;
}

/** The signature's algorithm stands inside of the signed part as well, octet by octet the same (RFC 5280 section 4.1.1.2). */
export function sameAlgorithm(tbs: DerReader, { der }: AlgorithmIdentifier, format: string): void {
  if (Buffer.compare(tbs.element(DER_TAG.sequence).encoded, der) !== 0) {
    throw new DecodeError(format, 'signature algorithm differs inside and outside of the signed part', tbs.offset);
  }
}

/** A BIT STRING that is a whole number of bytes. */
export function wholeBytes(reader: DerReader): Uint8Array {
  const at = reader.offset;
  const { bytes, unusedBits } = reader.bitString();
  if (unusedBits !== 0) throw new DecodeError('X.509 signature', 'signature is not whole bytes', at);
  return bytes;
}
