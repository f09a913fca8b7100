import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { isSessionId, newSessionId, parseAttemptId, Ulids, ulidFloor } from './ids.js';

const zeros = (n: number) => new Uint8Array(n);
const ones = (n: number) => new Uint8Array(n).fill(255);

test('a ULID is ten characters of time and sixteen of randomness', () => {
  // Example of the ULID specification: 1469918176385 is 01ARYZ6S41.
  expect(new Ulids(zeros).next(new Date(1469918176385))).toBe(`01aryz6s41${'0'.repeat(16)}`);
  expect(new Ulids(ones).next(new Date(1469918176385))).toBe(`01aryz6s41f${'z'.repeat(15)}`);
  expect(ulidFloor(new Date(0))).toBe('0'.repeat(26));
});

test('ids sort by time', () => {
  const times = [0, 1, 31, 32, 1_000_000, 1_763_719_200_000, 1_763_719_200_001];
  const source = new Ulids(randomBytes);
  const ids = times.map((time) => source.next(new Date(time)));
  expect([...ids].sort()).toEqual(ids);
});

test('of one source each is greater than the last, whatever the clock does', () => {
  const source = new Ulids(() => new Uint8Array(10).fill(255));
  const ids = [5, 5, 5, 4, 1, 6].map((time) => source.next(new Date(time)));
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(6);
});

test('attempt ids are read in either case, and nothing else is', () => {
  const id = new Ulids(randomBytes).next(new Date());
  expect(parseAttemptId(id.toUpperCase())).toBe(id);
  for (const wrong of [
    '',
    'x',
    `${id}0`,
    id.slice(1),
    id.replace(/.$/, 'u'),
    `8${id.slice(1)}`,
    '../../../../etc/passwd/aaaa',
  ])
    expect(parseAttemptId(wrong)).toBeUndefined();
});

test('session ids are UUIDv4 as 32 hex digits', () => {
  expect(newSessionId(zeros)).toBe('00000000000040008000000000000000');
  expect(newSessionId(ones)).toBe('ffffffffffff4fffbfffffffffffffff');
  expect(isSessionId(newSessionId(randomBytes))).toBe(true);
  for (const wrong of ['', 'FFFFFFFFFFFF4FFFBFFFFFFFFFFFFFFF', 'a'.repeat(31), '../nonce', `${'a'.repeat(32)}\n`])
    expect(isSessionId(wrong)).toBe(false);
});

test('a random source that gives too little is noticed', () => {
  expect(() => newSessionId(() => new Uint8Array(3))).toThrow(/gave 3 bytes/);
});
