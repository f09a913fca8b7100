import { join } from 'node:path';
import { fuzzRuns, temporaryFolder } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BuiltinKms } from './builtin/builtin.js';
import { open, rewrap, seal } from './envelope.js';

const root = temporaryFolder('assay-kms-');

const kms = new BuiltinKms({ directory: join(root, 'kek') });
const name = { ns: 'repository', key: 'default/key/1', version: 3 };
const secret = new TextEncoder().encode('a secret that must not be found in the clear');
const refusal = (code: RegExp) => expect.objectContaining({ code: expect.stringMatching(code) });
const anyRefusal = refusal(/^(storage\.record\.intact|kms\.key\.(unwraps|present))$/);

describe('sealing', () => {
  test('opens to the same bytes, of any length, and never twice the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), fc.uint8Array({ maxLength: 40 }), async (plaintext, aad) => {
        const [first, second] = [await seal(kms, plaintext, aad), await seal(kms, plaintext, aad)];
        expect(await open(kms, first, aad)).toEqual(plaintext);
        expect(await open(kms, second, aad)).toEqual(plaintext);
        expect(Buffer.from(first).equals(second)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  test('has the lengths of its format, and no plaintext in it', async () => {
    const sealed = await seal(kms, secret, name);
    const wrappedLength = 1 + 8 + 12 + 32 + 16;
    expect(sealed.byteLength).toBe(3 + wrappedLength + 12 + secret.byteLength + 16);
    expect([sealed[0], sealed[1], sealed[2], sealed[3]]).toEqual([1, 0, wrappedLength, 1]);
    expect(Buffer.from(sealed).includes(Buffer.from(secret.subarray(0, 8)))).toBe(false);
  });

  test('opens under no other context', async () => {
    const sealed = await seal(kms, secret, name);
    const others = [
      { ...name, ns: 'kbs' },
      { ...name, key: 'default/key/2' },
      { ...name, version: 4 },
      { ns: 'repository', key: 'default/key/1' },
      { ns: 'repositorydefault', key: '/key/1', version: 3 },
      new Uint8Array(0),
    ];
    for (const other of others) await expect(open(kms, sealed, other)).rejects.toEqual(refusal(/^kms\.key\.unwraps$/));
    expect(await open(kms, sealed, { ...name })).toEqual(secret);
  });

  test('a change of any byte, and any other length, is refused', async () => {
    const sealed = await seal(kms, secret, name);
    for (let at = 0; at < sealed.byteLength; at++) {
      const changed = new Uint8Array(sealed);
      changed[at] = (changed[at] as number) ^ (1 << (at % 8));
      await expect(open(kms, changed, name), `byte ${at}`).rejects.toEqual(anyRefusal);
    }
    for (let length = 0; length < sealed.byteLength; length++)
      await expect(open(kms, sealed.subarray(0, length), name), `length ${length}`).rejects.toEqual(anyRefusal);
    await expect(open(kms, Buffer.concat([sealed, Buffer.alloc(1)]), name)).rejects.toEqual(anyRefusal);
  });

  test('each region gives the error that says what is wrong', async () => {
    const sealed = await seal(kms, secret, name);
    const flipped = async (at: number): Promise<unknown> => {
      const changed = new Uint8Array(sealed);
      changed[at < 0 ? sealed.byteLength + at : at] = (changed.at(at) as number) ^ 1;
      return open(kms, changed, name).catch((error: { code: string }) => error.code);
    };
    const wrapped = 3;
    const body = wrapped + 69;
    expect(await flipped(0)).toBe('storage.record.intact'); // version
    expect(await flipped(1)).toBe('storage.record.intact'); // length
    expect(await flipped(wrapped)).toBe('kms.key.unwraps'); // version of the wrapping
    expect(await flipped(wrapped + 1)).toBe('kms.key.present'); // KEK id
    expect(await flipped(wrapped + 9)).toBe('kms.key.unwraps'); // nonce of the wrapping
    expect(await flipped(wrapped + 21)).toBe('kms.key.unwraps'); // wrapped DEK
    expect(await flipped(body - 1)).toBe('kms.key.unwraps'); // tag of the wrapping
    expect(await flipped(body)).toBe('storage.record.intact'); // nonce
    expect(await flipped(body + 12)).toBe('storage.record.intact'); // ciphertext
    expect(await flipped(-1)).toBe('storage.record.intact'); // tag
  });

  test('the body of one sealed value does not open with the wrapped key of another', async () => {
    const [one, two] = [await seal(kms, secret, name), await seal(kms, secret, name)];
    const mixed = Buffer.concat([one.subarray(0, 72), two.subarray(72)]);
    await expect(open(kms, mixed, name)).rejects.toEqual(refusal(/^storage\.record\.intact$/));
  });

  test('errors name the record and hold no secret', async () => {
    const sealed = await seal(kms, secret, name);
    const error = await open(kms, sealed.subarray(1), name).catch((e: unknown) => e);
    expect(error).toMatchObject({ message: 'record repository/default/key/1 does not decode' });
    const shown = JSON.stringify(error, Object.getOwnPropertyNames(error));
    expect(shown).not.toContain('must not be found');
  });
});

describe('rewrapping', () => {
  test('after a rotation: the same secret under the new key, the body unchanged', async () => {
    const rotating = new BuiltinKms({ directory: join(root, 'rotating') });
    const old = rotating.currentKey;
    const sealed = await seal(rotating, secret, name);
    const current = rotating.rotate();
    expect(current).not.toBe(old);
    expect(await open(rotating, sealed, name)).toEqual(secret);
    const renewed = await rewrap(rotating, sealed, name);
    expect(await open(rotating, renewed, name)).toEqual(secret);
    expect(Buffer.from(renewed.subarray(72)).equals(sealed.subarray(72))).toBe(true);
    expect(Buffer.from(renewed).includes(Buffer.from(current, 'hex'))).toBe(true);
    expect(Buffer.from(renewed).includes(Buffer.from(old, 'hex'))).toBe(false);
    await expect(rewrap(rotating, sealed, { ...name, key: 'x' })).rejects.toEqual(refusal(/^kms\.key\.unwraps$/));
  });
});

describe('fuzz', () => {
  test('open refuses any bytes with a known code, and never anything else', async () => {
    const sealed = await seal(kms, secret, name);
    const mutated = fc
      .array(fc.tuple(fc.nat(sealed.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
      .map((changes) => {
        const bytes = new Uint8Array(sealed);
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      })
      .filter((bytes) => !Buffer.from(bytes).equals(sealed));
    const framed = fc
      .tuple(fc.nat(5000), fc.uint8Array({ maxLength: 300 }))
      .map(([length, rest]) => Uint8Array.of(1, length >> 8, length & 0xff, ...rest));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 300 }), framed, mutated), async (bytes) => {
        await expect(open(kms, bytes, name)).rejects.toEqual(anyRefusal);
      }),
      { numRuns: fuzzRuns(500) },
    );
  });
});
