import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { beforeEach, describe, expect, test } from 'vitest';
import { BuiltinKms } from './builtin.js';

const root = temporaryFolder('assay-kms-');
let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(root, `${count++}`, 'kek');
});

const first = (): string => join(folder, 'kek-0001.key');
const dek = new Uint8Array(32).fill(5);
const context = new TextEncoder().encode('here');
const refusal = (code: string, title = /./, remedy = /./) =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(title),
    remedy: expect.stringMatching(remedy),
  });

describe('the key file', () => {
  test('is made once: 32 bytes, 0600, in a folder 0700, with nothing beside it', () => {
    const { currentKey } = new BuiltinKms({ directory: folder });
    expect(readdirSync(folder)).toEqual(['kek-0001.key']);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const stat = statSync(first());
    expect([stat.mode & 0o777, stat.size]).toEqual([0o600, 32]);
    const bytes = readFileSync(first());
    expect(new BuiltinKms({ directory: folder }).currentKey).toBe(currentKey);
    expect(readFileSync(first()).equals(bytes)).toBe(true);
    expect(bytes.includes(Buffer.from(currentKey, 'hex'))).toBe(false);
  });

  test('is 0600 under any umask', () => {
    const before = process.umask(0o277);
    try {
      mkdirSync(join(folder, '..'), { recursive: true, mode: 0o700 });
      chmodSync(join(folder, '..'), 0o700);
      mkdirSync(folder);
      chmodSync(folder, 0o700);
      new BuiltinKms({ directory: folder });
    } finally {
      process.umask(before);
    }
    expect(statSync(first()).mode & 0o777).toBe(0o600);
  });

  test.each([0o640, 0o604, 0o620, 0o700])('of mode %o is refused', (mode) => {
    new BuiltinKms({ directory: folder });
    chmodSync(first(), mode);
    expect(() => new BuiltinKms({ directory: folder })).toThrow(
      refusal('kms.key.file', /mode is 0\d+, not 0600/, /chmod 600/),
    );
  });

  test('in a folder where others may put files is refused', () => {
    new BuiltinKms({ directory: folder });
    chmodSync(folder, 0o755);
    new BuiltinKms({ directory: folder }); // others see names, not keys
    for (const mode of [0o770, 0o702]) {
      chmodSync(folder, mode);
      expect(() => new BuiltinKms({ directory: folder })).toThrow(
        refusal('kms.key.file', /others may write here/, /chmod 700/),
      );
    }
  });

  test.skipIf(process.getuid?.() !== 0)('of another owner is refused', () => {
    new BuiltinKms({ directory: folder });
    chownSync(first(), 12345, 12345);
    expect(() => new BuiltinKms({ directory: folder })).toThrow(refusal('kms.key.file', /owned by user 12345, not 0/));
    chownSync(first(), 0, 0);
    chownSync(folder, 12345, 12345);
    expect(() => new BuiltinKms({ directory: folder })).toThrow(refusal('kms.key.file', /owned by user 12345/));
  });

  test.each([0, 31, 33, 64])('of %i bytes is refused', (length) => {
    new BuiltinKms({ directory: folder });
    writeFileSync(first(), new Uint8Array(length));
    expect(() => new BuiltinKms({ directory: folder })).toThrow(refusal('kms.key.file', /bytes, not 32/, /Restore/));
  });

  test('that is a symbolic link or a folder is refused', () => {
    new BuiltinKms({ directory: folder });
    const elsewhere = join(folder, '..', 'elsewhere');
    writeFileSync(elsewhere, new Uint8Array(32), { mode: 0o600 });
    symlinkSync(elsewhere, join(folder, 'kek-0002.key'));
    expect(() => new BuiltinKms({ directory: folder })).toThrow(refusal('kms.key.file', /symbolic link/));
    rmSync(join(folder, 'kek-0002.key'));
    mkdirSync(join(folder, 'kek-0002.key'));
    expect(() => new BuiltinKms({ directory: folder })).toThrow(refusal('kms.key.file', /not a regular file/));
  });

  test('missing where sealed values exist: refused, and none is made', () => {
    expect(() => new BuiltinKms({ directory: folder, whenMissing: 'refuse' })).toThrow(
      refusal('kms.key.file', /no key, but sealed values exist/, /Restore the key folder/),
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a folder that cannot be made is named', () => {
    mkdirSync(join(folder, '..'), { recursive: true });
    writeFileSync(folder, '');
    expect(() => new BuiltinKms({ directory: folder })).toThrow(refusal('kms.key.file', /EEXIST|ENOTDIR/));
    expect(existsSync(first())).toBe(false);
  });
});

describe('wrapping', () => {
  test('is bound to its context', async () => {
    const kms = new BuiltinKms({ directory: folder });
    const wrapped = await kms.wrap(dek, context);
    expect(await kms.unwrap(wrapped, context)).toEqual(dek);
    await expect(kms.unwrap(wrapped, new Uint8Array(0))).rejects.toEqual(refusal('kms.key.unwraps'));
    await expect(kms.unwrap(wrapped.subarray(1), context)).rejects.toEqual(refusal('kms.key.unwraps'));
    await expect(kms.unwrap(new Uint8Array(0), context)).rejects.toEqual(refusal('kms.key.unwraps'));
  });

  test('a KEK that is not there is named, with those that are', async () => {
    const wrapped = await new BuiltinKms({ directory: join(folder, '..', 'other') }).wrap(dek, context);
    const kms = new BuiltinKms({ directory: folder });
    await expect(kms.unwrap(wrapped, context)).rejects.toEqual(
      refusal('kms.key.present', /key-encryption key version [0-9a-f]{16}/, new RegExp(`it has ${kms.currentKey}`)),
    );
  });

  test('refuses keys and contexts of other lengths', async () => {
    const kms = new BuiltinKms({ directory: folder });
    await expect(kms.wrap(new Uint8Array(15), context)).rejects.toThrow(RangeError);
    await expect(kms.wrap(new Uint8Array(65), context)).rejects.toThrow(RangeError);
    await expect(kms.wrap(dek, new Uint8Array(4097))).rejects.toThrow(RangeError);
  });
});

describe('rotation', () => {
  test('old keys unwrap, the newest wraps, also after a restart', async () => {
    const kms = new BuiltinKms({ directory: folder });
    const wrapped = [await kms.wrap(dek, context)];
    for (let i = 0; i < 3; i++) {
      kms.rotate();
      wrapped.push(await kms.wrap(dek, context));
    }
    expect(readdirSync(folder)).toEqual(['kek-0001.key', 'kek-0002.key', 'kek-0003.key', 'kek-0004.key']);
    const again = new BuiltinKms({ directory: folder });
    expect(again.keys).toEqual(kms.keys);
    expect(new Set(again.keys).size).toBe(4);
    for (const one of wrapped) expect(await again.unwrap(one, context)).toEqual(dek);
    rmSync(first());
    await expect(new BuiltinKms({ directory: folder }).unwrap(wrapped[0] as Uint8Array, context)).rejects.toEqual(
      refusal('kms.key.present'),
    );
  });

  test('by one process is noticed by the other when it meets the new key', async () => {
    const [one, two] = [new BuiltinKms({ directory: folder }), new BuiltinKms({ directory: folder })];
    one.rotate();
    const wrapped = await one.wrap(dek, context);
    expect(two.currentKey).not.toBe(one.currentKey);
    expect(await two.unwrap(wrapped, context)).toEqual(dek);
    expect(two.currentKey).toBe(one.currentKey);
  });

  test('health wraps and unwraps, and says what is wrong', async () => {
    const kms = new BuiltinKms({ directory: folder });
    expect(await kms.health()).toEqual({
      ok: true,
      currentKey: kms.currentKey,
      detail: `${folder}: 1 key, current ${kms.currentKey}`,
    });
    const broken = new BuiltinKms({ directory: folder, random: () => new Uint8Array(0) });
    expect((await broken.health()).ok).toBe(false);
  });
});
