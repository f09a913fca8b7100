import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { sealFolder } from '@assay/oci';
import { fuzzRuns, temporaryFolder } from '@assay/testkit';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { IMAGE_FILE, KEY_FILE, keyContext, sealedStore } from '../agent/store/sealed-store.js';
import { imageFolders } from '../shim/plan-sandbox.js';
import { bootImage, bootRole } from './boot.js';
import { formatKeyText, isPublicKeyText, KeyTextError, parseKeyText } from './key-text.js';

const root = temporaryFolder('enclave-boot-');
const temporary = process.env['TMPDIR'];
process.env['TMPDIR'] = mkdtempSync(join(root, 'tmp-'));
afterAll(() => {
  if (temporary === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = temporary;
  rmSync(root, { recursive: true, force: true });
});
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const sealingKey = random(16);

describe('the text of a key', () => {
  test('has 47 characters, and is read with and without line ends', () => {
    const key = Uint8Array.from({ length: 16 }, (_, at) => at);
    const text = '00-01-02-03-04-05-06-07-08-09-0a-0b-0c-0d-0e-0f';
    expect(formatKeyText(key)).toBe(text);
    for (const end of ['', '\n', '\r\n', '\n\n']) expect(parseKeyText(text.toUpperCase() + end)).toEqual(key);
    expect(() => formatKeyText(key.subarray(1))).toThrow(RangeError);
  });

  const text = formatKeyText(random(16));
  test.each([
    '',
    text.slice(3),
    `${text}-00`,
    text.replaceAll('-', ''),
    text.replace('-', ' '),
    ` ${text}`,
    `${text} `,
    text.replace(/^../, 'zz'),
    text.replace(/^../, '0'),
  ])('%j is none', (other) => {
    expect(() => parseKeyText(other)).toThrow(KeyTextError);
    expect(() => parseKeyText(other)).toThrow('The length or format of Key/MAC string is invalid');
  });

  test('that stands in public source is known', () => {
    expect(isPublicKeyText('C7-32-b3-ed-44-df-ec-7b-25-2d-9a-32-38-8d-58-61\n')).toBe(true);
    expect(isPublicKeyText(text)).toBe(false);
  });

  test('fuzz: a text is a key, or refused', () => {
    const part = fc.constantFrom('-', '0', 'a', 'F', '\n', 'g', '00-', text);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(part, { maxLength: 60 }).map((parts) => parts.join('')),
        ),
        (other) => {
          try {
            expect(formatKeyText(parseKeyText(other))).toBe(other.replace(/[\r\n]+$/, '').toLowerCase());
          } catch (error) {
            expect(error).toBeInstanceOf(KeyTextError);
          }
        },
      ),
      { numRuns: fuzzRuns(300) },
    );
  });
});

test.each([
  ['true', 'agent'],
  ['TRUE', 'agent'],
  ['1', 'agent'],
  ['True', 'application'],
  ['', 'application'],
  ['0', 'application'],
  [undefined, 'application'],
])('ENCLAVE_AGENT %j makes an enclave the %s', (value, role) => {
  expect(bootRole({ ENCLAVE_AGENT: value })).toBe(role);
});

describe('an image that was put away', () => {
  let count = 0;
  /** Folder of an image, put away by an agent. */
  async function putAway(containerId = 'app_v1'): Promise<string> {
    count += 1;
    const own = join(root, String(count));
    for (const folder of imageFolders(own, containerId)) mkdirSync(folder, { recursive: true });
    const bundle = join(own, 'bundle');
    mkdirSync(join(bundle, 'rootfs'), { recursive: true });
    writeFileSync(join(bundle, 'rootfs/model'), `weights ${count}`);
    writeFileSync(join(bundle, 'config.json'), '{}');
    await sealedStore({ sealingKey, random }).put(bundle, join(own, 'images', containerId), containerId);
    expect(existsSync(bundle)).toBe(false);
    return join(own, 'images', containerId);
  }
  const image = (folder: string): string => join(folder, 'sefs/lower', IMAGE_FILE);
  const keys = (folder: string): string => join(folder, 'keys/sefs/lower', KEY_FILE);
  const boot = (folder: string, change: { containerId?: string; sealingKey?: Uint8Array } = {}) =>
    bootImage({ folder, containerId: 'app_v1', sealingKey, target: join(folder, 'app'), ...change });
  const left = (): string[] => readdirSync(process.env['TMPDIR'] ?? '');

  test('is opened by the same enclave; the host sees none of it', async () => {
    const folder = await putAway();
    for (const file of [image(folder), keys(folder)])
      expect(readFileSync(file, 'latin1')).not.toMatch(/weights|key\.txt|-[0-9a-f]{2}-/);
    await boot(folder);
    expect(readFileSync(join(folder, 'app/rootfs/model'), 'utf8')).toBe(`weights ${count}`);
    expect(left()).toEqual([]);
  });

  test('is not opened by another enclave, as another image, or after a change', async () => {
    const folder = await putAway();
    const other = await putAway();
    const none = async (opening: Promise<void>): Promise<void> => {
      await expect(opening).rejects.toMatchObject({ name: 'DecodeError' });
      expect(existsSync(join(folder, 'app'))).toBe(false);
    };
    await none(boot(folder, { sealingKey: random(16) }));
    await none(boot(folder, { containerId: 'other_v1' }));
    // The host puts the image of another pull, with another key, into its place; then the key store too, of another id.
    copyFileSync(image(other), image(folder));
    await none(boot(folder));
    const third = await putAway('other_v1');
    copyFileSync(image(third), image(folder));
    copyFileSync(keys(third), keys(folder));
    await none(boot(folder));
    expect(left()).toEqual([]);
  });

  test.each([
    ['of another length', '00'],
    ['that is public', 'c7-32-b3-ed-44-df-ec-7b-25-2d-9a-32-38-8d-58-61'],
    ['that is far too long', '0'.repeat(2000)],
  ])('with a key %s is not opened', async (_, text) => {
    const folder = await putAway();
    const own = join(folder, 'forged');
    mkdirSync(own);
    writeFileSync(join(own, 'key.txt'), text);
    rmSync(keys(folder));
    await sealFolder({ folder: own, file: keys(folder), key: sealingKey, context: keyContext('app_v1'), random });
    await expect(boot(folder)).rejects.toBeInstanceOf(KeyTextError);
  });

  test('is replaced by the next pull, with another key; a failed one leaves neither', async () => {
    const folder = await putAway();
    const [first, firstKeys] = [readFileSync(image(folder)), readFileSync(keys(folder))];
    const bundle = join(folder, 'bundle');
    mkdirSync(bundle);
    const store = sealedStore({ sealingKey, random });
    await store.put(bundle, folder, 'app_v1');
    expect(readFileSync(image(folder)).equals(first)).toBe(false);
    expect(readFileSync(keys(folder)).equals(firstKeys)).toBe(false);
    await expect(store.put(join(folder, 'absent'), folder, 'app_v1')).rejects.toThrow();
    expect([existsSync(image(folder)), existsSync(keys(folder))]).toEqual([false, false]);
  });
});
