import { normalizeInteger, type Value } from '../../../value/index.js';
import { encodeBase64 } from '../base64.js';
import {
  contextTag,
  DerError,
  DerReader,
  readBitString,
  readInteger,
  readOid,
  readSmallInteger,
  readTime,
  TAG,
} from '../der.js';
import { type Extensions, extensionsValue, readExtensions } from './extensions.js';
import { ipText, uriValue } from './general-names.js';
import { type DistinguishedName, readName } from './name.js';
import type { AddressBlock } from './name-constraints.js';
import { OID_RSA_PSS, PSS_HASHES, SIGNATURE_ALGORITHM, SIGNATURE_OIDS } from './oids.js';
import { type PublicKeyInfo, readPublicKey } from './public-key.js';

/** An X.509 certificate (RFC 5280 section 4.1), parsed but not verified. Times are milliseconds since the epoch. */
export interface ParsedCertificate {
  readonly raw: Uint8Array;
  readonly rawTbs: Uint8Array;
  readonly version: number;
  readonly serialNumber: bigint;
  readonly signatureAlgorithm: number;
  readonly signature: Uint8Array;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: PublicKeyInfo;
  readonly extensions: Extensions;
}

/** One certificate per DER element, nothing behind the last. */
export function parseCertificates(der: Uint8Array): ParsedCertificate[] {
  const reader = new DerReader(der);
  const out: ParsedCertificate[] = [];
  while (!reader.isEmpty) out.push(parseCertificate(reader));
  return out;
}

function parseCertificate(reader: DerReader): ParsedCertificate {
  const whole = reader.read(TAG.sequence);
  const outer = new DerReader(whole.content);
  const tbsElement = outer.read(TAG.sequence);
  const outerAlgorithm = outer.read(TAG.sequence);
  const signature = readBitString(outer.read(TAG.bitString)).bytes;
  outer.end();

  const tbs = new DerReader(tbsElement.content);
  const versionElement = tbs.optional(contextTag(0));
  const version =
    versionElement === undefined ? 0 : readSmallInteger(new DerReader(versionElement.content).read(TAG.integer));
  if (version < 0 || version > 2) throw new DerError('x509: invalid version');
  const serialNumber = readInteger(tbs.read(TAG.integer));
  const innerAlgorithm = tbs.read(TAG.sequence);
  // RFC 5280 section 4.1.1.2: the unsigned copy of the algorithm must be the signed one.
  if (!sameBytes(innerAlgorithm.whole, outerAlgorithm.whole)) {
    throw new DerError("x509: inner and outer signature algorithm identifiers don't match");
  }
  const issuer = readName(tbs);
  const validity = tbs.enter(TAG.sequence);
  const notBefore = readTime(validity.read());
  const notAfter = readTime(validity.read());
  validity.end();
  const subject = readName(tbs);
  const publicKey = readPublicKey(tbs);
  tbs.optional(contextTag(1, false));
  tbs.optional(contextTag(2, false));
  const list = tbs.optional(contextTag(3));
  tbs.end();
  if (list !== undefined && version !== 2) throw new DerError('x509: extensions need version 3');
  const extensions = readExtensions(
    list === undefined ? new DerReader(new Uint8Array(0)) : new DerReader(list.content).enter(TAG.sequence),
  );
  return {
    raw: whole.whole,
    rawTbs: tbsElement.whole,
    version: version + 1,
    serialNumber,
    signatureAlgorithm: readSignatureAlgorithm(new DerReader(innerAlgorithm.content)),
    signature,
    issuer,
    subject,
    notBefore,
    notAfter,
    publicKey,
    extensions,
  };
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Go's number for an AlgorithmIdentifier; 0 when unknown. */
export function readSignatureAlgorithm(identifier: DerReader): number {
  const oid = readOid(identifier.read(TAG.oid)).join('.');
  if (oid !== OID_RSA_PSS) return SIGNATURE_OIDS.get(oid) ?? SIGNATURE_ALGORITHM.unknown;
  const parameters = identifier.optional(TAG.sequence);
  const hash = parameters && new DerReader(parameters.content).optional(contextTag(0));
  if (hash === undefined) return SIGNATURE_ALGORITHM.unknown;
  const hashOid = readOid(new DerReader(hash.content).enter(TAG.sequence).read(TAG.oid)).join('.');
  return PSS_HASHES.get(hashOid) ?? SIGNATURE_ALGORITHM.unknown;
}

function listOrNull(items: readonly Value[]): Value {
  return items.length === 0 ? null : items;
}

function bytesOrNull(bytes: Uint8Array | undefined): Value {
  return bytes === undefined ? null : encodeBase64(bytes);
}

function blocks(list: readonly AddressBlock[]): Value {
  return listOrNull(list.map(({ ip, mask }) => ({ IP: ipText(ip), Mask: encodeBase64(mask) })));
}

function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}

