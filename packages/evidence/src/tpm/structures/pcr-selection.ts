/** TPML_PCR_SELECTION: which registers of which banks (TPM 2.0 Library, Part 2, sections 10.6.1 and 10.9.7). */
import { type ByteReader, DecodeError } from '@assay/bytes';
import { hashOf, type TpmHash } from './algorithm.js';
import { readHash, TpmWriter } from './marshal.js';

/** Registers of one bank. */
export interface PcrSelection {
  readonly bank: TpmHash;
  /** Indexes, ascending, none twice. */
  readonly indexes: readonly number[];
  /** Bytes of the bitmap; 3 for the 24 registers of a PC. */
  readonly bitmapSize: number;
}

/** Banks in the order in which their values are hashed. */
export type PcrSelectionList = readonly PcrSelection[];

/** More banks than algorithms are no list of a TPM. */
const MOST_BANKS = 16;
/** 32 registers: PCR_SELECT_MAX of the implementations. */
const LARGEST_BITMAP = 4;
const USUAL_BITMAP = 3;

/** A selection to marshal. @throws RangeError for an index that the bitmap has no bit for */
export function selectPcrs(bank: TpmHash, indexes: Iterable<number>, bitmapSize = USUAL_BITMAP): PcrSelection {
  const ascending = [...new Set(indexes)].sort((left, right) => left - right);
  for (const index of ascending) {
    if (!Number.isInteger(index) || index < 0 || index >= 8 * bitmapSize) throw new RangeError(`no PCR ${index}`);
  }
  return { bank, indexes: ascending, bitmapSize };
}

/** Reads the list; a bank named twice is refused. @throws DecodeError */
export function readPcrSelectionList(reader: ByteReader): PcrSelectionList {
  const at = reader.offset;
  const count = reader.u32be('PCR selection count');
  if (count > MOST_BANKS) throw new DecodeError('TPM structure', `PCR selection of ${count} banks`, at);
  const list: PcrSelection[] = [];
  for (let n = 0; n < count; n += 1) {
    const start = reader.offset;
    const selection = readPcrSelection(reader);
    if (list.some(({ bank }) => bank === selection.bank)) {
      throw new DecodeError('TPM structure', `PCR selection names bank ${selection.bank} twice`, start);
    }
    list.push(selection);
  }
  return list;
}

function readPcrSelection(reader: ByteReader): PcrSelection {
  const bank = readHash(reader, 'PCR bank');
  const at = reader.offset;
  const bitmapSize = reader.u8('PCR bitmap size');
  if (bitmapSize === 0 || bitmapSize > LARGEST_BITMAP) {
    throw new DecodeError('TPM structure', `PCR bitmap of ${bitmapSize} bytes; 1 to ${LARGEST_BITMAP} are due`, at);
  }
  const bitmap = reader.bytes(bitmapSize, 'PCR bitmap');
  const indexes: number[] = [];
  for (let index = 0; index < 8 * bitmapSize; index += 1) {
    if (((bitmap[index >> 3] ?? 0) & (1 << (index & 7))) !== 0) indexes.push(index);
  }
  return { bank, indexes, bitmapSize };
}

export function writePcrSelectionList(writer: TpmWriter, list: PcrSelectionList): TpmWriter {
  writer.u32(list.length);
  for (const { bank, indexes, bitmapSize } of list) {
    const bitmap = new Uint8Array(bitmapSize);
    for (const index of indexes) bitmap[index >> 3] = (bitmap[index >> 3] ?? 0) | (1 << (index & 7));
    writer.u16(hashOf(bank).id).u8(bitmapSize).bytes(bitmap);
  }
  return writer;
}

export function marshalPcrSelectionList(list: PcrSelectionList): Uint8Array {
  return writePcrSelectionList(new TpmWriter(), list).finish();
}
