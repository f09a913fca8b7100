import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { expect, test } from 'vitest';
import { completeRoot } from './surroundings.js';

const folder = temporaryFolder('enclave-root-');
const fresh = (): string => mkdtempSync(join(folder, 'r-'));
const put = (root: string, path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const LIBRARIES = ['libc.so.6', 'libdl.so.2', 'libm.so.6', 'libpthread.so.0', 'libresolv.so.2', 'librt.so.1'];

/** Root of an enclave with Occlum in it. */
function occlum(leave?: string): string {
  const root = fresh();
  put(root, 'lib64/ld-linux-x86-64.so.2', 'loader');
  for (const name of LIBRARIES) if (name !== leave) put(root, `opt/occlum/glibc/lib/${name}`, name);
  return root;
}

test('folders are made where an image has none; links and files of their names stay', async () => {
  const root = fresh();
  mkdirSync(join(root, 'usr/lib'), { recursive: true });
  symlinkSync('usr/lib', join(root, 'lib'));
  writeFileSync(join(root, 'tmp'), '');
  expect(await completeRoot(root, fresh())).toEqual([]);
  expect(readdirSync(root).sort()).toEqual(['dev', 'etc', 'host', 'lib', 'proc', 'root', 'sys', 'tmp', 'usr']);
  expect([readlinkSync(join(root, 'lib')), lstatSync(join(root, 'tmp')).isFile()]).toEqual(['usr/lib', true]);
});

test('loader and library of Occlum replace those of the image', async () => {
  const root = fresh();
  mkdirSync(join(root, 'lib64'));
  symlinkSync('/etc/passwd', join(root, 'lib64/ld-linux-x86-64.so.2'));
  put(root, 'opt/occlum/glibc/lib/libc.so.6', 'of the image');
  expect(await completeRoot(root, occlum())).toHaveLength(7);
  expect(lstatSync(join(root, 'lib64/ld-linux-x86-64.so.2')).isFile()).toBe(true);
  expect(readFileSync(join(root, 'lib64/ld-linux-x86-64.so.2'), 'utf8')).toBe('loader');
  for (const name of LIBRARIES) expect(readFileSync(join(root, 'opt/occlum/glibc/lib', name), 'utf8')).toBe(name);
});

test('links of an image lead nowhere but beneath its root', async () => {
  const root = fresh();
  const outside = fresh();
  symlinkSync(outside, join(root, 'lib64'));
  symlinkSync('../../../../..', join(root, 'opt'));
  await completeRoot(root, occlum());
  expect(readdirSync(outside)).toEqual([]);
  expect(readFileSync(join(root, outside, 'ld-linux-x86-64.so.2'), 'utf8')).toBe('loader');
  expect(readdirSync(join(root, 'occlum/glibc/lib')).sort()).toEqual(LIBRARIES);
});

test('an Occlum that lacks some of it is told; without any nothing is copied', async () => {
  await expect(completeRoot(fresh(), occlum('libm.so.6'))).rejects.toThrow('lacks opt/occlum/glibc/lib/libm.so.6');
  expect(await completeRoot(fresh(), occlum('libc.so.6'))).toEqual([]);
});
