import { DecodeError } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Item, itemKey, itemName, itemSubject } from './item.js';
import { parseItemKey } from './parse-key.js';
import { type CollateralRecord, decodeRecord, encodeRecord } from './record.js';

const tcb = { bootloader: 4, tee: 0, snp: 24, microcode: 219 };
const hwId = 'ab'.repeat(64);
const ITEMS: readonly Item[] = [
  { kind: 'tcb-info', tee: 'tdx', fmspc: 'a55a00000000', update: 'early' },
  { kind: 'tcb-info', tee: 'sgx', fmspc: 'a55a00000000', update: 17 },
  { kind: 'qe-identity', tee: 'sgx', update: 'standard' },
  { kind: 'pck-crl', ca: 'processor' },
  { kind: 'root-crl' },
  { kind: 'vcek', product: 'Milan', hwId, tcb },
  { kind: 'vcek', product: 'Turin', hwId: 'ab'.repeat(8), tcb: { fmc: 1, ...tcb } },
  { kind: 'amd-chain', product: 'Genoa', key: 'vlek' },
  { kind: 'amd-crl', product: 'Turin', key: 'vcek' },
];

describe('keys', () => {
  test.each(ITEMS.map((item) => [itemKey(item), item] as const))('%s comes back', (key, item) => {
    expect(parseItemKey(key)).toEqual(item);
    expect(itemName(item)).toMatch(/^[A-Z a-z()]+$/);
    expect(itemSubject(item)).not.toBe('');
  });

  test('all differ', () => {
    expect(new Set(ITEMS.map(itemKey)).size).toBe(ITEMS.length);
  });

  test.each([
    { kind: 'tcb-info', tee: 'tdx', fmspc: 'A55A00000000', update: 'early' },
    { kind: 'tcb-info', tee: 'tdx', fmspc: '../../x', update: 'early' },
    { kind: 'tcb-info', tee: 'tdx', fmspc: 'a55a00000000', update: -1 },
    { kind: 'vcek', product: 'Milan', hwId: 'ab', tcb },
    { kind: 'vcek', product: 'Milan', hwId, tcb: { ...tcb, snp: 256 } },
    {
      kind: 'pck-certificate',
      request: { encryptedPpid: 'zz', cpuSvn: '00', pceSvn: '0d00', pceId: '0000' },
    },
  ] satisfies Item[])('what is no item has no key: %j', (item) => {
    expect(() => itemKey(item)).toThrow(RangeError);
  });

  test('a PCK certificate shows no platform in its key', () => {
    const request = { encryptedPpid: 'ab'.repeat(384), cpuSvn: '00'.repeat(16), pceSvn: '0d00', pceId: '0000' };
    const key = itemKey({ kind: 'pck-certificate', request });
    expect(key).toMatch(/^intel\/pck-certificate\/[0-9a-f]{32}$/);
    expect(parseItemKey(key)).toBeUndefined();
  });

  test('fuzz: a text is the one key of its item, or none', () => {
    const near = fc
      .constantFrom(...ITEMS.map(itemKey))
      .chain((key) =>
        fc
          .tuple(fc.nat(key.length), fc.string({ maxLength: 3 }))
          .map(([at, text]) => key.slice(0, at) + text + key.slice(at)),
      );
    fc.assert(
      fc.property(fc.oneof(fc.string(), near), (text) => {
        const item = parseItemKey(text);
        if (item !== undefined) expect(itemKey(item)).toBe(text);
      }),
      { numRuns: fuzzRuns(500) },
    );
  });
});

describe('records', () => {
  const record: CollateralRecord = {
    key: 'intel/root-crl',
    pieces: { root_ca_crl: Uint8Array.of(1, 2, 3) },
    issued: new Date('2026-03-01T00:00:00Z'),
    nextUpdate: new Date('2026-03-31T00:00:00Z'),
    fetchedAt: new Date('2026-03-01T12:00:00.123Z'),
    fetchedFrom: 'vendor.example',
  };

  test('come back', () => {
    expect(decodeRecord(encodeRecord(record))).toEqual(record);
    const { issued: _, nextUpdate: __, ...undated } = record;
    expect(decodeRecord(encodeRecord(undated))).toEqual(undated);
  });

  test.each([
    ['version', { version: 2 }],
    ['no key', { key: '' }],
    ['no pieces', { pieces: {} }],
    ['piece that is no base64', { pieces: { a: '*' } }],
    ['name of a piece', { pieces: { 'a/b': 'AAAA' } }],
    ['date', { issued: 'yesterday' }],
    ['unknown member', { more: 1 }],
  ])('%s is refused', (_, change) => {
    const json = { ...JSON.parse(Buffer.from(encodeRecord(record)).toString()), ...change };
    expect(() => decodeRecord(Buffer.from(JSON.stringify(json)))).toThrow(DecodeError);
  });

  test('fuzz: mutated records are read or refused with DecodeError', () => {
    const good = encodeRecord(record);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        try {
          decodeRecord(good.with(at, byte));
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error;
        }
      }),
      { numRuns: fuzzRuns(500) },
    );
  });
});
