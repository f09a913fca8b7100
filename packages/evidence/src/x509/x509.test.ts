import { createPublicKey, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DecodeError, derInteger, derNull, derSequence } from '@assay/bytes';
import { fuzzRuns, vectorsArea } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Certificate, parseCertificate, parseCertificates } from './certificate.js';
import { checkCrlSignature, checkEndEntity, checkPath, orderChain, pinned, validity } from './chain.js';
import { normaliseCrl, parseCrl } from './crl.js';
import { KeyCache } from './key.js';
import { LruMap } from './lru.js';
import {
  type CertificateSpec,
  CRL_SIGN,
  DIGITAL_SIGNATURE,
  issueCertificate,
  issueCrl,
  KEY_CERT_SIGN,
  pemChain,
  testExtension,
  testKey,
} from './testing/issue.js';

const [rootKey, caKey, leafKey, otherKey] = [testKey(), testKey(), testKey(), testKey()];
const rootSpec: CertificateSpec = {
  subject: 'Root',
  issuer: 'Root',
  key: rootKey,
  signer: rootKey,
  ca: true,
  pathLength: 1,
  keyUsage: KEY_CERT_SIGN | CRL_SIGN,
};
const caSpec: CertificateSpec = {
  subject: 'CA',
  issuer: 'Root',
  key: caKey,
  signer: rootKey,
  ca: true,
  pathLength: 0,
  keyUsage: KEY_CERT_SIGN | CRL_SIGN,
};
const leafSpec: CertificateSpec = {
  subject: 'Leaf',
  issuer: 'CA',
  key: leafKey,
  signer: caKey,
  ca: false,
  keyUsage: DIGITAL_SIGNATURE,
};
const make = (spec: CertificateSpec): Certificate => parseCertificate(issueCertificate(spec));
const path = (leaf = leafSpec, ca = caSpec, root = rootSpec): Certificate[] => [make(leaf), make(ca), make(root)];
const kinds = (chain: readonly Certificate[]): string[] => checkPath(chain).map(({ kind }) => kind);

describe('a certificate', () => {
  test('is read as node:crypto reads it', () => {
    const der = issueCertificate({ ...leafSpec, serial: Uint8Array.of(0x80, 1) });
    const certificate = parseCertificate(der);
    const oracle = new X509Certificate(der);
    expect(certificate.serial.toUpperCase()).toBe(oracle.serialNumber);
    expect(certificate.subject.commonName).toBe('Leaf');
    expect(oracle.subject).toBe('CN=Leaf');
    expect(certificate.notBefore).toEqual(new Date(oracle.validFrom));
    expect(certificate.fingerprint).toBe(oracle.fingerprint256.replaceAll(':', '').toLowerCase());
    expect(Buffer.from(certificate.publicKey.der)).toEqual(oracle.publicKey.export({ format: 'der', type: 'spki' }));
    expect(certificate.basicConstraints).toEqual({ ca: false, pathLength: undefined });
    expect(certificate.keyUsage).toEqual(new Set(['digitalSignature']));
  });

  test('a serial number is unsigned: leading zero octets do not count', () => {
    expect(make({ ...leafSpec, serial: Uint8Array.of(0xff) }).serial).toBe('ff');
    expect(make({ ...leafSpec, serial: Uint8Array.of(0) }).serial).toBe('00');
    expect(() => make({ ...leafSpec, serial: new Uint8Array(22).fill(1) })).toThrow('serial number');
  });

  test.each([
    ['trailing bytes', (der: Uint8Array) => Uint8Array.from([...der, 0])],
    ['cut', (der: Uint8Array) => der.subarray(0, -1)],
    ['empty', () => new Uint8Array()],
    ['too large', () => new Uint8Array(70_000)],
  ])('%s is refused', (_, change) => {
    expect(() => parseCertificate(change(issueCertificate(leafSpec)))).toThrow(DecodeError);
  });

  test('an extension that stands twice is refused', () => {
    const twice = [testExtension('1.2.3', derNull()), testExtension('1.2.3', derNull())];
    expect(() => make({ ...leafSpec, extensions: twice })).toThrow('stands twice');
  });

  test('PEM with NUL bytes behind it, DER one after the other', () => {
    const [leaf, ca] = [issueCertificate(leafSpec), issueCertificate(caSpec)];
    const pem = pemChain(leaf, ca);
    expect(parseCertificates(Uint8Array.from([...pem, 0, 0])).length).toBe(2);
    expect(parseCertificates(Uint8Array.from([...leaf, ...ca])).length).toBe(2);
    expect(() => parseCertificates(Uint8Array.from(new TextEncoder().encode('x'.repeat(300_000))))).toThrow('too long');
    expect(() => parseCertificates(pemChain(...Array.from({ length: 17 }, () => leaf)))).toThrow('too many');
  });
});

