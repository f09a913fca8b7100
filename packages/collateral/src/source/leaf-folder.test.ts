import { expect, test } from 'vitest';
import { leafFolder } from './leaf-folder.js';

const TCB = { bootloader: 4, tee: 0, snp: 24, microcode: 219 };
const asked: string[] = [];

function folder(there: string) {
  asked.length = 0;
  return leafFolder('folder', async (path) => {
    asked.push(path);
    return path === there ? Uint8Array.of(1) : undefined;
  });
}

test('looks for the TCB first, then for the chip; for DER first, then for PEM', async () => {
  expect(await folder('vcek/ab/vcek.der').vcek('Milan', 'ab', TCB)).toEqual(Uint8Array.of(1));
  const exact = 'vcek/ab/bl04_tee00_snp24_ucode219_vcek';
  expect(asked).toEqual([`${exact}.der`, `${exact}.pem`, 'vcek/ab/vcek.der']);
  const turin = 'vcek/cd/bl04_tee00_snp24_ucode219_fmc01_vcek.der';
  expect(await folder(turin).vcek('Turin', 'cd', { fmc: 1, ...TCB })).toEqual(Uint8Array.of(1));
  expect(asked).toEqual([turin]);
  expect(await folder('none').vcek('Milan', 'ab', TCB)).toBeUndefined();
});

test('VLEKs are of a product', async () => {
  expect(await folder('vlek/Milan/vlek.pem').vlek('Milan', TCB)).toEqual(Uint8Array.of(1));
  const exact = 'vlek/Milan/bl04_tee00_snp24_ucode219_vlek';
  expect(asked).toEqual([`${exact}.der`, `${exact}.pem`, 'vlek/Milan/vlek.der', 'vlek/Milan/vlek.pem']);
  expect(await folder('vlek/Milan/vlek.der').vlek('Genoa', TCB)).toBeUndefined();
});
