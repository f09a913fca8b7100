/** A whole Intel of its own for tests: PKI, TCB info, QE identity, CRLs, quotes; every part can be spoiled before it is signed. */
import { createHash, sign } from 'node:crypto';
import {
  concatBytes,
  DecodeError,
  derBoolean,
  derElement,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  encodeHex,
} from '@assay/bytes';
import {
  type CertificateSpec,
  CRL_SIGN,
  type CrlSpec,
  DIGITAL_SIGNATURE,
  issueCertificate,
  issueCrl,
  KEY_CERT_SIGN,
  pemChain,
  type TestKey,
  testExtension,
  testKey,
} from '../../x509/testing/issue.js';
import type { RawCollateral } from '../collateral/raw.js';
import type { Tee } from '../quote/model.js';
import { type DcapTrust, dcapTrust } from '../roots.js';

export const NOW = new Date('2026-06-15T12:00:00Z');
const ISSUED = '2026-06-01T00:00:00Z';
const NEXT = '2026-07-01T00:00:00Z';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonMap = { [name: string]: Json };

/** What can be changed. Functions get the sound value and give back the one that is used, before anything is signed. */
export interface Spoil {
  readonly tee?: Tee;
  readonly version?: 3 | 4 | 5;
  readonly tdReport15?: boolean;
  readonly root?: Partial<CertificateSpec>;
  readonly ca?: Partial<CertificateSpec>;
  readonly leaf?: Partial<CertificateSpec>;
  readonly signer?: Partial<CertificateSpec>;
  readonly rootCrl?: Partial<CrlSpec>;
  readonly pckCrl?: Partial<CrlSpec>;
  readonly leafExtensions?: readonly Uint8Array[];
  readonly sgxExtension?: (members: Uint8Array[]) => Uint8Array[];
  /** SGX components of the PCK certificate. */
  readonly components?: readonly number[];
  readonly pceSvn?: number;
  readonly tcbInfo?: (document: JsonMap) => JsonMap;
  readonly qeIdentity?: (document: JsonMap) => JsonMap;
  readonly tcbInfoText?: (text: string) => string;
  readonly qeReport?: (report: Uint8Array) => Uint8Array;
  readonly header?: (header: Uint8Array) => Uint8Array;
  readonly body?: (body: Uint8Array) => Uint8Array;
  readonly bodyWords?: (words: Uint8Array) => Uint8Array;
  /** After everything was signed. */
  readonly quote?: (quote: Uint8Array) => Uint8Array;
  readonly collateral?: (raw: RawCollateral) => RawCollateral;
  readonly certification?: { readonly type: number; readonly data?: Uint8Array };
}

export interface World {
  readonly quote: Uint8Array;
  readonly raw: RawCollateral;
  readonly trust: DcapTrust;
  readonly pckChain: Uint8Array;
  readonly rootDer: Uint8Array;
}

/** Keys are made once: tests are about checks, not about key generation. */
export const KEYS = {
  root: testKey(),
  ca: testKey(),
  leaf: testKey(),
  signer: testKey(),
  attestation: testKey(),
  other: testKey(),
};

const CA_NAME = 'Intel SGX PCK Platform CA';
const ROOT_NAME = 'Intel SGX Root CA';
const SGX = '1.2.840.113741.1.13.1';
const FMSPC = Uint8Array.of(0xa0, 0xb0, 0xc0, 0xd0, 0xe0, 0xf0);
const COMPONENTS = [5, 5, 2, 2, 4, 1, 0, 200, 0, 0, 0, 0, 0, 0, 0, 0];
const MODULE_SIGNER = new Uint8Array(48);
const QE_SIGNER = new Uint8Array(32).fill(0x8c);

export function world(spoil: Spoil = {}): World {
  const tee = spoil.tee ?? 'tdx';
  const pki = certificates(spoil);
  const raw: RawCollateral = {
    pckCrlIssuerChain: pemChain(pki.ca, pki.root),
    rootCaCrl: issueCrl({ issuer: ROOT_NAME, signer: KEYS.root, ...spoil.rootCrl }),
    pckCrl: issueCrl({ issuer: CA_NAME, signer: KEYS.ca, ...spoil.pckCrl }),
    tcbInfoIssuerChain: pemChain(pki.signer, pki.root),
    qeIdentityIssuerChain: pemChain(pki.signer, pki.root),
    ...signedText('tcbInfo', JSON.stringify((spoil.tcbInfo ?? same)(tcbInfo(tee))), spoil.tcbInfoText),
    ...signedText('qeIdentity', JSON.stringify((spoil.qeIdentity ?? same)(qeIdentity(tee)))),
  };
  const trusted = KEYS.root.spki;
  const pckChain = pemChain(pki.leaf, pki.ca, pki.root);
  return {
    quote: (spoil.quote ?? same)(makeQuote(tee, spoil, pckChain)),
    raw: (spoil.collateral ?? same)(raw),
    trust: dcapTrust([{ name: 'test root', publicKey: trusted }]),
    pckChain,
    rootDer: pki.root,
  };
}

