import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { expect, test } from 'vitest';
import { createKbc } from '../../client/broker.js';
import { guestImages, nothingLeft } from './guest.js';

test('a guest that was refused and has files ends the demo, whatever they are', () => {
  const folder = join(temporaryFolder('assay-demo-guest-'), 'guest');
  const kbc = createKbc({ transport: () => Promise.reject(new Error('nobody is asked')) });
  const images = guestImages(kbc, folder, '127.0.0.1:1/a/b:v1', 'kbs:///a/b/c');
  mkdirSync(join(folder, 'work'));
  expect(images.files()).toEqual([]);
  expect(nothingLeft(images.files(), 'secret')).toBe(0);
  const half = join(folder, 'work/half.partial');
  writeFileSync(half, 'x');
  expect(images.files()).toEqual([half]);
  expect(() => nothingLeft(images.files(), 'secret')).toThrow(`has files: ${half}`);
  mkdirSync(join(images.bundle, 'rootfs'), { recursive: true });
  writeFileSync(join(images.bundle, 'rootfs/greeting'), 'a secret');
  expect(() => nothingLeft(images.files(), 'secret')).toThrow('has what was encrypted');
  rmSync(folder, { recursive: true });
});
