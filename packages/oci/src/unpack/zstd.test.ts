import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import { decodeByLibrary, decodeByStream, zstdDecompression } from './zstd.js';

type Decoder = Parameters<typeof zstdDecompression>[0];
interface Shape {
  readonly hasChecksum?: boolean;
  /** Log of the window's size; absent: all in a single segment. */
  readonly window?: number;
}

const block = (type: number, size: number, isLast: boolean, body: Buffer): Buffer => {
  const head = Buffer.alloc(3);
  head.writeUIntLE((size << 3) | (type << 1) | (isLast ? 1 : 0), 0, 3);
  return Buffer.concat([head, body]);
};

/** A frame of one block as it is, and one of a byte that is repeated: no compression is needed to try frames. */
function frame(text: string, repeated = 3, { hasChecksum = false, window }: Shape = {}): Buffer {
  const content = Buffer.from(text);
  const length = content.length + repeated;
  const size = length < 256 ? 1 : length < 65_792 ? 2 : 4;
  const sizes = Buffer.alloc(size);
  sizes.writeUIntLE(size === 2 ? length - 256 : length, 0, size);
  const flag = window === undefined ? 0x20 | ({ 1: 0, 2: 0x40, 4: 0x80 }[size] ?? 0) : 0;
  return Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, flag | (hasChecksum ? 4 : 0)]),
    window === undefined ? sizes : Buffer.from([(window - 10) << 3]),
    block(0, content.length, false, content),
    block(1, repeated, true, Buffer.from('!')),
    Buffer.alloc(hasChecksum ? 4 : 0, 7),
  ]);
}
const whole = (text: string, repeated = 3): string => text + '!'.repeat(repeated);

function skippable(size: number, variant = 0): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a50 + variant);
  head.writeUInt32LE(size, 4);
  return Buffer.concat([head, Buffer.alloc(size, 0xff)]);
}

async function decompressed(bytes: Buffer, chunk: number, decode?: Decoder): Promise<string> {
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, n) =>
    bytes.subarray(n * chunk, (n + 1) * chunk),
  );
  const out: Uint8Array[] = [];
  await pipeline(Readable.from(chunks), zstdDecompression(decode), async (content: AsyncIterable<Uint8Array>) => {
    for await (const part of content) out.push(part);
  });
  return Buffer.concat(out).toString();
}

const decoders: readonly (readonly [string, Decoder])[] = [
  ['whichever there is', undefined],
  ['the library', decodeByLibrary],
];

describe.each(decoders)('by %s', (_, decode) => {
  test.each([1, 3, 20, 21, 22, 100_000])(
    'frames one after the other are all decompressed, %i bytes at a time',
    async (chunk) => {
      const shapes = [
        frame('one'),
        skippable(0),
        frame('', 5),
        skippable(70_000, 15),
        frame('three', 4, { window: 17 }),
      ];
      expect(await decompressed(Buffer.concat(shapes), chunk, decode)).toBe(
        whole('one') + whole('', 5) + whole('three', 4),
      );
      expect(await decompressed(Buffer.concat([skippable(5), frame('x'.repeat(300))]), chunk, decode)).toBe(
        whole('x'.repeat(300)),
      );
    },
  );

  test('nothing is nothing', async () => {
    expect(await decompressed(Buffer.alloc(0), 1, decode)).toBe('');
    expect(await decompressed(skippable(9), 4, decode)).toBe('');
  });

  test('what is cut off, or none, is refused', async () => {
    const good = frame('content', 100_000);
    for (let length = 1; length < good.length; length += 1)
      await expect(decompressed(good.subarray(0, length), 7, decode)).rejects.toThrow();
    for (const [bytes, why] of [
      [Buffer.concat([good, Buffer.from('more')]), 'no frame begins'],
      [skippable(9).subarray(0, 16), 'cut off'],
      [Buffer.concat([good.subarray(0, 9), block(3, 1, true, Buffer.alloc(1))]), 'no known kind'],
      [Buffer.concat([good.subarray(0, 9), block(0, 131_073, true, Buffer.alloc(131_073))]), 'no known kind or size'],
    ] as const)
      await expect(decompressed(bytes, 50, decode)).rejects.toThrow(why);
  });

  test('no frame has more memory than others give it', async () => {
    expect(await decompressed(frame('a', 1, { window: 27 }), 9, decode)).toBe('a!');
    await expect(decompressed(frame('a', 1, { window: 28 }), 9, decode)).rejects.toThrow('wants 268435456 bytes');
    // In a single segment: room for all of its content.
    const single = Buffer.from('28b52ffda0010000084b0000', 'hex');
    await expect(decompressed(single, 9, decode)).rejects.toThrow('wants 134217729 bytes');
  });
});

test('checksums are passed over by the library: a layer has digests', async () => {
  const bytes = Buffer.concat([frame('one', 3, { hasChecksum: true }), frame('two')]);
  expect(await decompressed(bytes, 5, decodeByLibrary)).toBe(whole('one') + whole('two'));
});

test('a stream has one frame, whole', async () => {
  const frames: Buffer[] = [];
  const decode = decodeByStream(() => {
    const parts: Buffer[] = [];
    return new Transform({
      transform: (part: Buffer, _, done) => {
        parts.push(part);
        done();
      },
      flush(done) {
        frames.push(Buffer.concat(parts));
        this.push(`frame ${frames.length}\n`);
        done(frames.length === 3 ? new Error('its content is wrong') : null);
      },
    });
  });
  const [one, two] = [frame('one', 3, { hasChecksum: true }), frame('two', 100_000)];
  expect(await decompressed(Buffer.concat([one, skippable(3), two]), 6, decode)).toBe('frame 1\nframe 2\n');
  expect(frames).toEqual([one, two]);
  await expect(decompressed(Buffer.concat([one, two]), 6, decode)).rejects.toThrow('its content is wrong');
});