function same<T>(value: T): T {
  return value;
}

/** Signs a quote or a document again after a change. */
export function fixedWidth(bytes: Uint8Array, key: TestKey): Uint8Array {
  return sign('sha256', bytes, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
}

/** x ‖ y of a key. */
export function point(key: TestKey): Uint8Array {
  return key.spki.subarray(-64);
}

/** A copy with the bytes from `at` replaced. */
export function put(bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array {
  if (at + values.length > bytes.length) throw new DecodeError('test', 'outside');
  const copy = Uint8Array.from(bytes);
  copy.set(values, at);
  return copy;
}

function certificates(spoil: Spoil): { root: Uint8Array; ca: Uint8Array; leaf: Uint8Array; signer: Uint8Array } {
  const authority = { ca: true, keyUsage: KEY_CERT_SIGN | CRL_SIGN };
  const entity = { ca: false, keyUsage: DIGITAL_SIGNATURE };
  const root: CertificateSpec = {
    subject: ROOT_NAME,
    issuer: ROOT_NAME,
    key: KEYS.root,
    signer: KEYS.root,
    ...authority,
  };
  const ca: CertificateSpec = { subject: CA_NAME, issuer: ROOT_NAME, key: KEYS.ca, signer: KEYS.root, ...authority };
  const leaf: CertificateSpec = {
    subject: 'Intel SGX PCK Certificate',
    issuer: CA_NAME,
    key: KEYS.leaf,
    signer: KEYS.ca,
    serial: Uint8Array.of(0xaa, 1),
    ...entity,
    extensions: [sgxExtension(spoil), ...(spoil.leafExtensions ?? [])],
  };
  const signer: CertificateSpec = {
    subject: 'Intel SGX TCB Signing',
    issuer: ROOT_NAME,
    key: KEYS.signer,
    signer: KEYS.root,
    serial: Uint8Array.of(0xbb, 1),
    ...entity,
  };
  return {
    root: issueCertificate({ ...root, pathLength: 1, ...spoil.root }),
    ca: issueCertificate({ ...ca, serial: Uint8Array.of(0xcc, 1), pathLength: 0, ...spoil.ca }),
    leaf: issueCertificate({ ...leaf, ...spoil.leaf }),
    signer: issueCertificate({ ...signer, ...spoil.signer }),
  };
}

function sgxExtension(spoil: Spoil): Uint8Array {
  const pair = (suffix: string, value: Uint8Array): Uint8Array => derSequence(derOid(`${SGX}.${suffix}`), value);
  const components = (spoil.components ?? COMPONENTS).map((svn, index) => pair(`2.${index + 1}`, derInteger(svn)));
  const members = [
    pair('1', derOctetString(new Uint8Array(16).fill(1))),
    pair(
      '2',
      derSequence(
        ...components,
        pair('2.17', derInteger(spoil.pceSvn ?? 13)),
        pair('2.18', derOctetString(new Uint8Array(16))),
      ),
    ),
    pair('3', derOctetString(Uint8Array.of(0, 0))),
    pair('4', derOctetString(FMSPC)),
    pair('5', derElement(0x0a, Uint8Array.of(1))),
    pair('6', derOctetString(new Uint8Array(16).fill(6))),
    pair(
      '7',
      derSequence(pair('7.1', derBoolean(true)), pair('7.2', derBoolean(false)), pair('7.3', derBoolean(true))),
    ),
  ];
  return testExtension(SGX, derSequence(...(spoil.sgxExtension ?? same)(members)));
}

export function tcbLevel(tee: Tee, sgx0: number, status: string, pcesvn = 11, advisoryIDs: string[] = []): JsonMap {
  const svns = (first: number): Json[] => Array.from({ length: 16 }, (_, index) => ({ svn: index === 0 ? first : 0 }));
  return {
    tcb: { sgxtcbcomponents: svns(sgx0), pcesvn, ...(tee === 'tdx' ? { tdxtcbcomponents: svns(0) } : {}) },
    tcbDate: '2025-08-13T00:00:00Z',
    tcbStatus: status,
    ...(advisoryIDs.length > 0 ? { advisoryIDs } : {}),
  };
}

export function moduleLevel(isvsvn: number, status: string, advisoryIDs: string[] = []): JsonMap {
  return { tcb: { isvsvn }, tcbDate: '2025-05-01T00:00:00Z', tcbStatus: status, advisoryIDs };
}

function tcbInfo(tee: Tee): JsonMap {
  const signer = { mrsigner: encodeHex(MODULE_SIGNER), attributes: '00'.repeat(8), attributesMask: 'ff'.repeat(8) };
  return {
    id: tee.toUpperCase(),
    version: 3,
    issueDate: ISSUED,
    nextUpdate: NEXT,
    fmspc: encodeHex(FMSPC).toUpperCase(),
    pceId: '0000',
    tcbType: 0,
    tcbEvaluationDataNumber: 18,
    ...(tee === 'tdx'
      ? {
          tdxModule: signer,
          tdxModuleIdentities: [
            { id: 'TDX_01', ...signer, tcbLevels: [moduleLevel(4, 'UpToDate'), moduleLevel(2, 'OutOfDate')] },
          ],
        }
      : {}),
    tcbLevels: [tcbLevel(tee, 5, 'UpToDate'), tcbLevel(tee, 3, 'OutOfDate', 5, ['INTEL-SA-00001'])],
  };
}

function qeIdentity(tee: Tee): JsonMap {
  return {
    id: tee === 'tdx' ? 'TD_QE' : 'QE',
    version: 2,
    issueDate: ISSUED,
    nextUpdate: NEXT,
    tcbEvaluationDataNumber: 18,
    miscselect: '00000000',
    miscselectMask: 'FFFFFFFF',
    attributes: '11000000000000000000000000000000',
    attributesMask: 'FBFFFFFFFFFFFFFF0000000000000000',
    mrsigner: encodeHex(QE_SIGNER),
    isvprodid: tee === 'tdx' ? 2 : 1,
    tcbLevels: [moduleLevel(8, 'UpToDate'), moduleLevel(6, 'OutOfDate', ['INTEL-SA-00002']), moduleLevel(5, 'Revoked')],
  };
}

function signedText(
  member: 'tcbInfo' | 'qeIdentity',
  text: string,
  after: (text: string) => string = same,
): RawCollateral {
  const bytes = new TextEncoder().encode(text);
  const signature = encodeHex(fixedWidth(bytes, KEYS.signer));
  return {
    [member]: new TextEncoder().encode(after(text)),
    [`${member}Signature`]: new TextEncoder().encode(signature),
  };
}

function makeQuote(tee: Tee, spoil: Spoil, pckChain: Uint8Array): Uint8Array {
  const version = spoil.version ?? (tee === 'sgx' ? 3 : 4);
  const extended = spoil.tdReport15 === true;
  const header = (spoil.header ?? same)(
    concatBytes(
      Uint8Array.of(version, 0, 2, 0, tee === 'tdx' ? 0x81 : 0, 0, 0, 0, 0, 0, 0, 0),
      Uint8Array.from(Buffer.from('939a7233f79c4ca9940a0db3957f0607', 'hex')),
      new Uint8Array(20).fill(7),
    ),
  );
  const body = (spoil.body ?? same)(tee === 'sgx' ? sgxBody() : tdBody(extended));
  const type = tee === 'sgx' ? 1 : extended ? 3 : 2;
  const words = version < 5 ? new Uint8Array() : (spoil.bodyWords ?? same)(concatBytes(u16(type), u32(body.length)));
  const signed = concatBytes(header, words, body);
  const authData = new Uint8Array(32).fill(9);
  const key = point(KEYS.attestation);
  const qeReport = (spoil.qeReport ?? same)(makeQeReport(tee, key, authData));
  const { data = pckChain, type: certificationType } = spoil.certification ?? { type: 5 };
  const inner = concatBytes(
    qeReport,
    fixedWidth(qeReport, KEYS.leaf),
    u16(authData.length),
    authData,
    u16(certificationType),
    u32(data.length),
    data,
  );
  const nested = version === 3 ? inner : concatBytes(u16(6), u32(inner.length), inner);
  const signatureData = concatBytes(fixedWidth(signed, KEYS.attestation), key, nested);
  return concatBytes(signed, u32(signatureData.length), signatureData);
}

function makeQeReport(tee: Tee, key: Uint8Array, authData: Uint8Array): Uint8Array {
  const report = new Uint8Array(384);
  report.set([0x15], 48);
  report.set(QE_SIGNER, 128);
  report.set([tee === 'tdx' ? 2 : 1, 0, 8, 0], 256);
  report.set(createHash('sha256').update(key).update(authData).digest(), 320);
  return report;
}

function sgxBody(): Uint8Array {
  const body = new Uint8Array(384);
  body.set([0x05], 48);
  body.set([0xe7], 56);
  body.fill(0x44, 64, 96);
  body.fill(0x33, 320, 368);
  return body;
}

function tdBody(extended: boolean): Uint8Array {
  const body = new Uint8Array(extended ? 648 : 584);
  body.set([4, 1, 0], 0);
  body.set([0, 0, 0, 0x10], 120);
  body.set([0xe7, 0, 6], 128);
  body.fill(0x44, 136, 184);
  body.fill(0x33, 520, 568);
  if (extended) body.set([4, 1, 0], 584);
  return body;
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >>> 24) & 0xff);
}
