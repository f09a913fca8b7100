/** SEV-SNP reports and AMD-like chains for tests, with any defect: written with the DER writer, signed with throw-away keys. */
import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  derBitString,
  derBoolean,
  derElement,
  derExplicit,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derPrintableString,
  derSequence,
  derSetOf,
  derTime,
  derUnsignedInteger,
} from '@assay/bytes';
import { amdTrustIn } from './endorsement/roots.js';
import type { Product } from './product.js';
import type { SnpInput } from './verify.js';

export const NOW = new Date('2026-06-01T00:00:00Z');
const START = new Date('2026-01-01T00:00:00Z');
const END = new Date('2027-01-01T00:00:00Z');
const AMD = '1.3.6.1.4.1.3704.1';
export const SPL = { bootloader: 4, tee: 0, snp: 24, microcode: 217, fmc: 1 } as const;
const SPL_OID = { bootloader: '3.1', tee: '3.2', snp: '3.3', microcode: '3.8', fmc: '3.9' } as const;
export const CHIP_ID = Uint8Array.from({ length: 64 }, (_, index) => index + 1);

export interface Key {
  readonly privateKey: KeyObject;
  readonly spki: Uint8Array;
}

/** Keys are made once: RSA takes its time. 2048 bits do, as the size is the pin's business. */
const rsa = (): Key => exported(generateKeyPairSync('rsa', { modulusLength: 2048 }));
export const ecKey = (namedCurve = 'P-384'): Key => exported(generateKeyPairSync('ec', { namedCurve }));
export const KEYS = { ark: rsa(), ask: rsa(), other: rsa(), leaf: ecKey() } as const;

function exported({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }): Key {
  return { privateKey, spki: Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' })) };
}

export type SignatureScheme = 'pss-384' | 'pss-256' | 'pss-salt-32' | 'pkcs1';

export interface CertificateSpec {
  readonly subject: string;
  readonly issuer: string;
  readonly key: Key;
  readonly signer: Key;
  readonly scheme?: SignatureScheme;
  readonly serial?: number;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly ca?: boolean;
  readonly keyUsage?: number;
  readonly organization?: string;
  readonly extensions?: readonly Uint8Array[];
}

export function extension(oid: string, value: Uint8Array, critical = false): Uint8Array {
  return derSequence(derOid(oid), ...(critical ? [derBoolean(true)] : []), derOctetString(value));
}

export function certificate(spec: CertificateSpec): Uint8Array {
  const algorithm = algorithmOf(spec.scheme ?? 'pss-384');
  const extensions = [...(spec.extensions ?? [])];
  if (spec.ca !== undefined) {
    extensions.push(extension('2.5.29.19', derSequence(...(spec.ca ? [derBoolean(true)] : [])), true));
  }
  if (spec.keyUsage !== undefined)
    extensions.push(extension('2.5.29.15', derBitString(Uint8Array.of(spec.keyUsage)), true));
  const tbs = derSequence(
    derExplicit(0, derInteger(2)),
    derUnsignedInteger(Uint8Array.of(spec.serial ?? 0)),
    algorithm,
    name(spec.issuer, spec.organization),
    derSequence(derTime(spec.notBefore ?? START), derTime(spec.notAfter ?? END)),
    name(spec.subject, spec.organization),
    spec.key.spki,
    ...(extensions.length === 0 ? [] : [derExplicit(3, derSequence(...extensions))]),
  );
  return signed(tbs, spec.signer, spec.scheme ?? 'pss-384');
}

export interface CrlSpec {
  readonly issuer?: string;
  readonly signer?: Key;
  readonly scheme?: SignatureScheme;
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date | null;
  readonly revoked?: readonly number[];
}

export function crl(spec: CrlSpec = {}): Uint8Array {
  const scheme = spec.scheme ?? 'pss-384';
  const revoked = (spec.revoked ?? []).map((serial) => derSequence(derInteger(serial), derTime(START)));
  const tbs = derSequence(
    derInteger(1),
    algorithmOf(scheme),
    name(spec.issuer ?? 'ARK-Milan'),
    derTime(spec.thisUpdate ?? START),
    ...(spec.nextUpdate === null ? [] : [derTime(spec.nextUpdate ?? END)]),
    ...(revoked.length === 0 ? [] : [derSequence(...revoked)]),
  );
  return signed(tbs, spec.signer ?? KEYS.ark, scheme);
}

function name(commonName: string, organization = 'Test'): Uint8Array {
  const attribute = (type: string, text: string): Uint8Array =>
    derSetOf(derSequence(derOid(type), derPrintableString(text)));
  return derSequence(attribute('2.5.4.10', organization), attribute('2.5.4.3', commonName));
}

const SHA384 = '2.16.840.1.101.3.4.2.2';
const SHA256 = '2.16.840.1.101.3.4.2.1';

function algorithmOf(scheme: SignatureScheme): Uint8Array {
  if (scheme === 'pkcs1') return derSequence(derOid('1.2.840.113549.1.1.12'), derNull());
  const digest = derSequence(derOid(scheme === 'pss-256' ? SHA256 : SHA384), derNull());
  const salt = scheme === 'pss-384' ? 48 : 32;
  return derSequence(
    derOid('1.2.840.113549.1.1.10'),
    derSequence(
      derExplicit(0, digest),
      derExplicit(1, derSequence(derOid('1.2.840.113549.1.1.8'), digest)),
      derExplicit(2, derInteger(salt)),
    ),
  );
}

function signed(tbs: Uint8Array, signer: Key, scheme: SignatureScheme): Uint8Array {
  const key = signer.privateKey;
  const hash = scheme === 'pss-256' ? 'sha256' : 'sha384';
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: scheme === 'pss-384' ? 48 : 32 };
  const signature =
    scheme === 'pkcs1'
      ? sign(hash, tbs, { key, padding: constants.RSA_PKCS1_PADDING })
      : sign(hash, tbs, { key, ...pss });
  return derSequence(tbs, algorithmOf(scheme), derBitString(signature));
}