/** The certificate in the JSON form of Go's `x509.Certificate`; `withUris` adds OPA's `URIStrings`. */
export function certificateValue(certificate: ParsedCertificate, withUris = true): Value {
  const { extensions, publicKey } = certificate;
  const { names, basicConstraints, constraints } = extensions;
  const maxPathLength = basicConstraints?.maxPathLength ?? 0;
  const isCritical = extensions.list.some(({ id, critical }) => critical && id.join('.') === '2.5.29.30');
  const value: Record<string, Value> = {
    Raw: encodeBase64(certificate.raw),
    RawTBSCertificate: encodeBase64(certificate.rawTbs),
    RawSubjectPublicKeyInfo: encodeBase64(publicKey.raw),
    RawSubject: encodeBase64(certificate.subject.raw),
    RawIssuer: encodeBase64(certificate.issuer.raw),
    Signature: encodeBase64(certificate.signature),
    SignatureAlgorithm: certificate.signatureAlgorithm,
    PublicKeyAlgorithm: publicKey.algorithm,
    PublicKey: publicKey.value,
    Version: certificate.version,
    SerialNumber: normalizeInteger(certificate.serialNumber),
    Issuer: certificate.issuer.value,
    Subject: certificate.subject.value,
    NotBefore: timeText(certificate.notBefore),
    NotAfter: timeText(certificate.notAfter),
    KeyUsage: extensions.keyUsage,
    Extensions: extensionsValue(extensions.list),
    ExtraExtensions: null,
    UnhandledCriticalExtensions: listOrNull(extensions.unhandledCritical),
    ExtKeyUsage: listOrNull(extensions.extendedUsages),
    UnknownExtKeyUsage: listOrNull(extensions.unknownUsages),
    BasicConstraintsValid: basicConstraints !== undefined,
    IsCA: basicConstraints?.isCa ?? false,
    MaxPathLen: maxPathLength,
    MaxPathLenZero: basicConstraints !== undefined && maxPathLength === 0,
    SubjectKeyId: bytesOrNull(extensions.subjectKeyId),
    AuthorityKeyId: bytesOrNull(extensions.authorityKeyId),
    OCSPServer: listOrNull(extensions.ocspServers),
    IssuingCertificateURL: listOrNull(extensions.issuerUrls),
    DNSNames: listOrNull(names.dns),
    EmailAddresses: listOrNull(names.email),
    IPAddresses: listOrNull(names.ip.map(ipText)),
    URIs: listOrNull(names.uri.map(uriValue)),
    PermittedDNSDomainsCritical: isCritical,
    PermittedDNSDomains: listOrNull(constraints.permitted.dns),
    ExcludedDNSDomains: listOrNull(constraints.excluded.dns),
    PermittedIPRanges: blocks(constraints.permitted.ip),
    ExcludedIPRanges: blocks(constraints.excluded.ip),
    PermittedEmailAddresses: listOrNull(constraints.permitted.email),
    ExcludedEmailAddresses: listOrNull(constraints.excluded.email),
    PermittedURIDomains: listOrNull(constraints.permitted.uri),
    ExcludedURIDomains: listOrNull(constraints.excluded.uri),
    CRLDistributionPoints: listOrNull(extensions.crlUrls),
    PolicyIdentifiers: listOrNull(extensions.policies),
    Policies: listOrNull(extensions.policies.map((oid) => oid.join('.'))),
  };
  if (withUris) value['URIStrings'] = listOrNull(names.uri);
  return value;
}
