import { createPublicKey, randomBytes, verify, X509Certificate } from 'node:crypto';
import { decodePem } from '@assay/bytes';
import { parseCertificate, parseCrl } from '@assay/evidence/x509';
import { describe, expect, test } from 'vitest';
import { createTestWorld } from './index.js';
import { createCachedTestWorld } from './testing/index.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const world = () => createTestWorld({ now: () => NOW, random: randomBytes });
const certificates = (pem: string): X509Certificate[] => decodePem(pem).map(({ bytes }) => new X509Certificate(bytes));

describe('Intel', () => {
  test('PCK chain verifies link by link, and says in every name that it is emulated', () => {
    const { intel } = world();
    for (const ca of ['platform', 'processor'] as const) {
      const [leaf, middle, root] = certificates(intel.pckChain(intel.platform(ca, { ca })));
      expect(leaf?.verify(middle?.publicKey as never)).toBe(true);
      expect(middle?.verify(root?.publicKey as never)).toBe(true);
      expect(root?.verify(root.publicKey)).toBe(true);
      expect(leaf?.checkIssued(middle as X509Certificate)).toBe(true);
      for (const one of [leaf, middle, root]) expect(one?.subject).toContain('not for production');
    }
  });

  test('signed documents verify over their exact bytes', () => {
    const { intel } = world();
    const platform = intel.platform();
    for (const tee of ['sgx', 'tdx'] as const) {
      for (const document of [intel.tcbInfo({ tee, platform }), intel.qeIdentity({ tee })]) {
        const [signer] = certificates(document.chain);
        const key = { key: signer?.publicKey as never, dsaEncoding: 'ieee-p1363' } as const;
        expect(verify('sha256', Buffer.from(document.text), key, Buffer.from(document.signature, 'hex'))).toBe(true);
        expect(JSON.stringify(JSON.parse(document.text))).toBe(document.text);
      }
    }
  });

  test('CRLs parse and list what was ordered', () => {
    const { intel } = world();
    const pck = intel.pckCertificate(intel.platform());
    expect(parseCrl(intel.rootCrl())).toBeDefined();
    const crl = new TextDecoder('latin1').decode(intel.pckCrl('platform', { revoked: [pck.fields.serial] }));
    const serial = Buffer.from(pck.fields.serial.toString(16).padStart(40, '0'), 'hex').toString('latin1');
    expect(crl).toContain(serial);
  });

  test('the same seed gives the same roots; another seed gives others', () => {
    const seed = randomBytes(32);
    const root = (bytes: Uint8Array) =>
      createTestWorld({ now: () => NOW, random: randomBytes, seed: bytes }).intel.pki.root().fields.key;
    expect(createPublicKey(root(seed)).equals(createPublicKey(root(seed)))).toBe(true);
    expect(createPublicKey(root(seed)).equals(createPublicKey(root(randomBytes(32))))).toBe(false);
    expect(() => createTestWorld({ now: () => NOW, random: randomBytes, seed: randomBytes(15) })).toThrow('16 bytes');
  });

  test('exported keys make the same world again', () => {
    const first = world();
    first.intel.pckChain(first.intel.platform());
    const second = createTestWorld({ now: () => NOW, random: randomBytes, keys: first.exportKeys() });
    expect(second.intel.pki.rootKey.equals(first.intel.pki.rootKey)).toBe(true);
  });

  test('export holds the keys that were given and those that were prepared, used or not', async () => {
    const first = world();
    first.intel.pki.root();
    await first.amd.pki.prepare(['Milan'], []);
    const keys = first.exportKeys();
    expect(Object.keys(keys)).toEqual(expect.arrayContaining(['amd/ark/Milan']));
    const unused = createTestWorld({ now: () => NOW, random: randomBytes, keys });
    expect(unused.exportKeys()).toEqual(keys);
  });
});

describe('AMD', () => {
  test('chain verifies link by link, for VCEK and VLEK', async () => {
    const { amd } = await createCachedTestWorld(() => NOW);
    const chip = amd.chip();
    for (const [kind, leaf] of [
      ['ask', amd.vcek(chip)],
      ['asvk', amd.vlek(chip)],
    ] as const) {
      const [middle, ark] = certificates(amd.certChain(kind, 'Milan'));
      const parsed = new X509Certificate(leaf.der);
      expect(parsed.verify(middle?.publicKey as never)).toBe(true);
      expect(middle?.verify(ark?.publicKey as never)).toBe(true);
      expect(ark?.verify(ark.publicKey)).toBe(true);
      for (const one of [parsed, middle, ark]) expect(one?.subject).toContain('not for production');
      expect(parseCertificate(leaf.der)).toBeDefined();
    }
    expect(parseCrl(amd.crl('Milan', { revoked: [0x10001n] }))).toBeDefined();
  }, 60_000);
});
