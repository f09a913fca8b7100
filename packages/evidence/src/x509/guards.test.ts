/** Certificates and CRLs that the issuer of the other tests does not make: written piece by piece, each wrong in one. */
import {
  DecodeError,
  derBitString,
  derElement,
  derExplicit,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derSetOf,
  derTime,
  derUtf8String,
  encodePem,
} from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { parseCertificate, parseCertificates } from './certificate.js';
import { normaliseCrl, parseCrl } from './crl.js';
import { verifySignature } from './key.js';
import { issueCertificate, issueCrl, testExtension, testKey } from './testing/issue.js';

const key = testKey();
const ecdsa = (hash: number): Uint8Array => derSequence(derOid(`1.2.840.10045.4.3.${hash}`));
const common = (text: string): Uint8Array => derSetOf(derSequence(derOid('2.5.4.3'), derUtf8String(text)));
const start = derTime(new Date('2026-01-01T00:00:00Z'));
const end = derTime(new Date('2036-01-01T00:00:00Z'));
const extension = testExtension('1.2.3', derNull());
const spki = (point: Uint8Array, unused = 0): Uint8Array =>
  derSequence(derSequence(derOid('1.2.840.10045.2.1'), derOid('1.2.840.10045.3.1.7')), derBitString(point, unused));

interface Parts {
  readonly version?: Uint8Array;
  readonly inner?: Uint8Array;
  readonly outer?: Uint8Array;
  readonly name?: Uint8Array;
  readonly spki?: Uint8Array;
  readonly extensions?: readonly Uint8Array[];
  readonly unused?: number;
}

const version3 = derExplicit(0, derInteger(2));
const signature = (unused = 0): Uint8Array => derBitString(Uint8Array.of(0x80), unused);

function certificate(parts: Parts = {}): Uint8Array {
  const { extensions = [extension], name = derSequence(common('Leaf')), outer = ecdsa(2) } = parts;
  const tbs = derSequence(
    parts.version ?? version3,
    derInteger(5),
    parts.inner ?? outer,
    name,
    derSequence(start, end),
    name,
    parts.spki ?? key.spki,
    ...(extensions.length === 0 ? [] : [derExplicit(3, derSequence(...extensions))]),
  );
  return derSequence(tbs, outer, signature(parts.unused));
}

function list({ version = derInteger(1), inner = ecdsa(2), extensions = [extension] }: Parts = {}): Uint8Array {
  const marked = extensions.length === 0 ? [] : [derExplicit(0, derSequence(...extensions))];
  const tbs = derSequence(version, inner, derSequence(common('CA')), start, end, ...marked);
  return derSequence(tbs, ecdsa(2), signature());
}

const none = new Uint8Array();
const pss = (...parameters: Uint8Array[]): Uint8Array =>
  derSequence(derOid('1.2.840.113549.1.1.10'), derSequence(...parameters));
const digest = (oid: string): Uint8Array => derSequence(derOid(oid));
const SHA384 = '2.16.840.1.101.3.4.2.2';
const mask = (oid: string): Uint8Array => derExplicit(1, derSequence(derOid('1.2.840.113549.1.1.8'), digest(oid)));
const pssWith = (oid: string, trailer: number): Uint8Array =>
  pss(derExplicit(0, digest(oid)), mask(oid), derExplicit(2, derInteger(48)), derExplicit(3, derInteger(trailer)));

