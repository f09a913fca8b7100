/** Makes X.509 certificates for tests (RFC 5280), signed with ECDSA P-256 and SHA-256. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  contextTag,
  derBitString,
  derBoolean,
  derElement,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derSetOf,
  derTime,
  derUtf8String,
  encodePem,
} from '@assay/bytes';

export interface Authority {
  readonly name: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly der: Uint8Array;
}

export interface CertificateOptions {
  readonly name: string;
  /** Who signs; absent: itself. */
  readonly issuer?: Authority;
  readonly ca?: boolean;
  readonly pathLength?: number;
  readonly from?: Date;
  readonly to?: Date;
  /** OID of a further critical extension. */
  readonly critical?: string;
  readonly keys?: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
}

const ECDSA_SHA256 = derSequence(derOid('1.2.840.10045.4.3.2'));
let serial = 1n;

export function certificate(options: CertificateOptions): Authority {
  const keys = options.keys ?? generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = options.issuer ?? { name: options.name, privateKey: keys.privateKey };
  serial += 1n;
  const tbs = derSequence(
    derElement(contextTag(0, true), derInteger(2n)),
    derInteger(serial),
    ECDSA_SHA256,
    commonName(issuer.name),
    derSequence(
      derTime(options.from ?? new Date('2026-01-01T00:00:00Z')),
      derTime(options.to ?? new Date('2030-01-01T00:00:00Z')),
    ),
    commonName(options.name),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    ...extensions(options),
  );
  const signature = sign('sha256', tbs, issuer.privateKey);
  return {
    name: options.name,
    privateKey: keys.privateKey,
    publicKey: keys.publicKey,
    der: derSequence(tbs, ECDSA_SHA256, derBitString(signature)),
  };
}

export function pem(...certificates: readonly Authority[]): string {
  return certificates.map((one) => encodePem('CERTIFICATE', one.der)).join('');
}

function extensions(options: CertificateOptions): Uint8Array[] {
  const list: Uint8Array[] = [];
  if (options.ca === true) {
    const length = options.pathLength === undefined ? [] : [derInteger(BigInt(options.pathLength))];
    list.push(
      derSequence(derOid('2.5.29.19'), derBoolean(true), derOctetString(derSequence(derBoolean(true), ...length))),
    );
  }
  if (options.critical !== undefined) {
    list.push(derSequence(derOid(options.critical), derBoolean(true), derOctetString(derSequence())));
  }
  return list.length === 0 ? [] : [derElement(contextTag(3, true), derSequence(...list))];
}

function commonName(name: string): Uint8Array {
  return derSequence(derSetOf(derSequence(derOid('2.5.4.3'), derUtf8String(name))));
}
