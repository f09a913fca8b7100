import { randomBytes } from 'node:crypto';
import { decodeBase64, encodeBase64, type JsonObject, type JsonValue } from '@assay/bytes';
import { createTpmVerifier, type VerifierResult } from '@assay/evidence';
import { akRootsOf, examineAkCertificate, parseAkCertificates, readAk, trustedAkList } from '@assay/evidence/tpm';
import { parseCertificates } from '@assay/evidence/x509';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTestWorld, tpmEvidence } from '../index.js';
import { mutated } from '../testing/mutated.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const REPORT_DATA = Uint8Array.from(randomBytes(48));
const world = createTestWorld({ now: () => NOW, random: randomBytes });
const whole = tpmEvidence(world, REPORT_DATA, { certificate: 'none' });
const quote = whole['tpm_quote'] as { readonly [member: string]: JsonValue };
const bytesOf = (text: JsonValue | undefined): Uint8Array => decodeBase64(text as string);
const name = readAk(bytesOf(whole['ak_public'])).ak?.identity.name ?? '';
// By Name: then the whole public area is what was enrolled.
const verifier = createTpmVerifier({ trustedAks: trustedAkList([{ name, source: 'enrolled' }]) });

function verify(evidence: JsonValue): VerifierResult {
  return verifier.verify({
    evidence,
    reportData: [{ bytes: REPORT_DATA, algorithm: 'sha384', members: 'nonce, tee-pubkey' }],
    initData: undefined,
    now: NOW,
  });
}

test('the original is accepted', () => {
  expect(verify(whole).accepted).toBe(true);
});

describe('fuzz: no change goes unnoticed, and none throws', () => {
  const inQuote =
    (member: string) =>
    (bytes: Uint8Array): JsonObject => ({
      ...whole,
      tpm_quote: { ...quote, [member]: encodeBase64(bytes) },
    });
  test.each<[string, Uint8Array, (bytes: Uint8Array) => JsonObject]>([
    ['attest structure', bytesOf(quote['message']), inQuote('message')],
    ['signature', bytesOf(quote['signature']), inQuote('signature')],
    ['public area', bytesOf(whole['ak_public']), (bytes) => ({ ...whole, ak_public: encodeBase64(bytes) })],
  ])('%s', (_, original, put) => {
    fc.assert(
      fc.property(mutated(original), (bytes) => {
        const result = verify(put(bytes));
        expect(result.accepted).toBe(false);
        expect(result.findings.some(({ outcome }) => outcome === 'fail')).toBe(true);
      }),
      { numRuns: fuzzRuns(150) },
    );
  });

  test('values of registers', () => {
    const values = quote['pcrs'] as readonly string[];
    fc.assert(
      fc.property(fc.nat(23), fc.nat(63), fc.integer({ min: 1, max: 15 }), (register, digit, difference) => {
        const value = [...(values[register] ?? '')];
        value[digit] = (Number.parseInt(value[digit] ?? '0', 16) ^ difference).toString(16);
        const pcrs = values.map((text, index) => (index === register ? value.join('') : text));
        expect(verify({ ...whole, tpm_quote: { ...quote, pcrs } }).accepted).toBe(false);
      }),
      { numRuns: fuzzRuns(100) },
    );
  });

  test('event log: a register is accounted for by its measurements, or by none', () => {
    const measurements = (result: VerifierResult): ReadonlyMap<number, string> => {
      const log = result.accepted ? result.claimSets[0]?.claims['uefi_event_logs'] : undefined;
      const registers = new Map<number, string>();
      for (const { digests, index } of (log ?? []) as { index: number; digests: unknown }[])
        registers.set(index, `${registers.get(index) ?? ''} ${JSON.stringify(digests)}`);
      return registers;
    };
    const original = measurements(verify(whole));
    expect(original.size).toBe(10);
    fc.assert(
      fc.property(mutated(bytesOf(whole['event_log'])), (log) => {
        for (const [index, digests] of measurements(verify({ ...whole, event_log: encodeBase64(log) })))
          expect(digests).toBe(original.get(index));
      }),
      { numRuns: fuzzRuns(150) },
    );
  });

  test('AK certificate', () => {
    const leaf = world.tpm.akCertificate(world.tpm.machine());
    const roots = akRootsOf(parseCertificates(Buffer.from(world.tpm.intermediate().pem + world.tpm.root().pem)));
    const spki = readAk(bytesOf(whole['ak_public'])).ak?.spki ?? new Uint8Array();
    const problems = (bytes: Uint8Array): readonly string[] => {
      const [certificate] = parseAkCertificates(bytes);
      return certificate === undefined ? [] : examineAkCertificate(certificate, [], spki, roots, NOW).problems;
    };
    expect(problems(leaf.der)).toEqual([]);
    fc.assert(
      fc.property(mutated(leaf.der), (bytes) => {
        let found: readonly string[] = [];
        try {
          found = problems(bytes);
        } catch (error) {
          expect(error).toHaveProperty('name', 'DecodeError');
          return;
        }
        // Zeros behind a certificate are the padding of its NV index.
        const padded = Buffer.compare(bytes.subarray(0, leaf.der.length), leaf.der) === 0;
        expect(found.length > 0 || padded).toBe(true);
      }),
      { numRuns: fuzzRuns(150) },
    );
  });

  test('JSON of any form', () => {
    const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>;
    const members = fc.dictionary(fc.constantFrom('ak_public', 'ak_area', 'ak_cert', 'tpm_quote', 'event_log'), json);
    fc.assert(
      fc.property(fc.oneof(json, members), (evidence) => {
        expect(verify(evidence).accepted).toBe(false);
      }),
      { numRuns: fuzzRuns(150) },
    );
    const inner = fc.dictionary(fc.constantFrom('message', 'signature', 'pcrs'), json);
    fc.assert(
      fc.property(inner, (changed) => {
        const same = Object.keys(changed).length === 0;
        expect(verify({ ...whole, tpm_quote: { ...quote, ...changed } }).accepted).toBe(same);
      }),
      { numRuns: fuzzRuns(150) },
    );
  });
});
