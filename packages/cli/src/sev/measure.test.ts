import { describe, expect, test } from 'vitest';
import { artifactsOf } from './measure.js';

const read = (path: string): Uint8Array => Buffer.from(path);
const usage = { exit: 2 };

describe('artifacts of a launch', () => {
  test('SEV and SEV-ES', () => {
    expect(artifactsOf({ firmware: 'f' }, read)).toEqual({ firmware: Buffer.from('f') });
    expect(
      artifactsOf(
        { firmware: 'f', kernel: 'k', initrd: 'i', append: 'a', es: true, vcpus: '2', cpu: 'EPYC-Milan' },
        read,
      ),
    ).toEqual({
      firmware: Buffer.from('f'),
      boot: { kernel: Buffer.from('k'), initrd: Buffer.from('i'), cmdline: 'a' },
      es: { vcpus: 2, cpuSignature: 0xa00f11, fpu: 'zero' },
    });
    expect(artifactsOf({ firmware: 'f', es: true, cpuSignature: '0xA00F11', fpu: 'reset' }, read).es).toEqual({
      vcpus: 1,
      cpuSignature: 0xa00f11,
      fpu: 'reset',
    });
  });

  test.each([
    { initrd: 'i' },
    { append: 'a' },
    { vcpus: '2' },
    { cpu: 'EPYC' },
    { cpuSignature: '0x1' },
    { fpu: 'zero' },
    { es: true, vcpus: '0' },
    { es: true, vcpus: '4097' },
    { es: true, vcpus: 'two' },
    { es: true, cpu: 'Xeon' },
    { es: true, cpuSignature: '5' },
    { es: true, fpu: 'other' },
  ])('%j is a usage error', (flags) => {
    expect(() => artifactsOf({ firmware: 'f', ...flags }, read)).toThrow(expect.objectContaining(usage));
  });
});
