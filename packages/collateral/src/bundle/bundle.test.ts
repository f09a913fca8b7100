import { generateKeyPairSync } from 'node:crypto';
import { DecodeError } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CollateralRecord } from '../item/record.js';
import { exportBundle, importBundle, rawPublicKey } from './bundle.js';

const { privateKey } = generateKeyPairSync('ed25519');
const exporters = [{ name: 'site A', publicKey: rawPublicKey(privateKey) }];
const AT = new Date('2026-03-01T12:00:00Z');
const record = (key: string): CollateralRecord => ({
  key,
  pieces: { crl: Uint8Array.of(1) },
  fetchedAt: AT,
  fetchedFrom: 'vendor.example',
});
const bundle = exportBundle([record('intel/root-crl'), record('amd/crl/vcek/Milan')], privateKey, AT);

test('comes back from a known exporter, in order, and says where it came from', () => {
  const { finding, bundle: read } = importBundle(bundle, exporters, 'b.json');
  expect(finding).toMatchObject({ id: 'collateral.bundle.signature', outcome: 'pass' });
  expect(read?.exportedAt).toEqual(AT);
  expect(read?.records.map(({ key, fetchedFrom }) => [key, fetchedFrom])).toEqual([
    ['amd/crl/vcek/Milan', 'bundle of site A'],
    ['intel/root-crl', 'bundle of site A'],
  ]);
});

test('certificates of single machines stay behind', () => {
  const some = exportBundle([record('intel/pck-certificate/00'), record('intel/root-crl')], privateKey, AT);
  expect(importBundle(some, exporters, 'b.json').bundle?.records.map(({ key }) => key)).toEqual(['intel/root-crl']);
});

test('is refused from an unknown exporter, or when it was edited', () => {
  const other = generateKeyPairSync('ed25519').privateKey;
  const strange = importBundle(exportBundle([], other, AT), exporters, 'b.json');
  expect(strange.finding).toMatchObject({ outcome: 'fail', title: expect.stringContaining('site A') });
  expect(strange.bundle).toBeUndefined();
  const document = JSON.parse(Buffer.from(bundle).toString()) as { payload: string };
  const payload = Buffer.from(document.payload, 'base64').toString().replace('root-crl', 'root-crx');
  const edited = { ...document, payload: Buffer.from(payload).toString('base64') };
  const result = importBundle(Buffer.from(JSON.stringify(edited)), exporters, 'b.json');
  expect(result.finding).toMatchObject({ outcome: 'fail', causes: [{ text: 'edited after it was signed' }] });
  expect(result.bundle).toBeUndefined();
});

test('only Ed25519 keys sign', () => {
  const { privateKey: wrong } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  expect(() => exportBundle([], wrong, AT)).toThrow(TypeError);
});

test('fuzz: a mutated bundle is never taken', () => {
  fc.assert(
    fc.property(fc.nat(bundle.length - 2), fc.integer({ min: 1, max: 255 }), (at, change) => {
      try {
        const { bundle: read } = importBundle(bundle.with(at, (bundle[at] ?? 0) ^ change), exporters, 'b.json');
        // A change in the white space of the envelope or in unused letters changes nothing that is signed.
        if (read !== undefined) expect(read).toEqual(importBundle(bundle, exporters, 'b.json').bundle);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }),
    { numRuns: fuzzRuns(500) },
  );
});