/** Extensions of a VCEK or VLEK; null leaves one out, bytes replace its value. */
export type LeafExtensions = { readonly [suffix: string]: Uint8Array | number | string | null };

export function leafExtensions(product: Product, kind: 'VCEK' | 'VLEK', changes: LeafExtensions = {}): Uint8Array[] {
  const spls = Object.entries(SPL_OID).filter(([component]) => product === 'Turin' || component !== 'fmc');
  const values: LeafExtensions = {
    '1': product === 'Turin' ? 1 : 0,
    '2': kind === 'VCEK' && product === 'Milan' ? 'Milan-B0' : product,
    ...Object.fromEntries(spls.map(([component, oid]) => [oid, SPL[component as keyof typeof SPL]])),
    ...(kind === 'VCEK' ? { '4': CHIP_ID.subarray(0, product === 'Turin' ? 8 : 64) } : { '5': 'CN=test-cloud' }),
    ...changes,
  };
  return Object.entries(values).flatMap(([suffix, value]) => {
    if (value === null) return [];
    const bytes = typeof value === 'number' ? derInteger(value) : typeof value === 'string' ? ia5(value) : value;
    return [extension(`${AMD}.${suffix}`, bytes)];
  });
}

function ia5(text: string): Uint8Array {
  return derElement(0x16, new TextEncoder().encode(text));
}

export interface BundleSpec {
  readonly product?: Product;
  readonly kind?: 'VCEK' | 'VLEK';
  readonly version?: number;
  readonly leaf?: Partial<CertificateSpec>;
  readonly leafChanges?: LeafExtensions;
  readonly ask?: Partial<CertificateSpec>;
  readonly ark?: Partial<CertificateSpec>;
  readonly crl?: CrlSpec;
  /** Changes the report before it is signed. */
  readonly edit?: (report: Uint8Array, view: DataView) => void;
  /** Changes it afterwards. */
  readonly spoil?: (report: Uint8Array) => void;
}

