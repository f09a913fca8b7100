import type { JsonValue } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bundle, KEYS, NOW } from './bundle.test.helper.js';
import { readCertificateTable } from './endorsement/certificate-table.js';
import { createSnpVerifier } from './verifier.js';
import { verifySnpReport } from './verify.js';

const made = bundle({ crl: {} });
const { input } = made;

/** Bytes with a few changes: octets set, a piece cut out, a piece doubled. Never the bytes themselves. */
const mutated = (original: Uint8Array): fc.Arbitrary<Uint8Array> => {
  const place = fc.nat(original.length - 1);
  const octets = fc
    .array(fc.tuple(place, fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const bytes = Uint8Array.from(original);
      for (const [at, difference] of changes) bytes[at] = (bytes[at] ?? 0) ^ difference;
      return bytes;
    });
  const cut = fc
    .tuple(place, fc.integer({ min: 1, max: 64 }))
    .map(([at, length]) => Uint8Array.from([...original.subarray(0, at), ...original.subarray(at + length)]));
  const doubled = fc
    .tuple(place, fc.integer({ min: 1, max: 64 }))
    .map(([at, length]) => Uint8Array.from([...original.subarray(0, at + length), ...original.subarray(at)]));
  return fc
    .oneof({ weight: 6, arbitrary: octets }, cut, doubled, fc.uint8Array({ maxLength: 2048 }))
    .filter((bytes) => Buffer.compare(bytes, original) !== 0);
};

test('the original is accepted', () => {
  expect(verifySnpReport(input).authentic).toBeDefined();
});

describe('fuzz: no change goes unnoticed, and none throws', () => {
  test('report', () => {
    fc.assert(
      fc.property(mutated(made.report), (report) => {
        const { authentic, findings } = verifySnpReport({ ...input, report });
        expect(authentic).toBeUndefined();
        expect(findings.some(({ outcome }) => outcome === 'fail')).toBe(true);
      }),
      { numRuns: fuzzRuns(400) },
    );
  });

  test.each(['leaf', 'ask', 'ark', 'crl'] as const)('%s', (role) => {
    const original = made[role] ?? new Uint8Array();
    const { certificates } = input;
    fc.assert(
      fc.property(mutated(original), (bytes) => {
        const replaced = (list: readonly Uint8Array[]): Uint8Array[] =>
          list.map((one) => (one === original ? bytes : one));
        const changed = {
          leaves: replaced(certificates.leaves),
          authorities: replaced(certificates.authorities),
          crls: replaced(certificates.crls),
        };
        expect(verifySnpReport({ ...input, certificates: changed }).authentic).toBeUndefined();
      }),
      { numRuns: fuzzRuns(120) },
    );
  });

  test('evidence', () => {
    const verifier = createSnpVerifier({ roots: [{ name: 'test root', publicKey: KEYS.ark.spki }] });
    const evidence = fc.oneof(
      fc.jsonValue(),
      fc.record({ attestation_report: fc.jsonValue(), cert_chain: fc.jsonValue() }),
      fc.record({
        attestation_report: fc.base64String({ maxLength: 2400 }),
        cert_chain: fc.array(fc.record({ cert_type: fc.constantFrom('VCEK', 'ASK', 'CRL'), data: fc.jsonValue() })),
      }),
    );
    fc.assert(
      fc.property(evidence, (value) => {
        const result = verifier.verify({
          evidence: value as JsonValue,
          reportData: undefined,
          initData: undefined,
          now: NOW,
        });
        expect(result.accepted).toBe(false);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });

  test('certificate tables stay inside their bytes', () => {
    const header = fc
      .uint8Array({ minLength: 24, maxLength: 24 })
      .chain((entry) =>
        fc.uint8Array({ maxLength: 256 }).map((rest) => Uint8Array.from([...entry, ...new Uint8Array(24), ...rest])),
      );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 512 }), header), (table) => {
        const { certificates, finding } = readCertificateTable(table);
        const found = [...certificates.leaves, ...certificates.authorities, ...certificates.crls];
        if (finding.outcome === 'fail') expect(found).toEqual([]);
        for (const bytes of found)
          expect(bytes.byteOffset + bytes.length).toBeLessThanOrEqual(table.byteOffset + table.length);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});
