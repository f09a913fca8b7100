import { type ByteReader, DecodeError } from '@assay/bytes';
import { hashById, type TpmHash, TpmWriter } from '@assay/evidence/tpm';
import { CAP, CC, PT } from '../constants.js';
import { parametersOf, type Tpm } from '../tpm.js';

/** Most items asked for at a time; TPMs give fewer where they want. */
const AT_ONCE = 64;
const MOST_HANDLES = 1024;

/** Who made a TPM, and what runs in it. */
export interface TpmProperties {
  /** Four characters: `IBM`, `INTC`, `MSFT`. */
  readonly manufacturer: string;
  /** Text of the vendor. */
  readonly vendor: string;
  /** Firmware version, 8 bytes in hex. */
  readonly firmware: string;
  /** Revision of the specification, times 100: 138, 159. */
  readonly revision: number;
  /** Most bytes of one NV read or write. */
  readonly nvBuffer: number;
}

/** A bank of PCRs that is switched on. */
export interface PcrBank {
  /** TPM_ALG_ID. */
  readonly algorithm: number;
  /** Its name, where it is known here. */
  readonly bank: TpmHash | undefined;
  /** PCRs in it, ascending. */
  readonly pcrs: readonly number[];
}

/** Banks of PCRs that are allocated, with the PCRs in each. */
export async function pcrBanks(tpm: Tpm): Promise<readonly PcrBank[]> {
  const { data } = await capability(tpm, CAP.pcrs, 0, 1, readBanks);
  // Banks that are switched off are listed with no PCR.
  return data.filter(({ pcrs }) => pcrs.length > 0);
}

/** Fixed properties. */
export async function tpmProperties(tpm: Tpm): Promise<TpmProperties> {
  const values = new Map<number, number>();
  for (let next = PT.familyIndicator, more = true; more; ) {
    const page = await capability(tpm, CAP.properties, next, AT_ONCE, readProperties);
    for (const { property, value } of page.data) if (property < 0x200) values.set(property, value);
    const last = page.data.at(-1)?.property;
    more = page.more && last !== undefined && last >= next && last < 0x200;
    next = (last ?? next) + 1;
  }
  const of = (property: number): number => values.get(property) ?? 0;
  const vendor = [0, 1, 2, 3].map((n) => textOf(of(PT.vendorString1 + n))).join('');
  return {
    manufacturer: textOf(of(PT.manufacturer)).trim(),
    vendor: vendor.trim(),
    firmware: [PT.firmwareVersion1, PT.firmwareVersion2].map((p) => of(p).toString(16).padStart(8, '0')).join(''),
    revision: of(PT.revision),
    nvBuffer: of(PT.nvBufferMax),
  };
}

/** Handles of one kind: `first` is the lowest of the range, 0x80000000 for transient ones, 0x81000000 for persistent ones. */
export async function handles(tpm: Tpm, first: number): Promise<readonly number[]> {
  const kind = first >>> 24;
  const found: number[] = [];
  for (let next = first, more = true; more && found.length < MOST_HANDLES; ) {
    const page = await capability(tpm, CAP.handles, next, AT_ONCE, readHandles);
    const ours = page.data.filter((handle) => handle >>> 24 === kind && handle >= next);
    found.push(...ours);
    more = page.more && ours.length > 0 && ours.length === page.data.length;
    next = (ours.at(-1) ?? next) + 1;
  }
  return found;
}

async function capability<T>(
  tpm: Tpm,
  group: number,
  first: number,
  count: number,
  read: (reader: ByteReader) => T,
): Promise<{ readonly more: boolean; readonly data: T }> {
  const name = 'TPM2_GetCapability';
  const parameters = new TpmWriter().u32(group).u32(first).u32(count).finish();
  const answer = await tpm.execute({ name, code: CC.getCapability, parameters });
  return parametersOf(name, answer, (reader) => {
    const more = reader.u8('more data') !== 0;
    const given = reader.u32be('capability');
    if (given !== group) throw new DecodeError(name, `capability ${given}; ${group} was asked for`, 1);
    return { more, data: read(reader) };
  });
}

function readProperties(reader: ByteReader): readonly { readonly property: number; readonly value: number }[] {
  return list(reader, () => ({ property: reader.u32be('property'), value: reader.u32be('value') }));
}

function readHandles(reader: ByteReader): readonly number[] {
  return list(reader, () => reader.u32be('handle'));
}

/** TPML_PCR_SELECTION, with banks of algorithms that nothing here knows. */
function readBanks(reader: ByteReader): readonly PcrBank[] {
  return list(reader, () => {
    const algorithm = reader.u16be('bank');
    const bitmap = reader.bytes(reader.u8('bitmap size'), 'bitmap');
    const indexes = Array.from({ length: 8 * bitmap.length }, (_, index) => index);
    const pcrs = indexes.filter((index) => ((bitmap[index >> 3] ?? 0) & (1 << (index & 7))) !== 0);
    return { algorithm, bank: hashById(algorithm)?.name, pcrs };
  });
}

function list<T>(reader: ByteReader, read: () => T): readonly T[] {
  const at = reader.offset;
  const count = reader.u32be('count');
  // A TPM may give fewer than it was asked for; never more than fit into one response.
  if (count > MOST_HANDLES) throw new DecodeError('TPM2_GetCapability', `${count} items are too many`, at);
  return Array.from({ length: count }, read);
}

/** Four characters in a number, first in the highest byte; anything but visible ASCII is left out. */
function textOf(value: number): string {
  return [24, 16, 8, 0]
    .map((shift) => (value >>> shift) & 0xff)
    .filter((code) => code >= 0x20 && code < 0x7f)
    .map((code) => String.fromCharCode(code))
    .join('');
}
