/** Certificates and CRLs for tests, with any defect: written with the DER writer, signed with throw-away keys. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  derBitString,
  derElement,
  derExplicit,
  derInteger,
  derOid,
  derSequence,
  derSetOf,
  derTime,
  derUnsignedInteger,
  derUtf8String,
  encodePem,
} from '@assay/bytes';
import { basicConstraints, certificateExtension, ECDSA_SHA256, issueCertificate as issue } from '@assay/bytes/testing';

export interface TestKey {
  readonly privateKey: KeyObject;
  readonly spki: Uint8Array;
}

export interface CertificateSpec {
  readonly subject: string;
  readonly issuer: string;
  readonly key: TestKey;
  readonly signer: TestKey;
  readonly serial?: Uint8Array;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Absent: no basicConstraints. */
  readonly ca?: boolean;
  readonly pathLength?: number;
  /** Bits of KeyUsage, first octet; absent: no keyUsage. */
  readonly keyUsage?: number;
  /** Further extensions in DER. */
  readonly extensions?: readonly Uint8Array[];
  /** A second attribute of subject and issuer. */
  readonly organization?: string;
}

export interface CrlSpec {
  readonly issuer: string;
  readonly signer: TestKey;
  readonly thisUpdate?: Date;
  /** `null`: none. */
  readonly nextUpdate?: Date | null;
  readonly revoked?: readonly Uint8Array[];
  /** Extensions of the entries, in their order; entries beyond have none. */
  readonly entryExtensions?: readonly (readonly Uint8Array[])[];
  readonly extensions?: readonly Uint8Array[] | undefined;
  readonly organization?: string;
}

export const KEY_CERT_SIGN = 0x04;
export const CRL_SIGN = 0x02;
export const DIGITAL_SIGNATURE = 0x80;

const START = new Date('2026-01-01T00:00:00Z');
const END = new Date('2036-01-01T00:00:00Z');

export function testKey(curve: 'P-256' | 'P-384' = 'P-256'): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
  return { privateKey, spki: Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' })) };
}

function testName(commonName: string, organization?: string): Uint8Array {
  const attribute = (type: string, text: string): Uint8Array =>
    derSetOf(derSequence(derOid(type), derUtf8String(text)));
  const names = [attribute('2.5.4.3', commonName)];
  if (organization !== undefined) names.push(attribute('2.5.4.10', organization));
  return derSequence(...names);
}

export const testExtension = certificateExtension;

/** DER of a certificate. */
export function issueCertificate(spec: CertificateSpec): Uint8Array {
  const extensions = [...(spec.extensions ?? [])];
  if (spec.ca !== undefined) extensions.push(basicConstraints(spec.ca, spec.pathLength));
  if (spec.keyUsage !== undefined) {
    extensions.push(testExtension('2.5.29.15', derBitString(Uint8Array.of(spec.keyUsage), 0), true));
  }
  const { serial, notBefore, notAfter } = spec;
  return issue({
    subject: testName(spec.subject, spec.organization),
    issuer: testName(spec.issuer, spec.organization),
    publicKey: spec.key.spki,
    signer: spec.signer.privateKey,
    extensions,
    ...(serial === undefined ? {} : { serial }),
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(notAfter === undefined ? {} : { notAfter }),
  });
}

/** DER of a CRL; number and authority key identifier stand in it unless `extensions` says otherwise. */
export function issueCrl(spec: CrlSpec): Uint8Array {
  const standard = [
    testExtension('2.5.29.20', derInteger(7)),
    testExtension('2.5.29.35', derSequence(derElement(0x80, Uint8Array.of(1, 2, 3)))),
  ];
  const extensions = 'extensions' in spec ? (spec.extensions ?? []) : standard;
  const revoked = (spec.revoked ?? []).map((serial, index) => {
    const own = spec.entryExtensions?.[index];
    return derSequence(derUnsignedInteger(serial), derTime(START), ...(own === undefined ? [] : [derSequence(...own)]));
  });
  const tbs = derSequence(
    derInteger(1),
    ECDSA_SHA256,
    testName(spec.issuer, spec.organization),
    derTime(spec.thisUpdate ?? START),
    ...(spec.nextUpdate === null ? [] : [derTime(spec.nextUpdate ?? END)]),
    ...(revoked.length === 0 ? [] : [derSequence(...revoked)]),
    ...(extensions.length === 0 ? [] : [derExplicit(0, derSequence(...extensions))]),
  );
  return signed(tbs, spec.signer);
}

/** PEM of several certificates, in the order given. */
export function pemChain(...ders: readonly Uint8Array[]): Uint8Array {
  return new TextEncoder().encode(ders.map((der) => encodePem('CERTIFICATE', der)).join(''));
}

function signed(tbs: Uint8Array, signer: TestKey): Uint8Array {
  const signature = sign('sha256', tbs, signer.privateKey);
  return derSequence(tbs, ECDSA_SHA256, derBitString(signature));
}