export interface Bundle {
  readonly report: Uint8Array;
  readonly leaf: Uint8Array;
  readonly ask: Uint8Array;
  readonly ark: Uint8Array;
  readonly crl: Uint8Array | undefined;
  /** Trusts the throw-away ARK alone. */
  readonly input: SnpInput;
}

export function bundle(spec: BundleSpec = {}): Bundle {
  const product = spec.product ?? 'Milan';
  const kind = spec.kind ?? 'VCEK';
  const root = `ARK-${product}`;
  const issuer = kind === 'VCEK' ? `SEV-${product}` : `SEV-VLEK-${product}`;
  const ark = certificate({
    ...{ subject: root, issuer: root, key: KEYS.ark, signer: KEYS.ark, serial: 1, ca: true, keyUsage: 0x06 },
    ...spec.ark,
  });
  const ask = certificate({
    ...{ subject: issuer, issuer: root, key: KEYS.ask, signer: KEYS.ark, serial: 2, ca: true, keyUsage: 0x04 },
    ...spec.ask,
  });
  const leaf = certificate({
    ...{ subject: `SEV-${kind}`, issuer, key: KEYS.leaf, signer: KEYS.ask },
    extensions: leafExtensions(product, kind, spec.leafChanges),
    ...spec.leaf,
  });
  const list = spec.crl === undefined ? undefined : crl({ issuer: root, ...spec.crl });
  const report = makeReport(spec, product, kind);
  const input: SnpInput = {
    report,
    certificates: { leaves: [leaf], authorities: [ask, ark], crls: list === undefined ? [] : [list] },
    trust: amdTrustIn([{ name: 'test root', publicKey: KEYS.ark.spki }]),
    rules: {},
    now: NOW,
    clock: 'the test',
  };
  return { report, leaf, ask, ark, crl: list, input };
}

/** Places of the TCB components by product. */
export function writeTcb(
  report: Uint8Array,
  offset: number,
  product: Product,
  tcb: { readonly [name: string]: number } = SPL,
): void {
  const order =
    product === 'Turin'
      ? ['fmc', 'bootloader', 'tee', 'snp', '', '', '', 'microcode']
      : ['bootloader', 'tee', '', '', '', '', 'snp', 'microcode'];
  order.forEach((component, byte) => {
    report[offset + byte] = tcb[component] ?? 0;
  });
}

function makeReport(spec: BundleSpec, product: Product, kind: 'VCEK' | 'VLEK'): Uint8Array {
  const report = new Uint8Array(1184);
  const view = new DataView(report.buffer);
  const version = spec.version ?? (product === 'Turin' ? 5 : 3);
  view.setUint32(0, version, true);
  view.setBigUint64(0x08, 0x30000n, true);
  view.setUint32(0x34, 1, true);
  view.setBigUint64(0x40, 0x25n, true);
  view.setUint32(0x48, kind === 'VLEK' ? 4 : 0, true);
  report.fill(0xab, 0x50, 0x90);
  report.fill(0xcd, 0x90, 0xc0);
  report.fill(0xef, 0xc0, 0xe0);
  report.fill(0xff, 0x160, 0x180);
  for (const offset of [0x38, 0x180, 0x1e0, 0x1f0]) writeTcb(report, offset, product);
  if (version >= 3) report.set({ Milan: [0x19, 1, 1], Genoa: [0x19, 0x11, 1], Turin: [0x1a, 2, 1] }[product], 0x188);
  if (kind === 'VCEK') report.set(CHIP_ID.subarray(0, product === 'Turin' ? 8 : 64), 0x1a0);
  report.set([29, 55, 1], 0x1e8);
  report.set([29, 55, 1], 0x1ec);
  spec.edit?.(report, view);
  signReport(report, KEYS.leaf);
  spec.spoil?.(report);
  return report;
}

export function signReport(report: Uint8Array, key: Key): void {
  const signature = sign('sha384', report.subarray(0, 0x2a0), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  report.fill(0, 0x2a0);
  report.set(Uint8Array.from(signature.subarray(0, 48)).reverse(), 0x2a0);
  report.set(Uint8Array.from(signature.subarray(48)).reverse(), 0x2e8);
}
