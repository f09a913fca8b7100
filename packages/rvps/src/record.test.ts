import { canonicalJson, encodeUtf8, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ReferenceValue } from './contract.js';
import { decodeChange, decodeRecord, encodeChange, encodeRecord } from './record.js';

const second = fc.integer({ min: 0, max: 4_000_000_000 }).map((s) => s * 1000);
/** What may be set: `ReferenceValues` refuses the rest, integers that lose digits among it. */
const value = (fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<JsonValue>).filter((json) => {
  try {
    parseJsonStrict(canonicalJson(json));
    return true;
  } catch {
    return false;
  }
});
const words = fc.string();
const damaged = (decode: () => unknown): void => {
  try {
    decode();
  } catch (error) {
    expect(error).toMatchObject({ code: 'storage.record.intact', message: 'record ns/key does not decode' });
  }
};

describe('stored records', () => {
  test('come back as they were', () => {
    const record: fc.Arbitrary<ReferenceValue> = fc.record({
      name: words,
      // -0 is 0 in JSON
      value: value.map((json) => JSON.parse(JSON.stringify(json)) as JsonValue),
      publisher: words,
      registeredAt: second.map((time) => time + 7),
      expires: fc.option(second, { nil: undefined }),
      version: fc.integer({ min: 1 }),
      source: words,
    });
    fc.assert(
      fc.property(record, (stored) => {
        expect(decodeRecord(encodeRecord(stored), 'ns', 'key')).toEqual(stored);
      }),
      { numRuns: fuzzRuns(200) },
    );
  });

  test('changes come back as they were', () => {
    const by = { subject: 'ana', method: 'local' };
    const set = { name: 'x', version: 3, change: 'set', at: 5, by, source: 'set', value: [1], expires: 9000 } as const;
    const withdrawn = { name: 'x', version: 4, change: 'delete', at: 6, by, source: 'delete', reason: 'r' } as const;
    for (const change of [set, { ...set, attempt: 'a', reason: 'b' }, withdrawn])
      expect(decodeChange(encodeChange(change), 'ns', 'key')).toEqual(change);
  });

  test('fuzz: any other bytes are a damaged record, and nothing else', () => {
    const members = fc.record(
      {
        version: fc.constantFrom('0.1.0', 1, '2', 3),
        name: fc.oneof(words, fc.nat()),
        value,
        expiration: fc.oneof(fc.constantFrom('2030-01-01T00:00:00Z', 'soon', 7)),
        publisher: fc.oneof(words, fc.constant(null)),
        registered_at: fc.constantFrom('2026-01-01T00:00:00.000Z', '', 1),
        at: fc.constantFrom('2026-01-01T00:00:00.000Z', '', 1),
        change: fc.constantFrom(1, 0, 1.5, 'set', 'delete', 'move'),
        by: fc.oneof(fc.constantFrom({ subject: 'a', method: 'b' }, { subject: 1 }, 'a', null)),
        source: fc.oneof(words, fc.constant(1)),
      },
      { requiredKeys: [] },
    );
    const inputs = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      members.map((json) => encodeUtf8(JSON.stringify(json).replace(/\p{Cs}/gu, '?'))),
    );
    fc.assert(
      fc.property(inputs, (bytes) => {
        damaged(() => decodeRecord(bytes, 'ns', 'key'));
        damaged(() => decodeChange(bytes, 'ns', 'key'));
      }),
      { numRuns: fuzzRuns(500) },
    );
  });
});
