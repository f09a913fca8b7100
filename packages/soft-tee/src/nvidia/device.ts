import { createHash } from 'node:crypto';
import { concatBytes } from '@assay/bytes';

export type NvidiaArch = 'HOPPER' | 'BLACKWELL' | 'LS10';

/** One emulated GPU or switch. */
export interface NvidiaDevice {
  readonly id: string;
  readonly arch: NvidiaArch;
  readonly uuid: string;
  /** Physical device identifier, 8 bytes. */
  readonly pdi: Uint8Array;
  /** Identifiers of the devices at the other ends of its links. */
  readonly peers: readonly Uint8Array[];
  readonly driverVersion: string;
  /** `96.00.a5.00.01` */
  readonly vbiosVersion: string;
  readonly project: string;
  readonly projectSku: string;
  readonly chipSku: string;
  readonly fwid: Uint8Array;
  /** By block index, from 1. */
  readonly measurements: ReadonlyMap<number, Uint8Array>;
  /** The video decoder, whose firmware a device without it does not measure. */
  readonly nvdec0: 'enabled' | 'disabled';
}

/** What blocks hold on every device of an architecture: the same firmware. */
export function goldenMeasurement(arch: NvidiaArch, index: number): Uint8Array {
  return Uint8Array.from(createHash('sha384').update(`emulated ${arch} measurement ${index}`).digest());
}

export function goldenMeasurements(arch: NvidiaArch): Map<number, Uint8Array> {
  const count = arch === 'LS10' ? 31 : 64;
  return new Map(Array.from({ length: count }, (_, place) => [place + 1, goldenMeasurement(arch, place + 1)]));
}

/** Opaque data of a report, by field type. */
export function opaqueFields(device: NvidiaDevice): Map<number, Uint8Array> {
  const { arch, driverVersion, fwid, nvdec0, pdi, peers, vbiosVersion } = device;
  const counts = new Uint8Array(4 * device.measurements.size).fill(0);
  if (arch === 'LS10') {
    return new Map([
      [6, Buffer.from(vbiosVersion)],
      [22, pdi],
      [12, counts],
      [26, concatBytes(...peers, new Uint8Array(64).fill(0xff))],
    ]);
  }
  const text = (value: string): Uint8Array => Buffer.from(`${value}\0`);
  return new Map([
    [3, text(driverVersion)],
    [6, vbiosBytes(vbiosVersion)],
    [11, Uint8Array.of(nvdec0 === 'enabled' ? 0xaa : 0x55)],
    [12, counts],
    [15, text(device.chipSku)],
    [17, text(device.project)],
    [18, text(device.projectSku)],
    [20, fwid],
    // Once per link, in the other order of bytes, and zeros where there is no peer.
    [22, concatBytes(...peers, ...peers, new Uint8Array(8)).map(reversedPdi)],
    ...(arch === 'BLACKWELL' ? [[35, text('GB100')] as [number, Uint8Array]] : []),
    [34, Uint8Array.of(1, 0)],
    [36, Uint8Array.of(peers.length > 0 ? 2 : 0, 0)],
  ]);
}

/** Octet `at` of a list of identifiers, each of them turned round. */
function reversedPdi(_: number, at: number, all: Uint8Array): number {
  return all[at - (at % 8) + 7 - (at % 8)] ?? 0;
}

/** `96.00.a5.00.01` → 00 a5 00 96 01 00 00 00 */
function vbiosBytes(version: string): Uint8Array {
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = version.split('.').map((part) => Number.parseInt(part, 16));
  return Uint8Array.of(d, c, b, a, e, 0, 0, 0);
}
