/** A Fulcio and a Rekor of our own, which make signatures with any defect. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  canonicalJson,
  concatBytes,
  derBitString,
  derElement,
  derOid,
  derSequence,
  derUtf8String,
  encodeBase64,
  encodeHex,
  encodePem,
  encodeUtf8,
} from '@assay/bytes';
import { basicConstraints, certificateExtension, issueCertificate } from '@assay/bytes/testing';
import type { SignerIdentity } from './certificate.js';

export const ISSUER = 'https://accounts.example';
export const SIGNED_AT = new Date('2026-03-01T12:05:00Z');
export const NOW = new Date('2026-11-01T00:00:00Z');
export const ALICE: SignerIdentity = { issuer: ISSUER, subject: { kind: 'email', value: 'alice@example.com' } };

export interface Authority {
  readonly name: string;
  readonly key: KeyObject;
  readonly der: Uint8Array;
}

export interface CertificateOptions {
  readonly subject?: string;
  readonly issuer: Authority | undefined;
  readonly publicKey: KeyObject;
  /** Signs; default: the issuer's key. */
  readonly signer?: KeyObject;
  readonly from?: Date;
  readonly to?: Date;
  readonly ca?: boolean;
  /** First octet of key usage; undefined: none. */
  readonly keyUsage?: number | undefined;
  /** OIDs; undefined: none. */
  readonly usages?: readonly string[] | undefined;
  readonly mail?: string;
  readonly uri?: string;
  readonly vouched?: string;
  readonly vouchedBare?: string;
  readonly extensions?: readonly Uint8Array[];
}

export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
export const extension = certificateExtension;

export function certificate(options: CertificateOptions): Uint8Array {
  const { subject = '', issuer, publicKey, from, to, ca, mail, uri, vouched, vouchedBare } = options;
  const { keyUsage = ca === true ? 0x06 : 0x80, usages = [CODE_SIGNING] } = options;
  const names = [
    ...(mail === undefined ? [] : [derElement(0x81, encodeUtf8(mail))]),
    ...(uri === undefined ? [] : [derElement(0x86, encodeUtf8(uri))]),
  ];
  const withUsage = !('keyUsage' in options && options.keyUsage === undefined);
  const withUsages = !('usages' in options && options.usages === undefined);
  const extensions = [
    ...(ca === undefined ? [] : [basicConstraints(ca)]),
    ...(withUsage ? [extension('2.5.29.15', derBitString(Uint8Array.of(keyUsage), 0), true)] : []),
    ...(withUsages ? [extension('2.5.29.37', derSequence(...usages.map((oid) => derOid(oid))))] : []),
    ...(names.length === 0 ? [] : [extension('2.5.29.17', derSequence(...names), true)]),
    ...(vouched === undefined ? [] : [extension('1.3.6.1.4.1.57264.1.8', derUtf8String(vouched))]),
    ...(vouchedBare === undefined ? [] : [extension('1.3.6.1.4.1.57264.1.1', encodeUtf8(vouchedBare))]),
    ...(options.extensions ?? []),
  ];
  const signer = options.signer ?? issuer?.key;
  if (signer === undefined) throw new Error('nobody signs the certificate');
  return issueCertificate({
    subject,
    issuer: issuer?.name ?? subject,
    publicKey,
    signer,
    extensions,
    ...(from === undefined ? {} : { notBefore: from }),
    ...(to === undefined ? {} : { notAfter: to }),
  });
}

export function authority(name: string, issuer?: Authority, change: Partial<CertificateOptions> = {}): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const signer = issuer?.key ?? privateKey;
  const der = certificate({ subject: name, issuer, publicKey, signer, ca: true, ...change });
  return { name, key: privateKey, der };
}

export const pemOf = (der: Uint8Array): string => encodePem('CERTIFICATE', der);
export const keyPem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }) as string;

/** A signer with the certificate that Fulcio gave for ten minutes. */
export function signerOf(issuer: Authority, change: Partial<CertificateOptions> = {}) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = certificate({
    issuer,
    publicKey,
    from: new Date('2026-03-01T12:00:00Z'),
    to: new Date('2026-03-01T12:10:00Z'),
    mail: 'alice@example.com',
    vouched: ISSUER,
    ...change,
  });
  return { der, key: privateKey };
}

export interface Log {
  readonly name: string;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
  /** Hex. */
  readonly id: string;
}

export function rekor(kind: 'ec' | 'ed25519' = 'ec'): Log {
  const { publicKey, privateKey } =
    kind === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const name = 'rekor.example';
  const id =
    kind === 'ec'
      ? createHash('sha256').update(spki).digest('hex')
      : createHash('sha256').update(`${name}\n\x01`).update(spki.subarray(-32)).digest('hex');
  return { name, key: privateKey, publicKey, id };
}

const signBy = (log: Log, bytes: Uint8Array): Buffer =>
  sign(log.key.asymmetricKeyType === 'ed25519' ? null : 'sha256', bytes, log.key);

export function promiseOf(log: Log, body: Uint8Array, integratedTime: number, logIndex: number): Uint8Array {
  const text = canonicalJson({ body: encodeBase64(body), integratedTime, logID: log.id, logIndex });
  return signBy(log, encodeUtf8(text));
}

const hashOf = (...parts: readonly Uint8Array[]): Buffer =>
  createHash('sha256')
    .update(concatBytes(...parts))
    .digest();
export const leafHash = (leaf: Uint8Array): Uint8Array => hashOf(Uint8Array.of(0), leaf);
const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array => hashOf(Uint8Array.of(1), left, right);

/** Root of a tree, and the way up from a leaf, straight from their definitions (RFC 9162 sections 2.1.1 and 2.1.3.1). */
export function treeOf(leaves: readonly Uint8Array[], index: number): { root: Uint8Array; hashes: Uint8Array[] } {
  const [only] = leaves;
  if (leaves.length === 1 && only !== undefined) return { root: leafHash(only), hashes: [] };
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  const [left, right] = [leaves.slice(0, half), leaves.slice(half)];
  const near = index < half ? treeOf(left, index) : treeOf(right, index - half);
  const far = treeOf(index < half ? right : left, 0).root;
  const root = index < half ? nodeHash(near.root, far) : nodeHash(far, near.root);
  return { root, hashes: [...near.hashes, far] };
}

export function checkpointOf(log: Log, size: number, root: Uint8Array, origin = `${log.name} - 7`): string {
  const note = `${origin}\n${size}\n${encodeBase64(root)}\n`;
  const line = concatBytes(Buffer.from(log.id.slice(0, 8), 'hex'), signBy(log, encodeUtf8(note)));
  return `${note}\n\u2014 ${log.name} ${encodeBase64(line)}\n`;
}

export function hashedRekord(content: Uint8Array, signature: Uint8Array, signerPem: string): Uint8Array {
  return encodeUtf8(
    JSON.stringify({
      apiVersion: '0.0.1',
      kind: 'hashedrekord',
      spec: {
        data: { hash: { algorithm: 'sha256', value: encodeHex(hashOf(content)) } },
        signature: { content: encodeBase64(signature), publicKey: { content: encodeBase64(encodeUtf8(signerPem)) } },
      },
    }),
  );
}
