import type { JsonValue } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import { encode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ANCHOR, documentOf, NOW, parts } from './document.test.helper.js';
import { nitroTrustIn } from './roots.js';
import { createNitroVerifier } from './verifier.js';
import { verifyNitroDocument } from './verify.js';

const trust = nitroTrustIn([ANCHOR]);
const verify = (document: Uint8Array) =>
  verifyNitroDocument({ document, trust, rules: {}, now: NOW, clock: "this server's clock" });
const original = documentOf();

/** Bytes with a few changes: octets set, a piece cut out, a piece doubled. Never the bytes themselves. */
const mutated = (bytes: Uint8Array): fc.Arbitrary<Uint8Array> => {
  const place = fc.nat(bytes.length - 1);
  const length = fc.integer({ min: 1, max: 64 });
  const octets = fc
    .array(fc.tuple(place, fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const copy = Uint8Array.from(bytes);
      for (const [at, difference] of changes) copy[at] = (copy[at] ?? 0) ^ difference;
      return copy;
    });
  const cut = fc
    .tuple(place, length)
    .map(([at, count]) => Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + count)]));
  const doubled = fc
    .tuple(place, length)
    .map(([at, count]) => Uint8Array.from([...bytes.subarray(0, at + count), ...bytes.subarray(at)]));
  return fc
    .oneof({ weight: 6, arbitrary: octets }, cut, doubled, fc.uint8Array({ maxLength: 512 }))
    .filter((changed) => Buffer.compare(changed, bytes) !== 0);
};

test('the original is accepted', () => {
  expect(verify(original).authentic).toBeDefined();
});

describe('fuzz: no change goes unnoticed, and none throws', () => {
  test('document', () => {
    fc.assert(
      fc.property(mutated(original), (document) => {
        const { authentic, findings } = verify(document);
        expect(authentic).toBeUndefined();
        expect(findings.some(({ outcome }) => outcome === 'fail')).toBe(true);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });

  test('payload, in a message that stands', () => {
    const [header, unprotected, payload, signature] = parts();
    fc.assert(
      fc.property(mutated(payload as Uint8Array), (changed) => {
        expect(verify(encode([header, unprotected, changed, signature])).authentic).toBeUndefined();
      }),
      { numRuns: fuzzRuns(200) },
    );
  });

  test('evidence', () => {
    const verifier = createNitroVerifier({ roots: [ANCHOR] });
    const evidence = fc.oneof(fc.jsonValue(), fc.record({ document: fc.oneof(fc.jsonValue(), fc.base64String()) }));
    fc.assert(
      fc.property(evidence, (value) => {
        const input = { evidence: value as JsonValue, reportData: undefined, initData: undefined, now: NOW };
        expect(verifier.verify(input).accepted).toBe(false);
      }),
      { numRuns: fuzzRuns(200) },
    );
  });
});
