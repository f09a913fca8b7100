import { DecodeError, type JsonObject, type JsonValue } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyFromJwk } from '../cose/index.js';
import { ccaTrust, parseTrustAnchors } from './stores/anchors.js';
import { parseReferenceValues } from './stores/references.js';
import { ANCHORS, ecKey, jwkOf, tokenOf } from './token.test.helper.js';
import { createCcaVerifier, VERAISON_EAR } from './verifier.js';
import { verifyCcaToken } from './verify.js';

const trust = ccaTrust(ANCHORS);
const original = tokenOf();

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
  expect(verifyCcaToken({ token: original, trust, rules: {} }).authentic).toBeDefined();
});

describe('fuzz: no change goes unnoticed, and none throws', () => {
  test('token', () => {
    // The unprotected headers are signed by nobody, and no claim is read from them: two empty maps in each message.
    const claims = JSON.stringify(verifyCcaToken({ token: original, trust, rules: {} }).token);
    fc.assert(
      fc.property(mutated(original), (token) => {
        const { authentic, findings } = verifyCcaToken({ token, trust, rules: {} });
        if (authentic === undefined) expect(findings.some(({ outcome }) => outcome === 'fail')).toBe(true);
        else expect(JSON.stringify(authentic.token)).toBe(claims);
      }),
      { numRuns: fuzzRuns(400) },
    );
  });

  test('evidence', () => {
    const verifier = createCcaVerifier({ anchors: ANCHORS });
    const bytes = fc.array(fc.nat(300), { maxLength: 64 });
    const evidence = fc.oneof(fc.jsonValue(), fc.record({ token: fc.oneof(fc.jsonValue(), bytes) }));
    fc.assert(
      fc.property(evidence, (value) => {
        const input = { evidence: value as JsonValue, reportData: undefined, initData: undefined, now: new Date(0) };
        expect(verifier.verify(input).accepted).toBe(false);
      }),
      { numRuns: fuzzRuns(200) },
    );
  });

  test('results of Veraison', () => {
    const token = [...original];
    const { key } = keyFromJwk(jwkOf(ecKey('P-256')) as JsonObject);
    const verifier = createCcaVerifier({ veraison: { curve: 'P-256', key } });
    const part = fc.oneof(
      fc.base64String().map((text) => text.replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_')),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
      fc.constant(Buffer.from('{"alg":"ES256"}').toString('base64url')),
    );
    const ear = fc.oneof(
      fc.uint8Array({ maxLength: 256 }),
      fc.tuple(part, part, part).map((parts) => new TextEncoder().encode(parts.join('.'))),
    );
    fc.assert(
      fc.property(ear, (bytes) => {
        const input = { evidence: { token }, reportData: undefined, initData: undefined, now: new Date(0) };
        const result = verifier.verify({ ...input, endorsements: { [VERAISON_EAR]: bytes } });
        expect(result.accepted).toBe(false);
      }),
      { numRuns: fuzzRuns(200) },
    );
  });

  test('stores', () => {
    const text = fc.oneof(fc.json(), fc.string()).map((one) => new TextEncoder().encode(one));
    fc.assert(
      fc.property(text, (bytes) => {
        for (const parse of [parseTrustAnchors, parseReferenceValues]) {
          try {
            parse(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        }
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});
