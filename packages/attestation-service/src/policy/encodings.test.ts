import type { JsonValue } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { absenceNote, claimPath, referenceParts, resolveClaim } from './claims.js';
import { diagnosePair } from './diagnose.js';
import { encodingOf, reversedBytes, sameBytes } from './encodings.js';

const HEX = 'a1f3930413247bb38cfc171579ea3c12d5fe4901f0c792f63fd75d98f1ef827c23500644e0e692e6be917f9050d3d38c';
const BASE64 = 'ofOTBBMke7OM/BcVeeo8EtX+SQHwx5L2P9ddmPHvgnwjUAZE4OaS5r6Rf5BQ09OM';

describe('the same bytes', () => {
  test.each<[string, string, string]>([
    ['base64', BASE64, 'base64'],
    ['base64url', BASE64.replaceAll('+', '-').replaceAll('/', '_'), 'base64url'],
    ['upper case', HEX.toUpperCase(), 'upper-case hex'],
    ['0x', `0x${HEX}`, 'hex with 0x'],
    ['colons', HEX.match(/../g)?.join(':') ?? '', 'hex with colons'],
    ['prefix', `sha384:${HEX}`, 'sha256: prefix'],
  ])('%s', (_, text, encoding) => {
    expect(sameBytes(HEX, text)).toMatchObject({ left: 'hex', right: encoding, bytes: 48, hex: HEX });
  });

  test('other bytes are not the same, nor are words', () => {
    expect(sameBytes(HEX, BASE64.replace('o', 'p'))).toBeUndefined();
    expect(sameBytes(HEX, HEX)).toBeUndefined();
    expect(sameBytes('UpToDate', 'OutOfDate')).toBeUndefined();
    expect(encodingOf('abcde')).toBeUndefined();
    expect(encodingOf(HEX)).toEqual({ encoding: 'hex', length: 48 });
  });

  test('reverse byte order', () => {
    expect(reversedBytes('0102030405060708', '0807060504030201')).toBe(true);
    expect(reversedBytes('0102030405060708', '0102030405060708')).toBe(false);
  });
});

describe('a pair', () => {
  test.each<[string, JsonValue, JsonValue, string, string | undefined]>([
    ['hex and base64', HEX, BASE64, '==', 'encoding'],
    ['one of the list', HEX, ['x', BASE64], 'in', 'encoding'],
    ['text and number', '3', 3, '==', 'type'],
    ['text and boolean in a list', 'true', [false, true], 'in', 'type'],
    ['`in` over a single text', 'aa', 'aa', 'in', 'type'],
    ['`==` with a list', 'aa', ['aa', 'bb'], '==', 'type'],
    ['white space', 'abc', 'abc\n', '==', 'near'],
    ['case', 'UpToDate', 'uptodate', '==', 'near'],
    ['prefix', HEX, HEX.slice(0, 40), '==', 'near'],
    ['unrelated', 'a', 'b', '==', undefined],
    ['null', 'a', null, 'in', undefined],
    ['order', 3, '4', '>=', undefined],
  ])('%s', (_, claim, wanted, operator, kind) => {
    expect(diagnosePair(claim, wanted, operator)?.kind).toBe(kind);
  });
});

describe('claim paths', () => {
  test('are read from references', () => {
    expect(referenceParts('input["az-snp-vtpm"].tpm.pcr11')).toEqual(['input', 'az-snp-vtpm', 'tpm', 'pcr11']);
    expect(referenceParts('data.policy[0]')).toEqual(['data', 'policy', '0']);
    expect(referenceParts('count(input.x)')).toBeUndefined();
    expect(claimPath('input')).toBeUndefined();
    expect(claimPath('data.x')).toBeUndefined();
  });

  test('lead as far as they go', () => {
    const input = { snp: { reported_tcb_bootloader: 3, list: [1] } };
    const resolve = (text: string) => resolveClaim(input, referenceParts(text) ?? []);
    expect(resolve('input.snp.reported_tcb_bootloader')).toMatchObject({ depth: 3, value: 3 });
    expect(resolve('input.snp.list[0]')).toMatchObject({ depth: 4, value: 1 });
    expect(resolve('input.snp.toString')).toMatchObject({ depth: 2 });
    const missing = ['input', 'snp', 'tcb_bootloader'];
    expect(absenceNote(missing, resolveClaim(input, missing))).toBe('input.snp.reported_tcb_bootloader exists');
    expect(absenceNote(['input', 'tdx'], resolveClaim(input, ['input', 'tdx']))).toBe('input has snp');
  });
});
