/** The table by which a measured firmware checks the kernel that QEMU loads beside it. */
import { createHash } from 'node:crypto';
import { concatBytes, encodeUtf8 } from '@assay/bytes';
import { guidBytes } from '../guid.js';

const TABLE = '9438d606-4f22-4cc9-b479-a793d411fd21';
const CMDLINE = '97d02dd8-bd20-4c94-aa78-e7714d36ab2a';
const INITRD = '44baf731-3a2f-4bd7-9af1-41e29169781d';
const KERNEL = '4de79437-abd2-427f-b835-d5b172d2045b';
const ENTRY = 50;
const LENGTH = 168;
const PADDED = 176;

/** A kernel as QEMU is given it. */
export interface DirectBoot {
  readonly kernel: Uint8Array;
  /** Without one its hash is that of nothing. */
  readonly initrd?: Uint8Array;
  /** Without its terminating NUL, which is measured too. */
  readonly cmdline?: string;
}

/** 176 bytes: header, then command line, initrd and kernel, padded with zeros. */
export function kernelHashTable({ kernel, initrd, cmdline }: DirectBoot): Uint8Array {
  const line = concatBytes(encodeUtf8(cmdline ?? ''), Uint8Array.of(0));
  const table = new Uint8Array(PADDED);
  table.set(
    concatBytes(
      guidBytes(TABLE),
      u16(LENGTH),
      entry(CMDLINE, line),
      entry(INITRD, initrd ?? new Uint8Array()),
      entry(KERNEL, kernel),
    ),
  );
  return table;
}

function entry(guid: string, content: Uint8Array): Uint8Array {
  return concatBytes(guidBytes(guid), u16(ENTRY), createHash('sha256').update(content).digest());
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >>> 8);
}
