import { expect, test } from 'vitest';
import { vcekFolder } from './vcek-folder.js';

const TCB = { bootloader: 4, tee: 0, snp: 24, microcode: 219 };

test('looks for the TCB first, then for the chip', async () => {
  const asked: string[] = [];
  const folder = (there: string) =>
    vcekFolder('folder', async (path) => {
      asked.push(path);
      return path === there ? Uint8Array.of(1) : undefined;
    });
  expect(await folder('vcek/ab/vcek.der').vcek('Milan', 'ab', TCB)).toEqual(Uint8Array.of(1));
  expect(asked).toEqual(['vcek/ab/bl04_tee00_snp24_ucode219_vcek.der', 'vcek/ab/vcek.der']);
  asked.length = 0;
  const turin = 'vcek/cd/bl04_tee00_snp24_ucode219_fmc01_vcek.der';
  expect(await folder(turin).vcek('Turin', 'cd', { fmc: 1, ...TCB })).toEqual(Uint8Array.of(1));
  expect(asked).toEqual([turin]);
  expect(await folder('none').vcek('Milan', 'ab', TCB)).toBeUndefined();
});