describe('a path', () => {
  test('verifies, whatever the order it came in', () => {
    const chain = path();
    expect(checkPath(chain)).toEqual([]);
    expect(checkEndEntity(chain[0] as Certificate)).toEqual([]);
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      expect(orderChain(order.map((index) => chain[index] as Certificate))).toEqual(chain);
    }
  });

  test('a signature that several paths rest on is asked once; what depends on the path, each time', () => {
    const links = new LruMap<boolean>(8);
    const chain = path(leafSpec, { ...caSpec, pathLength: 0 });
    expect(checkPath(chain, links)).toEqual([]);
    expect(links.size).toBe(3);
    expect(checkPath(chain.slice(1), links)).toEqual([]);
    expect(links.size).toBe(3);
    const limited = path(leafSpec, caSpec, { ...rootSpec, pathLength: 0 });
    expect(checkPath(limited.slice(1), links)).toEqual([]);
    expect(checkPath(limited, links).map(({ kind }) => kind)).toEqual(['path-length']);
    const forged = path({ ...leafSpec, signer: otherKey });
    for (let time = 0; time < 2; time += 1) {
      expect(checkPath(forged, links).map(({ kind }) => kind)).toEqual(['signature']);
    }
  });

  test.each<[string, string[], () => Certificate[]]>([
    ['leaf signed by another key', ['signature'], () => path({ ...leafSpec, signer: otherKey })],
    ['root not signed by itself', ['signature'], () => path(leafSpec, caSpec, { ...rootSpec, signer: otherKey })],
    ['CA signed by another key', ['signature'], () => path(leafSpec, { ...caSpec, signer: otherKey })],
    ['issuer name', ['issuer-name'], () => path({ ...leafSpec, issuer: 'CA 2' })],
    ['intermediate is no CA', ['not-a-ca'], () => path(leafSpec, { ...caSpec, ca: false })],
    ['root is no CA', ['not-a-ca'], () => path(leafSpec, caSpec, { ...rootSpec, ca: false })],
    ['key usage', ['key-usage'], () => path(leafSpec, { ...caSpec, keyUsage: CRL_SIGN })],
    ['path length', ['path-length'], () => path(leafSpec, caSpec, { ...rootSpec, pathLength: 0 })],
    [
      'critical extension',
      ['critical-extension'],
      () => path({ ...leafSpec, extensions: [testExtension('1.2.3', derNull(), true)] }),
    ],
    [
      'key identifiers',
      ['key-identifier'],
      () =>
        path(
          { ...leafSpec, extensions: [testExtension('2.5.29.35', derSequence(Uint8Array.of(0x80, 1, 7)))] },
          { ...caSpec, extensions: [testExtension('2.5.29.14', Uint8Array.of(4, 1, 8))] },
        ),
    ],
  ])('%s', (_, expected, chain) => {
    expect(kinds(chain())).toEqual(expected);
  });

  test('a CA is no end entity', () => {
    expect(checkEndEntity(make(caSpec)).map(({ kind }) => kind)).toEqual(['is-a-ca']);
  });

  test('two roots, no root, or a certificate too many are no chain', () => {
    const [leaf, ca, root] = path() as [Certificate, Certificate, Certificate];
    expect(orderChain([leaf, ca])).toContain('0 self-issued');
    expect(orderChain([leaf, ca, root, make({ ...rootSpec, key: otherKey })])).toContain('2 self-issued');
    expect(orderChain([leaf, ca, root, make({ ...leafSpec, subject: 'Leaf 2' })])).toContain('2 certificates');
    expect(orderChain([leaf, root])).toContain('0 certificates');
    expect(orderChain([leaf, leaf, ca, root])).toContain('4 certificates');
    expect(orderChain([leaf, ca, root, root])).toContain('2 self-issued');
    expect(orderChain([])).toContain('0 self-issued');
  });

  test('anchors pin the key', () => {
    const root = make(rootSpec);
    const again = make({ ...rootSpec, notAfter: new Date('2030-01-01T00:00:00Z') });
    const anchors = [{ name: 'test', publicKey: root.publicKey.der }];
    expect(pinned(again, anchors)?.name).toBe('test');
    expect(pinned(make({ ...rootSpec, key: otherKey, signer: otherKey }), anchors)).toBeUndefined();
  });

  test('validity includes both ends', () => {
    const [from, to] = [new Date(1000), new Date(2000)];
    expect(validity(from, to, new Date(999))).toBe('before');
    expect(validity(from, to, from)).toBe('within');
    expect(validity(from, to, to)).toBe('within');
    expect(validity(from, to, new Date(2001))).toBe('after');
  });
});

