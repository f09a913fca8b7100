import { createHash } from 'node:crypto';
import { concatBytes, encodeUtf8 } from '@assay/bytes';
import { u8, u16, u32, u64 } from '../fixed.js';

/** Event types of an emulated measured boot (TCG PC Client Platform Firmware Profile, table 14). */
export const TPM_EVENT = {
  noAction: 0x3,
  separator: 0x4,
  sCrtmVersion: 0x8,
  ipl: 0xd,
  efiVariableDriverConfig: 0x8000_0001,
  bootServicesApplication: 0x8000_0003,
} as const;

/** One measurement with its entry in the log. */
export interface TpmEvent {
  readonly pcr: number;
  readonly type: number;
  readonly data: Uint8Array;
  /** What is hashed. Default: the data. */
  readonly measured?: Uint8Array;
}

/** An extension that leaves no entry: what the running system does. */
export interface TpmExtension {
  readonly pcr: number;
  /** SHA-256, 32 bytes. */
  readonly digest: Uint8Array;
}

/** Registers and log of a TPM that booted so. */
export interface BootedTpm {
  readonly log: Uint8Array;
  /** The 24 registers of the SHA-256 bank. */
  readonly pcrs: readonly Uint8Array[];
}

const BANKS = [
  { name: 'sha1', id: 0x0004, size: 20 },
  { name: 'sha256', id: 0x000b, size: 32 },
] as const;
const REGISTERS = 24;
const SPEC_ID = encodeUtf8('Spec ID Event03\0');

/** Boots: measures the events in order, then extends without a log. */
export function bootTpm(events: readonly TpmEvent[], extensions: readonly TpmExtension[] = []): BootedTpm {
  // Registers of dynamic launch start with all bits set.
  const pcrs = Array.from(
    { length: REGISTERS },
    (_, index): Uint8Array => new Uint8Array(32).fill(index >= 17 && index <= 22 ? 0xff : 0),
  );
  const extend = (pcr: number, digest: Uint8Array): void => {
    const before = pcrs[pcr];
    if (before === undefined) throw new RangeError(`no PCR ${pcr}`);
    pcrs[pcr] = hash('sha256', before, digest);
  };
  for (const event of events) extend(event.pcr, hash('sha256', event.measured ?? event.data));
  for (const { digest, pcr } of extensions) extend(pcr, digest);
  return { log: tpmLog(events), pcrs };
}

/** The crypto-agile log of the events, with the banks SHA-1 and SHA-256. */
export function tpmLog(events: readonly TpmEvent[]): Uint8Array {
  const entries = events.map(({ data, measured = data, pcr, type }) =>
    concatBytes(
      u32(pcr),
      u32(type),
      u32(BANKS.length),
      ...BANKS.flatMap(({ id, name }) => [u16(id), hash(name, measured)]),
      u32(data.length),
      data,
    ),
  );
  return concatBytes(header(), ...entries);
}

/** First entry, in the form of TPM 1.2: names the digests of all others (TCG_EfiSpecIdEvent). */
function header(): Uint8Array {
  const algorithms = BANKS.flatMap(({ id, size }) => [u16(id), u16(size)]);
  const data = concatBytes(SPEC_ID, u32(0), Uint8Array.of(0, 2, 0, 2), u32(BANKS.length), ...algorithms, u8(0));
  return concatBytes(u32(0), u32(TPM_EVENT.noAction), new Uint8Array(20), u32(data.length), data);
}

/** A boot of firmware with Secure Boot, a kernel, its command line and initrd. */
export function tpmBootEvents(boot: { kernel: Uint8Array; cmdline: string; initrd: Uint8Array }): readonly TpmEvent[] {
  const separators = Array.from({ length: 8 }, (_, pcr) => separator(pcr));
  return [
    { pcr: 0, type: TPM_EVENT.sCrtmVersion, data: Buffer.from('emulated firmware 1\0', 'utf16le') },
    { pcr: 7, type: TPM_EVENT.efiVariableDriverConfig, data: variable('SecureBoot', Uint8Array.of(1)) },
    ...separators,
    { pcr: 4, type: TPM_EVENT.bootServicesApplication, data: imageLoad(), measured: boot.kernel },
    { pcr: 9, type: TPM_EVENT.ipl, data: encodeUtf8('initrd\0'), measured: boot.initrd },
    { pcr: 12, type: TPM_EVENT.ipl, data: encodeUtf8(`${boot.cmdline}\0`) },
  ];
}

function separator(pcr: number): TpmEvent {
  return { pcr, type: TPM_EVENT.separator, data: new Uint8Array(4) };
}

/** UEFI_VARIABLE_DATA of a global variable. */
function variable(name: string, value: Uint8Array): Uint8Array {
  const guid = Buffer.from('61dfe48bca93d211aa0d00e098032b8c', 'hex');
  return concatBytes(guid, u64(BigInt(name.length)), u64(BigInt(value.length)), Buffer.from(name, 'utf16le'), value);
}

/** UEFI_IMAGE_LOAD_EVENT with an empty device path. */
function imageLoad(): Uint8Array {
  const end = Uint8Array.of(0x7f, 0xff, 4, 0);
  return concatBytes(new Uint8Array(24), u64(BigInt(end.length)), end);
}

function hash(algorithm: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const digest = createHash(algorithm);
  for (const part of parts) digest.update(part);
  return new Uint8Array(digest.digest());
}