describe('a certificate', () => {
  test('made of sound pieces is read', () => {
    expect(parseCertificate(certificate()).version).toBe(3);
    expect(parseCertificate(certificate({ outer: pssWith(SHA384, 1) })).signatureAlgorithm.name).toBe('rsa-pss-sha384');
  });

  test('of version 1 or 2 is read as such, and holds no extensions', () => {
    const two = derExplicit(0, derInteger(1));
    expect(parseCertificate(certificate({ version: none, extensions: [] })).version).toBe(1);
    expect(parseCertificate(certificate({ version: two, extensions: [] })).version).toBe(2);
    expect(parseCertificate(certificate({ extensions: [] })).extensions).toEqual([]);
    expect(() => parseCertificate(certificate({ version: none }))).toThrow('extensions in version 1');
    expect(() => parseCertificate(certificate({ version: two }))).toThrow('extensions in version 2');
  });

  test.each<[string, Parts]>([
    ['differs inside and outside', { inner: ecdsa(3) }],
    ['signature is not whole bytes', { unused: 1 }],
    ['key is not whole bytes', { spki: spki(Uint8Array.of(4, ...new Uint8Array(63), 0x80), 1) }],
    ['point of 64 bytes', { spki: spki(key.spki.subarray(-64)) }],
    ['starting with 02', { spki: spki(Uint8Array.of(2, ...key.spki.subarray(-64))) }],
    [
      'an attribute is not a SEQUENCE',
      { name: derSequence(derSetOf(derElement(0x31, derOid('2.5.4.3'), derUtf8String('Leaf')))) },
    ],
    ['more than 32 attributes', { name: derSequence(...Array.from({ length: 33 }, () => common('x'))) }],
    [
      'too many extensions',
      { extensions: Array.from({ length: 65 }, (_, index) => testExtension(`1.2.3.${index}`, derNull())) },
    ],
    ['without hash, mask or salt', { outer: pss(derExplicit(0, digest(SHA384)), mask(SHA384)) }],
    ['trailer field 2', { outer: pssWith(SHA384, 2) }],
  ])('%s', (what, parts) => {
    const read = (): unknown => parseCertificate(certificate(parts));
    expect(read).toThrow(what);
    expect(read).toThrow(DecodeError);
  });

  test('PSS with a digest that is not served verifies nothing', () => {
    const { name } = parseCertificate(certificate({ outer: pssWith('1.2.3', 1) })).signatureAlgorithm;
    expect(name).toContain('unknown');
  });

  test('too large, or a PEM block of another kind', () => {
    const large = certificate({ extensions: [testExtension('1.2.3', derOctetString(new Uint8Array(70_000)))] });
    expect(() => parseCertificate(large)).toThrow('bytes are too many');
    const block = new TextEncoder().encode(encodePem('PRIVATE KEY', certificate()));
    expect(() => parseCertificates(block)).toThrow('not a CERTIFICATE');
  });

  test('names distribution points by URL alone', () => {
    const names = [
      derElement(0x82, Uint8Array.from(Buffer.from('host'))),
      derElement(0x86, Uint8Array.from(Buffer.from('http://a'))),
    ];
    const point = derSequence(derElement(0xa0, derElement(0xa0, ...names)));
    const points = testExtension('2.5.29.31', derSequence(point));
    expect(parseCertificate(certificate({ extensions: [points] })).crlDistributionPoints).toEqual(['http://a']);
  });
});

describe('a CRL', () => {
  test('of version 1 holds no extensions; other versions are unknown', () => {
    expect(parseCrl(list()).version).toBe(2);
    expect(parseCrl(list({ version: none, extensions: [] })).version).toBe(1);
    expect(parseCrl(list({ extensions: [] })).extensions).toEqual([]);
    expect(() => parseCrl(list({ version: none }))).toThrow('extensions in version 1');
    expect(() => parseCrl(list({ version: derInteger(2) }))).toThrow('version 3');
    expect(() => parseCrl(list({ inner: ecdsa(3) }))).toThrow('differs inside and outside');
  });

  test('too large, or a text of more than one', () => {
    expect(() => parseCrl(new Uint8Array(5 * 1024 * 1024))).toThrow('bytes are too many');
    expect(() => normaliseCrl(new Uint8Array(9 * 1024 * 1024))).toThrow('bytes are too many');
    const der = issueCrl({ issuer: 'CA', signer: key });
    for (const text of [encodePem('CERTIFICATE', der), encodePem('X509 CRL', der).repeat(2)])
      expect(() => normaliseCrl(new TextEncoder().encode(text))).toThrow('not one X509 CRL');
  });
});

test('a key that is not served, or not of the algorithm, verifies nothing', () => {
  const spec = { subject: 'Leaf', issuer: 'Leaf', key, signer: key };
  const { publicKey, signature: made, tbs } = parseCertificate(issueCertificate(spec));
  expect(verifySignature('ecdsa-sha256', tbs, made, publicKey)).toBe(true);
  expect(verifySignature('ecdsa-sha256', tbs, made, { ...publicKey, type: 'unknown 1.2.3' })).toBe(false);
  expect(verifySignature('unknown 1.2.3', tbs, made, publicKey)).toBe(false);
  for (const algorithm of ['rsa-pkcs1-sha256', 'rsa-pss-sha256'] as const)
    expect(verifySignature(algorithm, tbs, made, publicKey)).toBe(false);
});
