import { createHash } from 'node:crypto';
import { concatBytes } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { guidBytes, guidText } from '../guid.js';
import { CPU_MODELS, cpuSignature, cpuSignatureOf } from './cpu.js';
import { sevLaunchDigest } from './digest.js';
import { readFirmwareTable } from './footer.js';
import { kernelHashTable } from './kernel-hashes.js';
import { sevEsVmsa } from './vmsa.js';

const FOOTER = '96b582de-1fb2-45f7-baea-a366c55a082d';
const RESET = '00f771de-1a7e-4fcb-890e-68c77e2fb44e';
const HASHES = '7255371f-3a3b-4b04-927b-1da6efa8d454';

const u16 = (value: number): Uint8Array => Uint8Array.of(value & 0xff, value >>> 8);
const entry = (guid: string, data: Uint8Array, size = data.length + 18): Uint8Array =>
  concatBytes(data, u16(size), guidBytes(guid));

/** An image with a table of the given entries. */
function image(entries: readonly Uint8Array[], footerSize?: number): Uint8Array {
  const body = concatBytes(...entries);
  const footer = concatBytes(u16(footerSize ?? body.length + 18), guidBytes(FOOTER));
  return concatBytes(new Uint8Array(64).fill(0xcc), body, footer, new Uint8Array(32));
}

const WHOLE = image([entry(HASHES, new Uint8Array(8)), entry(RESET, Uint8Array.of(4, 0xb0, 0x80, 0))]);

describe('firmware table', () => {
  test('entries by GUID; an image without the table has none', () => {
    expect([...readFirmwareTable(WHOLE).keys()]).toEqual([RESET, HASHES]);
    expect(readFirmwareTable(new Uint8Array(100)).size).toBe(0);
    expect(readFirmwareTable(new Uint8Array(40)).size).toBe(0);
  });

  test('lengths that leave table or image', () => {
    expect(() => readFirmwareTable(image([], 17))).toThrow('entry of 17 bytes');
    expect(() => readFirmwareTable(image([], 4000))).toThrow('more than the image has');
    expect(() => readFirmwareTable(image([entry(RESET, new Uint8Array(4), 40)]))).toThrow('leaves the table');
    expect(() => readFirmwareTable(image([entry(RESET, new Uint8Array(4), 3)]))).toThrow('entry of 3 bytes');
    expect(() => readFirmwareTable(image([Uint8Array.of(1), entry(RESET, new Uint8Array(4))]))).toThrow('first entry');
  });

  test('fuzz: any image gives a table or a decode error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(65535), (bytes, size) => {
        try {
          readFirmwareTable(image([bytes], size));
        } catch (error) {
          expect(error).toHaveProperty('name', 'DecodeError');
        }
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});

describe('launch digest', () => {
  const sha256 = (...parts: Uint8Array[]): string =>
    createHash('sha256')
      .update(concatBytes(...parts))
      .digest('hex');
  const digest = (launch: Omit<Parameters<typeof sevLaunchDigest>[0], 'firmware'>, firmware = WHOLE): string =>
    Buffer.from(sevLaunchDigest({ firmware, ...launch })).toString('hex');
  const es = { vcpus: 3, cpuSignature: 0xa00f11 };

  test('is over firmware, hash table and one page for each vCPU', () => {
    const first = sevEsVmsa({ eip: 0xfffffff0, signature: es.cpuSignature });
    const other = sevEsVmsa({ eip: 0x0080b004, signature: es.cpuSignature });
    const boot = { kernel: Uint8Array.of(1), initrd: Uint8Array.of(2), cmdline: 'console=ttyS0' };
    expect(digest({})).toBe(sha256(WHOLE));
    expect(digest({ boot, es })).toBe(sha256(WHOLE, kernelHashTable(boot), first, other, other));
    expect(digest({ es: { ...es, vcpus: 1 } })).toBe(sha256(WHOLE, first));
    expect(digest({ es: { ...es, vcpus: 1, fpu: 'reset' } })).not.toBe(sha256(WHOLE, first));
  });

  test('kernel, initrd and command line each change it', () => {
    const boot = { kernel: Uint8Array.of(1), initrd: Uint8Array.of(2), cmdline: 'a' };
    const all = [
      digest({ boot }),
      digest({ boot: { ...boot, kernel: Uint8Array.of(9) } }),
      digest({ boot: { ...boot, initrd: Uint8Array.of(9) } }),
      digest({ boot: { ...boot, cmdline: 'b' } }),
    ];
    expect(new Set(all).size).toBe(4);
    const { initrd: _, ...without } = boot;
    expect(digest({ boot: without })).toBe(digest({ boot: { ...boot, initrd: new Uint8Array() } }));
  });

  test('firmware that cannot start what is asked', () => {
    const boot = { kernel: new Uint8Array() };
    const bare = image([]);
    expect(() => digest({ boot }, bare)).toThrow('no place for kernel hashes');
    expect(() => digest({ es }, bare)).toThrow('no SEV-ES reset block');
    expect(() => digest({ es }, image([entry(RESET, new Uint8Array(3))]))).toThrow('no SEV-ES reset block');
    expect(digest({ es: { ...es, vcpus: 1 } }, bare)).toMatch(/^[0-9a-f]{64}$/);
    for (const vcpus of [0, -1, 1.5, 4097]) expect(() => digest({ es: { ...es, vcpus } })).toThrow(RangeError);
  });
});

test('the register page, place by place', () => {
  const page = Buffer.from(sevEsVmsa({ eip: 0x0080b004, signature: 0x800f12 }));
  expect(page).toHaveLength(4096);
  expect(page.subarray(0x10, 0x20).toString('hex')).toBe('00f09b00ffff00000000800000000000');
  expect(page.subarray(0x90, 0xa0).toString('hex')).toBe('00008b00ffff00000000000000000000');
  expect([0x178, 0x310, 0xd0, 0x3e8].map((at) => page.readBigUInt64LE(at))).toEqual([0xb004n, 0x800f12n, 0x1000n, 1n]);
  expect(page.subarray(0x400).every((byte) => byte === 0)).toBe(true);
  const reset = Buffer.from(sevEsVmsa({ eip: 0, signature: 0, fpu: 'reset' }));
  expect([reset.readUInt32LE(0x408), reset.readUInt16LE(0x410)]).toEqual([0x1f80, 0x37f]);
});

test('CPU signatures', () => {
  expect(cpuSignature(23, 1, 2)).toBe(0x800f12);
  expect(cpuSignature(23, 49, 0)).toBe(0x830f10);
  expect(cpuSignature(25, 1, 1)).toBe(0xa00f11);
  expect(cpuSignature(6, 42, 7)).toBe(0x0206a7);
  expect(cpuSignatureOf('EPYC-v4')).toBe(0x800f12);
  expect(cpuSignatureOf('toString')).toBeUndefined();
  expect(CPU_MODELS.length).toBeGreaterThan(10);
});

test('GUIDs', () => {
  const text = '1e74f542-71dd-4d66-963e-ef4287ff173b';
  expect(Buffer.from(guidBytes(text)).toString('hex')).toBe('42f5741edd71664d963eef4287ff173b');
  expect(guidText(guidBytes(text.toUpperCase()))).toBe(text);
  expect(() => guidBytes(text.slice(1))).toThrow('8-4-4-4-12');
});
