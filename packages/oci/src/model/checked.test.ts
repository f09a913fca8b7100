import { createHash, createHmac, randomBytes } from 'node:crypto';
import { encodeHex } from '@assay/bytes';
import { type Counted, countHere, type Digests } from '@assay/ocicrypt';
import { describe, expect, test, vi } from 'vitest';
import { countChecked } from './checked.js';
import { type Digest, sha256Digest } from './digest.js';

const key = randomBytes(32);
const sha256: Counted = { algorithm: 'sha256' };
const hmac: Counted = { algorithm: 'sha256', key };
const input = randomBytes(1000);
const output = randomBytes(1000);
const sha512 = `sha512:${createHash('sha512').update(input).digest('hex')}` as Digest;

const fed = async (digests: Digests, bytes: Uint8Array): Promise<Digests> => {
  await digests.update(0, bytes.subarray(0, 300));
  await digests.update(0, bytes.subarray(300));
  await digests.update(1, output);
  return digests;
};
const hex = (digests: readonly (readonly Uint8Array[])[]): readonly (readonly string[])[] =>
  digests.map((all) => all.map(encodeHex));
const expectedOf = (counted: readonly Counted[], bytes: Uint8Array): readonly string[] =>
  counted.map(({ algorithm, key: own }) =>
    (own === undefined ? createHash(algorithm) : createHmac(algorithm, own)).update(bytes).digest('hex'),
  );

describe.each([
  ['the digest is one that is asked for', sha256Digest(input), [hmac, sha256]],
  ['an HMAC alone is asked for', sha256Digest(input), [hmac]],
  ['the digest is of another algorithm', sha512, [sha256]],
])('where %s', (_, digest, asked) => {
  const counting = (size = input.length): Digests => countChecked({ digest, size }, countHere)([asked, [sha256]]);

  test('what is asked for comes back, and nothing else', async () => {
    const digests = await fed(counting(), input);
    expect(hex(await digests.finish())).toEqual([expectedOf(asked, input), expectedOf([sha256], output)]);
  });

  test('another input is refused at its end', async () => {
    const other = Uint8Array.from(input, (byte, index) => (index === 500 ? byte ^ 1 : byte));
    const digests = await fed(counting(), other);
    await expect(digests.finish()).rejects.toMatchObject({
      code: 'image.manifest.digest',
      finding: { expected: digest },
    });
  });

  test('a shorter input is refused at its end, a longer one at once', async () => {
    const short = await fed(counting(input.length + 1), input);
    await expect(short.finish()).rejects.toMatchObject({ finding: { actual: '1000 bytes instead of 1001' } });
    const digests = counting(input.length - 1);
    expect(() => digests.update(0, input)).toThrow('more than 999 bytes');
  });
});

test('what is counted is closed with it', () => {
  const close = vi.fn();
  const counting = { update: () => undefined, finish: async () => [], close };
  countChecked({ digest: sha256Digest(input), size: 1 }, () => counting)([[sha256], []]).close();
  expect(close).toHaveBeenCalledOnce();
});
