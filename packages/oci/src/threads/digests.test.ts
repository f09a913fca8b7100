import { createHash, createHmac, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { encodeHex } from '@assay/bytes';
import { type Counted, type Digests, LayerDecryption, LayerEncryption } from '@assay/ocicrypt';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { countBeside } from './digests.js';

/** As many as there must be for a thread to be started. */
const LARGE = 16 * 1024 * 1024;
const key = randomBytes(32);
const streams: readonly (readonly Counted[])[] = [
  [{ algorithm: 'sha256' }, { algorithm: 'sha256', key }],
  [{ algorithm: 'sha512' }],
];

vi.mock('node:os', async (actual) => ({
  ...(await actual<typeof import('node:os')>()),
  availableParallelism: () => 2,
}));

/** How many threads the system has left; those that were started. */
const system = vi.hoisted(() => ({ left: Number.POSITIVE_INFINITY, started: [] as { threadId: number }[] }));
vi.mock('node:worker_threads', async (actual) => {
  const { Worker, ...others } = await actual<typeof import('node:worker_threads')>();
  class Bounded extends Worker {
    constructor(...made: ConstructorParameters<typeof Worker>) {
      if (system.left <= 0) throw new Error('no thread is left');
      super(...made);
      system.left -= 1;
      system.started.push(this);
    }
  }
  return { ...others, Worker: Bounded };
});

let open: Digests[] = [];
const counting = (size: number, what = streams): Digests => {
  const digests = countBeside(size)(what);
  open.push(digests);
  return digests;
};
afterEach(() => {
  for (const digests of open) digests.close();
  open = [];
});

describe.each([
  ['here', 0],
  ['in a thread', LARGE],
])('digests that are counted %s', (_, size) => {
  test.each([1, 1000, 1024 * 1024, 9 * 1024 * 1024])(
    'are those of the streams, in chunks of %i bytes',
    async (chunk) => {
      const length = Math.min(10 * 1024 * 1024 + 7, chunk * 1000);
      const data = [randomBytes(length), randomBytes(length)] as const;
      const digests = counting(size);
      for (let at = 0; at < length; at += chunk) {
        for (const [stream, bytes] of data.entries()) {
          const copy = Buffer.from(bytes.subarray(at, at + chunk));
          await digests.update(stream, copy);
          copy.fill(0);
        }
      }
      const expected = [
        [createHash('sha256').update(data[0]).digest('hex'), createHmac('sha256', key).update(data[0]).digest('hex')],
        [createHash('sha512').update(data[1]).digest('hex')],
      ];
      expect((await digests.finish()).map((all) => all.map(encodeHex))).toEqual(expected);
    },
  );

  test('of nothing are those of nothing', async () => {
    const [[sha256] = []] = await counting(size).finish();
    expect(encodeHex(sha256 ?? new Uint8Array())).toBe(createHash('sha256').digest('hex'));
  });
});

test('a thread is started for large layers alone, and not more than processors allow', () => {
  const [small, first, second] = [counting(LARGE - 1), counting(LARGE), counting(LARGE)];
  expect([small, first, second].map((digests) => digests.constructor.name)).toEqual([
    'DigestsHere',
    'DigestsBeside',
    'DigestsHere',
  ]);
  first.close();
  first.close();
  expect(counting(LARGE).constructor.name).toBe('DigestsBeside');
  expect(counting(LARGE).constructor.name).toBe('DigestsHere');
});

test('one thread counts all streams where no other is left', async () => {
  counting(LARGE, [[{ algorithm: 'sha256' }]]);
  const digests = counting(LARGE);
  expect(digests.constructor.name).toBe('DigestsBeside');
  const data = [randomBytes(2_000_000), randomBytes(3_000_000)] as const;
  for (const [stream, bytes] of data.entries()) await digests.update(stream, bytes);
  expect((await digests.finish()).map((all) => all.map(encodeHex))).toEqual([
    [createHash('sha256').update(data[0]).digest('hex'), createHmac('sha256', key).update(data[0]).digest('hex')],
    [createHash('sha512').update(data[1]).digest('hex')],
  ]);
});

test.each([0, 1])(
  'where the system has %i threads left, digests are counted here, and none of them stays',
  async (left) => {
    system.left = left;
    system.started = [];
    try {
      const digests = counting(LARGE);
      expect(digests.constructor.name).toBe('DigestsHere');
      expect(system.started).toHaveLength(left);
      // An ended thread has no number any more.
      await vi.waitFor(() => expect(system.started.every(({ threadId }) => threadId === -1)).toBe(true));
    } finally {
      system.left = Number.POSITIVE_INFINITY;
    }
    expect(counting(LARGE).constructor.name).toBe('DigestsBeside');
  },
);

test('a thread that fails fails who waits for it, and who comes later', async () => {
  const digests = counting(LARGE, [[{ algorithm: 'unheard-of' }]]);
  await expect(digests.finish()).rejects.toThrow();
  await expect(digests.finish()).rejects.toThrow();
});

test('a large layer comes back as it was; a changed one is refused', async () => {
  const plain = randomBytes(7 * 1024 * 1024 + 5);
  const through = async (step: LayerEncryption | LayerDecryption, bytes: Uint8Array): Promise<Buffer> => {
    const out: Buffer[] = [];
    await pipeline(Readable.from([bytes.subarray(0, 100), bytes.subarray(100)]), step, async (results) => {
      for await (const result of results) out.push(result as Buffer);
    });
    return Buffer.concat(out);
  };
  const encryption = new LayerEncryption((length) => randomBytes(length), countBeside(LARGE));
  const ciphertext = await through(encryption, plain);
  const { privateOptions, publicOptions: own, digest } = encryption.result;
  expect(digest).toBe(`sha256:${createHash('sha256').update(ciphertext).digest('hex')}`);
  const publicOptions = { cipher: 'AES_256_CTR_HMAC_SHA256', ...own } as const;
  const decryption = () => new LayerDecryption(publicOptions, privateOptions, 'layer 0', countBeside(LARGE));
  expect((await through(decryption(), ciphertext)).equals(plain)).toBe(true);
  ciphertext[5_000_000] = (ciphertext[5_000_000] ?? 0) ^ 1;
  await expect(through(decryption(), ciphertext)).rejects.toMatchObject({ code: 'image.layer.hmac' });
});

test('a stream that is broken off leaves no thread behind', async () => {
  const encryption = new LayerEncryption((length) => randomBytes(length), countBeside(LARGE));
  const broken = pipeline(Readable.from([randomBytes(100_000)]), encryption, async () => {
    throw new Error('no room');
  });
  await expect(broken).rejects.toThrow('no room');
  // The one thread that may run is free again.
  expect(counting(LARGE).constructor.name).toBe('DigestsBeside');
});
