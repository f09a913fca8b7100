import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fuzzRuns, temporaryFolder } from '@assay/testkit';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { openSealedFolder, sealFolder } from './folder.js';

const work = temporaryFolder('sealed-');
const key = randomBytes(16);
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const folder = join(work, 'plain');
const file = join(work, 'sealed');
let count = 0;
const target = (): string => {
  count += 1;
  return join(work, 'opened', String(count));
};
const nothing = (): void =>
  expect(readdirSync(join(work, 'opened')).filter((name) => name.startsWith('.'))).toEqual([]);

beforeAll(async () => {
  mkdirSync(join(folder, 'rootfs/empty'), { recursive: true });
  mkdirSync(join(work, 'opened'));
  writeFileSync(join(folder, 'rootfs/program'), 'a program that nobody may read');
  chmodSync(join(folder, 'rootfs/program'), 0o750);
  writeFileSync(join(folder, 'rootfs/nothing'), '');
  writeFileSync(join(folder, 'rootfs/large'), randomBytes(300_000));
  symlinkSync('/etc/passwd', join(folder, 'rootfs/absolute'));
  symlinkSync('../../../nowhere', join(folder, 'rootfs/up'));
  linkSync(join(folder, 'rootfs/program'), join(folder, 'rootfs/twin'));
  writeFileSync(join(folder, 'config.json'), '{}');
  await sealFolder({ folder, file, key, context: 'app_v1', random });
});

test('what was sealed is opened as it was, and lies nowhere in clear', async () => {
  expect(readFileSync(file).includes('nobody may read')).toBe(false);
  const to = target();
  await openSealedFolder({ file, key, context: 'app_v1', target: to });
  expect(readdirSync(to, { recursive: true }).sort()).toEqual(readdirSync(folder, { recursive: true }).sort());
  for (const name of ['rootfs/program', 'rootfs/twin', 'rootfs/nothing', 'rootfs/large', 'config.json'])
    expect(readFileSync(join(to, name)).equals(readFileSync(join(folder, name))), name).toBe(true);
  expect(lstatSync(join(to, 'rootfs/program')).mode & 0o7777).toBe(0o750);
  expect([readlinkSync(join(to, 'rootfs/absolute')), readlinkSync(join(to, 'rootfs/up'))]).toEqual([
    '/etc/passwd',
    '../../../nowhere',
  ]);
  nothing();
});

test.each<[string, (bytes: Buffer) => { bytes?: Buffer; key?: Uint8Array; context?: string }]>([
  ['another key', () => ({ key: randomBytes(16) })],
  ['another context', () => ({ context: 'app_v2' })],
  ['a changed byte', (bytes) => ({ bytes: Buffer.from(bytes.map((byte, at) => (at === 5000 ? byte ^ 1 : byte))) })],
  [
    'a changed tag',
    (bytes) => ({ bytes: Buffer.from(bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte))) }),
  ],
  ['a changed nonce', (bytes) => ({ bytes: Buffer.from(bytes.map((byte, at) => (at === 9 ? byte ^ 1 : byte))) })],
  ['another beginning', (bytes) => ({ bytes: Buffer.from(bytes.map((byte, at) => (at === 0 ? byte ^ 1 : byte))) })],
  ['a cut end', (bytes) => ({ bytes: bytes.subarray(0, bytes.length - 1) })],
  ['more behind it', (bytes) => ({ bytes: Buffer.concat([bytes, Buffer.alloc(1)]) })],
  ['nothing in it', () => ({ bytes: Buffer.alloc(0) })],
  ['a head alone', (bytes) => ({ bytes: bytes.subarray(0, 20) })],
])('with %s it stays closed, and nothing is left', async (_, change) => {
  const { bytes, ...other } = change(readFileSync(file));
  const changed = join(work, 'changed');
  writeFileSync(changed, bytes ?? readFileSync(file));
  const to = target();
  await expect(openSealedFolder({ file: changed, key, context: 'app_v1', target: to, ...other })).rejects.toMatchObject(
    {
      name: 'DecodeError',
    },
  );
  expect(readdirSync(join(work, 'opened'))).not.toContain(String(count));
  nothing();
});

test('no file is written over', async () => {
  const before = readFileSync(file);
  await expect(sealFolder({ folder, file, key, context: 'x', random })).rejects.toMatchObject({ code: 'EEXIST' });
  expect(readFileSync(file).equals(before)).toBe(true);
  const gone = { folder: join(work, 'absent'), file: join(work, 'new'), key, context: 'x', random };
  await expect(sealFolder(gone)).rejects.toThrow();
  expect(readdirSync(work)).not.toContain('new');
});

test('fuzz: bytes that were not sealed are not opened', async () => {
  const fuzzed = join(work, 'fuzzed');
  const whole = readFileSync(file).subarray(0, 2000);
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 80 }),
        fc.nat(1999).map((end) => whole.subarray(0, end)),
      ),
      async (bytes) => {
        writeFileSync(fuzzed, bytes);
        await expect(
          openSealedFolder({ file: fuzzed, key, context: 'app_v1', target: target() }),
        ).rejects.toMatchObject({ name: 'DecodeError' });
      },
    ),
    { numRuns: fuzzRuns(30) },
  );
});
