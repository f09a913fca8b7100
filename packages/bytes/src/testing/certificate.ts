import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  contextTag,
  derBitString,
  derBoolean,
  derElement,
  derExplicit,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derSetOf,
  derTime,
  derUnsignedInteger,
  derUtf8String,
  encodePem,
  encodeUtf8,
} from '../index.js';

export interface CertificateSpec {
  /** A common name, none if empty, or a whole name in DER. */
  readonly subject: string | Uint8Array;
  readonly issuer: string | Uint8Array;
  /** Or SubjectPublicKeyInfo in DER. */
  readonly publicKey: KeyObject | Uint8Array;
  /** A key on an elliptic curve. */
  readonly signer: KeyObject;
  /** Big-endian. Default: another one each time. */
  readonly serial?: Uint8Array;
  /** Default: the first day of 2026. */
  readonly notBefore?: Date;
  /** Default: the first day of 2036. */
  readonly notAfter?: Date;
  /** In DER; without any the field is absent. */
  readonly extensions?: readonly Uint8Array[];
}

/** AlgorithmIdentifier of ecdsa-with-SHA256 (RFC 5758 section 3.2), in DER. */
export const ECDSA_SHA256 = derSequence(derOid('1.2.840.10045.4.3.2'));
let lastSerial = 1000;

/** DER of a certificate (RFC 5280 section 4.1, version 3) with any defect that its members have. */
export function issueCertificate(spec: CertificateSpec): Uint8Array {
  const { subject, issuer, publicKey, signer, serial, extensions = [] } = spec;
  lastSerial += 1;
  const tbs = derSequence(
    derExplicit(0, derInteger(2)),
    serial === undefined ? derInteger(lastSerial) : derUnsignedInteger(serial),
    ECDSA_SHA256,
    nameOf(issuer),
    derSequence(
      derTime(spec.notBefore ?? new Date('2026-01-01T00:00:00Z')),
      derTime(spec.notAfter ?? new Date('2036-01-01T00:00:00Z')),
    ),
    nameOf(subject),
    publicKey instanceof Uint8Array ? publicKey : publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length === 0 ? [] : [derExplicit(3, derSequence(...extensions))]),
  );
  return derSequence(tbs, ECDSA_SHA256, derBitString(sign('sha256', tbs, signer)));
}

/** An extension, its value in DER. */
export function certificateExtension(oid: string, value: Uint8Array, critical = false): Uint8Array {
  return derSequence(derOid(oid), ...(critical ? [derBoolean(true)] : []), derOctetString(value));
}

/** Basic constraints (RFC 5280 section 4.2.1.9), critical. */
export function basicConstraints(ca: boolean, pathLength?: number): Uint8Array {
  const length = pathLength === undefined ? [] : [derInteger(pathLength)];
  return certificateExtension('2.5.29.19', derSequence(...(ca ? [derBoolean(true)] : []), ...length), true);
}

export interface TlsIdentity {
  /** PEM. */
  readonly certificate: string;
  /** PEM of PKCS#8. */
  readonly key: string;
}

/** A server or client that vouches for itself, now and for a day, on P-256. @param names in DNS, beside the common name; none: no subjectAltName */
export function selfSigned(commonName: string, names: readonly string[] = []): TlsIdentity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const day = 86_400_000;
  const alternatives = derSequence(...names.map((name) => derElement(contextTag(2, false), encodeUtf8(name))));
  const der = issueCertificate({
    subject: commonName,
    issuer: commonName,
    publicKey,
    signer: privateKey,
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + day),
    extensions: [
      basicConstraints(true),
      ...(names.length === 0 ? [] : [certificateExtension('2.5.29.17', alternatives)]),
    ],
  });
  return {
    certificate: encodePem('CERTIFICATE', der),
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

function nameOf(name: string | Uint8Array): Uint8Array {
  if (typeof name !== 'string') return name;
  return name === '' ? derSequence() : derSequence(derSetOf(derSequence(derOid('2.5.4.3'), derUtf8String(name))));
}