describe('a CRL', () => {
  const spec = { issuer: 'CA', signer: caKey, revoked: [Uint8Array.of(0x80, 5), Uint8Array.of(9)] };

  test('is read and verified', () => {
    const crl = parseCrl(issueCrl(spec));
    expect([...crl.revoked.keys()]).toEqual(['8005', '09']);
    expect(crl.crlNumber).toBe(7n);
    expect(checkCrlSignature(crl, make(caSpec))).toBe(true);
    expect(checkCrlSignature(crl, make({ ...caSpec, key: otherKey }))).toBe(false);
    expect(checkCrlSignature(crl, make({ ...caSpec, keyUsage: KEY_CERT_SIGN }))).toBe(false);
  });

  test('a partial list is not taken for a whole one', () => {
    const partial = { ...spec, extensions: [testExtension('2.5.29.28', derSequence(), true)] };
    expect(() => parseCrl(issueCrl(partial))).toThrow('critical extension');
    const delta = { ...spec, extensions: [testExtension('2.5.29.27', derInteger(1), true)] };
    expect(() => parseCrl(issueCrl(delta))).toThrow('critical extension');
  });

  test('a critical extension of an entry is refused, also behind entries that have the same known ones', () => {
    const reason = [testExtension('2.5.29.21', derInteger(1))];
    const critical = [testExtension('2.5.29.21', derInteger(1), true)];
    const twice = [...reason, ...reason];
    const revoked = [1, 2, 3].map((serial) => Uint8Array.of(serial));
    const list = (...entryExtensions: Uint8Array[][]) => parseCrl(issueCrl({ ...spec, revoked, entryExtensions }));
    expect([...list(reason, reason, reason).revoked.keys()]).toEqual(['01', '02', '03']);
    expect(() => list(reason, reason, critical)).toThrow('critical extension 2.5.29.21');
    expect(() => list(critical)).toThrow('critical extension 2.5.29.21');
    expect(() => list(reason, twice)).toThrow('stands twice');
  });

  test('comes as DER, PEM, hex or base64', () => {
    const der = Buffer.from(issueCrl(spec));
    const text = (value: string): Uint8Array => new TextEncoder().encode(value);
    const pem = `-----BEGIN X509 CRL-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END X509 CRL-----\n`;
    for (const form of [der, text(der.toString('hex')), text(der.toString('base64')), text(pem)]) {
      expect(Buffer.from(normaliseCrl(form))).toEqual(der);
    }
    expect(() => normaliseCrl(text('<html>'))).toThrow(DecodeError);
    expect(() => normaliseCrl(new Uint8Array())).toThrow(DecodeError);
  });
});

describe('keys', () => {
  test('are kept up to a limit, by their bytes', () => {
    const cache = new KeyCache(2);
    const certificates = [make(rootSpec), make(caSpec), make(leafSpec)];
    const first = cache.key((certificates[0] as Certificate).publicKey);
    expect(cache.key((certificates[0] as Certificate).publicKey)).toBe(first);
    expect(first?.equals(createPublicKey({ key: Buffer.from(rootKey.spki), format: 'der', type: 'spki' }))).toBe(true);
    for (const certificate of certificates) cache.key(certificate.publicKey);
    expect(cache.key((certificates[0] as Certificate).publicKey)).not.toBe(first);
  });

  test('a point off the curve is none', () => {
    const x = new Uint8Array(32).fill(1);
    expect(new KeyCache(0).ec('P-256', x, x)).toBeUndefined();
    expect(new KeyCache(0).ec('P-256', new Uint8Array(32), new Uint8Array(32))).toBeUndefined();
  });

  test('the map forgets what was not used for longest', () => {
    const map = new LruMap<number>(2);
    map.set('a', 1);
    map.set('b', 2);
    map.get('a');
    map.set('c', 3);
    expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([1, undefined, 3, 2]);
  });
});

describe.skipIf(vectorsArea('snp') === undefined)("vendors' certificates", () => {
  test('AMD: RSASSA-PSS with SHA-384 verifies', () => {
    const area = vectorsArea('snp') ?? '';
    const folder = readdirSync(area).find((name) => name.includes('milan') && !name.startsWith('neg')) ?? '';
    const read = (name: string): Certificate[] => parseCertificates(readFileSync(join(area, folder, name)));
    expect(kinds([...read('ask.pem'), ...read('ark.pem')])).toEqual([]);
    const [ark] = read('ark.pem') as [Certificate];
    expect(ark.signatureAlgorithm.name).toBe('rsa-pss-sha384');
    const tbs = Uint8Array.from(ark.tbs);
    tbs[tbs.length - 1] = (tbs.at(-1) ?? 0) ^ 1;
    expect(kinds([{ ...ark, tbs }])).toEqual(['signature']);
  });
});

test('fuzz: changed certificates and CRLs are refused by DecodeError, or read', () => {
  const certificate = issueCertificate(leafSpec);
  const crl = issueCrl({ issuer: 'CA', signer: caKey, revoked: [Uint8Array.of(1)] });
  const edits = fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(edits, fc.boolean(), (changes, list) => {
      const bytes = Uint8Array.from(list ? crl : certificate);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      try {
        if (list) parseCrl(bytes);
        else {
          const [changed, ca, root] = [parseCertificate(bytes), make(caSpec), make(rootSpec)];
          const same = Buffer.compare(changed.tbs, parseCertificate(certificate).tbs) === 0;
          if (!same) expect(kinds([changed, ca, root])).toContain('signature');
        }
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: fuzzRuns(300) },
  );
});
