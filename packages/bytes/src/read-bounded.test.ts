import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { readBounded } from './read-bounded.js';

const chunks = [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)];

test.each([3, 4])('what is no longer than %i bytes is read whole', async (most) => {
  const bytes = await readBounded(Readable.from(chunks), most, 'an answer');
  expect(bytes).toEqual(Uint8Array.of(1, 2, 3));
  expect(bytes.buffer.byteLength).toBe(3);
});

test('many small chunks are no more than their bytes', async () => {
  const many = Readable.from(
    (function* () {
      for (let at = 0; at < 200_000; at += 1) yield Uint8Array.of(at & 0xff);
    })(),
  );
  const bytes = await readBounded(many, 200_000, 'an answer');
  expect([bytes.length, bytes[199_999]]).toEqual([200_000, 199_999 & 0xff]);
});

test('nothing is read as nothing', async () => {
  expect(await readBounded(Readable.from([]), 0, 'an answer')).toEqual(new Uint8Array());
});

test('one byte too many ends the reading, and the stream', async () => {
  let given = 0;
  const endless = Readable.from(
    (async function* () {
      for (;;) {
        given += 1;
        yield Uint8Array.of(given);
      }
    })(),
    { objectMode: true, highWaterMark: 1 },
  );
  await expect(readBounded(endless, 5, 'an answer')).rejects.toThrow(new RangeError('an answer longer than 5 bytes'));
  expect(endless.destroyed).toBe(true);
  expect(given).toBeLessThan(10);
});

test('a stream that fails says why', async () => {
  const failing = Readable.from(
    (async function* () {
      yield Uint8Array.of(1);
      throw new Error('away');
    })(),
  );
  await expect(readBounded(failing, 5, 'an answer')).rejects.toThrow('away');
});
