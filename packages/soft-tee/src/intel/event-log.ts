import { createHash } from 'node:crypto';
import { concatBytes, encodeUtf8 } from '@assay/bytes';
import { u8, u16, u32 } from '../fixed.js';

/** Event types that an emulated boot uses (TCG PC Client Platform Firmware Profile, table 14). */
export const LOG_EVENT = {
  noAction: 0x3,
  separator: 0x4,
  eventTag: 0x6,
  ipl: 0xd,
  variableDriverConfig: 0x8000_0001,
  bootServicesApplication: 0x8000_0003,
  platformFirmwareBlob2: 0x8000_000a,
} as const;

/** One measurement. */
export interface LogEvent {
  /** Register of the log, 1 to 4: RTMR0 to RTMR3. */
  readonly register: 1 | 2 | 3 | 4;
  readonly type: number;
  readonly data: Uint8Array;
  /** Digest of what was measured, of the log's bank. Default: of the data itself. */
  readonly digest?: Uint8Array;
}

/** A log with the registers that it replays to. */
export interface EmulatedEventLog {
  readonly log: Uint8Array;
  readonly rtmrs: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
}

/** The one bank of an emulated log. */
export interface LogBank {
  /** TPM_ALG_ID. */
  readonly id: number;
  readonly size: number;
  readonly digest: (...parts: readonly Uint8Array[]) => Uint8Array;
}

/** What TDs have. */
const TDX_BANK: LogBank = { id: 0x000c, size: 48, digest: sha384 };
const SPEC_ID = encodeUtf8('Spec ID Event03\0');
const AAEL = 0x4141_454c;

/** A CC event log (TCG crypto-agile format, one bank) and the registers of a guest that booted so. */
export function emulatedEventLog(events: readonly LogEvent[], bank: LogBank = TDX_BANK): EmulatedEventLog {
  const zero = (): Uint8Array => new Uint8Array(bank.size);
  const registers: [Uint8Array, Uint8Array, Uint8Array, Uint8Array] = [zero(), zero(), zero(), zero()];
  const entries = events.map(({ register, type, data, digest = bank.digest(data) }) => {
    const index = register - 1;
    registers[index] = bank.digest(registers[index] ?? zero(), digest);
    return concatBytes(u32(register), u32(type), u32(1), u16(bank.id), digest, u32(data.length), data);
  });
  // Eight ff end the log, as guests send it.
  return { log: concatBytes(header(bank), ...entries, new Uint8Array(8).fill(0xff)), rtmrs: registers };
}

/** A boot of a kernel, with its command line and initrd, and separators. */
export function bootEvents(boot: {
  readonly kernel: Uint8Array;
  readonly cmdline: string;
  readonly initrd: Uint8Array;
  /** State of the firmware variable; absent: the firmware measures none. */
  readonly secureBoot?: boolean;
}): readonly LogEvent[] {
  const firmware = encodeUtf8('Emulated firmware');
  const { secureBoot } = boot;
  // As the Linux EFI stub measures it: UTF-16LE with its NUL.
  const cmdline = sha384(Buffer.from(`${boot.cmdline}\0`, 'utf16le'));
  return [
    {
      register: 1,
      type: LOG_EVENT.platformFirmwareBlob2,
      data: concatBytes(u8(firmware.length), firmware, new Uint8Array(16)),
    },
    ...(secureBoot === undefined
      ? []
      : [{ register: 1, type: LOG_EVENT.variableDriverConfig, data: secureBootVariable(secureBoot) } as const]),
    { register: 1, type: LOG_EVENT.separator, data: new Uint8Array(4) },
    { register: 2, type: LOG_EVENT.bootServicesApplication, data: imageLoad('kernel'), digest: sha384(boot.kernel) },
    { register: 2, type: LOG_EVENT.separator, data: new Uint8Array(4) },
    {
      register: 3,
      type: LOG_EVENT.eventTag,
      data: tagged(0x8f3b_22ec, 'LOADED_IMAGE::LoadOptions\0'),
      digest: cmdline,
    },
    { register: 3, type: LOG_EVENT.eventTag, data: tagged(0x8f3b_22ed, 'Linux initrd\0'), digest: sha384(boot.initrd) },
  ];
}

/** An event of the attestation agent (guest-components, AAEL), which extends RTMR3. */
export function agentEvent(domain: string, operation: string, content: string): LogEvent {
  return { register: 4, type: LOG_EVENT.eventTag, data: tagged(AAEL, `${domain} ${operation} ${content}`) };
}

/** First entry: names the digests of all others (TCG_EfiSpecIdEvent). */
function header({ id, size }: LogBank): Uint8Array {
  const data = concatBytes(SPEC_ID, u32(0), Uint8Array.of(0, 2, 0, 2), u32(1), u16(id), u16(size), u8(0));
  return concatBytes(u32(1), u32(LOG_EVENT.noAction), new Uint8Array(20), u32(data.length), data);
}

function tagged(id: number, text: string): Uint8Array {
  const bytes = encodeUtf8(text);
  return concatBytes(u32(id), u32(bytes.length), bytes);
}

/** UEFI_VARIABLE_DATA of SecureBoot: GUID of global variables, lengths, name, value. */
function secureBootVariable(on: boolean): Uint8Array {
  const name = Buffer.from('SecureBoot', 'utf16le');
  const guid = Uint8Array.from(Buffer.from('61dfe48bca93d211aa0d00e098032b8c', 'hex'));
  const lengths = concatBytes(u32(name.length / 2), u32(0), u32(1), u32(0));
  return concatBytes(guid, lengths, name, u8(on ? 1 : 0));
}

/** UEFI_IMAGE_LOAD_EVENT of a file: address, length, link address, then a device path with one file node. */
function imageLoad(name: string): Uint8Array {
  const text = Buffer.from(`${name}\0`, 'utf16le');
  const node = concatBytes(u8(4), u8(4), u16(4 + text.length), text);
  const end = Uint8Array.of(0x7f, 0xff, 4, 0);
  const path = concatBytes(node, end);
  const sizes = concatBytes(new Uint8Array(24), u32(path.length), u32(0));
  return concatBytes(sizes, path);
}

function sha384(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha384');
  for (const part of parts) hash.update(part);
  return Uint8Array.from(hash.digest());
}
