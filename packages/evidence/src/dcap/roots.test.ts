import { X509Certificate } from 'node:crypto';
import { decodeBase64 } from '@assay/bytes';
import { expect, test } from 'vitest';
import { KeyCache, linkName, parseCertificate, pinned, vendorKeys } from '../x509/index.js';
import { INTEL_ROOT_CERTIFICATE } from './intel-root.js';
import { dcapTrust, INTEL_SGX_ROOT, intelTrust, readChain } from './roots.js';

const der = decodeBase64(INTEL_ROOT_CERTIFICATE.replace(/\s/g, ''));

test('the built-in certificate is one of the pinned key, signed by it', () => {
  const certificate = parseCertificate(der);
  expect(pinned(certificate, [INTEL_SGX_ROOT])).toBe(INTEL_SGX_ROOT);
  const oracle = new X509Certificate(der);
  expect(oracle.verify(oracle.publicKey)).toBe(true);
  const trust = intelTrust();
  expect(trust.links.get(linkName(certificate, certificate))).toBe(true);
});

test('a chain with the built-in certificate gives the one that was read at the start', () => {
  const [left] = readChain(der, intelTrust());
  const [right] = readChain(der, intelTrust());
  expect(left).toBe(right);
});

test('one bit of difference is another certificate, of which nothing is known', () => {
  const changed = Uint8Array.from(der);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  const trust = intelTrust();
  const [certificate] = readChain(changed, trust);
  if (certificate === undefined) throw new Error('nothing was read');
  expect(trust.links.get(linkName(certificate, certificate))).toBeUndefined();
});

test('who does not trust Intel knows nothing of its certificate', () => {
  const trust = dcapTrust([{ name: 'another', publicKey: new Uint8Array(91) }]);
  expect([trust.certificates.size, trust.links.size]).toEqual([0, 0]);
  expect(() => dcapTrust([])).toThrow('no trust anchor');
});

test('a built-in key outlives the clearing of a cache, others do not', () => {
  const { publicKey } = parseCertificate(der);
  const keys = new KeyCache(1);
  const before = keys.key(publicKey);
  keys.clear();
  expect(keys.key(publicKey)).not.toBe(before);
  keys.keep(publicKey);
  const kept = keys.key(publicKey);
  keys.clear();
  expect(keys.key(publicKey)).toBe(kept);
  expect(vendorKeys.key(publicKey)).toBe(vendorKeys.key(publicKey));
  expect(() => keys.keep({ ...publicKey, key: new Uint8Array(65) })).toThrow('does not import');
});
