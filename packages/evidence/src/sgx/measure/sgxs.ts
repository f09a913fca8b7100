/** MRENCLAVE of a load: the stream of ECREATE, EADD and EEXTEND that processors hash (Intel SDM volume 3D, section 37.4.1.1). */
import { createHash } from 'node:crypto';
import { ByteReader, concatBytes, DecodeError, encodeUtf8 } from '@assay/bytes';

const FORMAT = 'SGXS';
const RECORD = 64;
const PAGE = 4096n;
/** EEXTEND measures so much at a time. */
const CHUNK = 256;
const LARGEST = 1024 * 1024 * 1024;

const TAG = { create: 'ECREATE\0', add: 'EADD\0\0\0\0', extend: 'EEXTEND\0', unmeasured: 'UNMEASRD' } as const;

export interface MeasuredLoad {
  readonly mrEnclave: Uint8Array;
  /** Bytes of the enclave's address range. */
  readonly size: bigint;
  /** Pages of a save area. */
  readonly ssaFrameSize: number;
  readonly pages: number;
}

/**
 * Measures an SGXS stream: records as processors hash them, and chunks that are loaded without being measured.
 *
 * @throws DecodeError for what no load can be: another order, offsets beside the grid or beyond the enclave, reserved bytes that are set
 */
export function measureSgxs(bytes: Uint8Array): MeasuredLoad {
  if (bytes.length > LARGEST) throw new DecodeError(FORMAT, `larger than ${LARGEST} bytes`);
  const reader = new ByteReader(bytes, FORMAT);
  const hash = createHash('sha256');
  const created = createOf(reader.bytes(RECORD, 'ECREATE'));
  hash.update(bytes.subarray(0, RECORD));
  const seen = new Set<bigint>();
  let page = -1n;
  while (reader.remaining > 0) {
    const record = reader.bytes(RECORD, 'record');
    const tag = tagOf(record);
    const offset = new DataView(record.buffer, record.byteOffset).getBigUint64(8, true);
    switch (tag) {
      case TAG.add:
        addPage(record, offset, created.size, seen);
        page = offset;
        hash.update(record);
        break;
      case TAG.extend:
      case TAG.unmeasured: {
        if (offset % BigInt(CHUNK) !== 0n || page < 0n || offset < page || offset >= page + PAGE)
          throw new DecodeError(FORMAT, `a chunk at ${offset} lies outside the page that was added last`);
        zero(record.subarray(16), 'a chunk');
        const data = reader.bytes(CHUNK, 'chunk');
        if (tag === TAG.extend) hash.update(record).update(data);
        break;
      }
      default:
        throw new DecodeError(FORMAT, 'a record is none of ECREATE (once, first), EADD, EEXTEND, UNMEASRD');
    }
  }
  return { ...created, mrEnclave: Uint8Array.from(hash.digest()), pages: seen.size };
}

function createOf(record: Uint8Array): Pick<MeasuredLoad, 'size' | 'ssaFrameSize'> {
  if (tagOf(record) !== TAG.create) throw new DecodeError(FORMAT, 'does not begin with ECREATE');
  const view = new DataView(record.buffer, record.byteOffset);
  const size = view.getBigUint64(12, true);
  // Processors take powers of two alone; a stream without a size is no load yet.
  if (size < 2n * PAGE || (size & (size - 1n)) !== 0n) throw new DecodeError(FORMAT, `size ${size} is no power of two`);
  zero(record.subarray(20), 'ECREATE');
  return { size, ssaFrameSize: view.getUint32(8, true) };
}

function addPage(record: Uint8Array, offset: bigint, size: bigint, seen: Set<bigint>): void {
  if (offset % PAGE !== 0n || offset >= size)
    throw new DecodeError(FORMAT, `a page at ${offset} lies outside the enclave`);
  if (seen.has(offset)) throw new DecodeError(FORMAT, `two pages at ${offset}`);
  zero(record.subarray(24), 'SECINFO');
  seen.add(offset);
}

function zero(bytes: Uint8Array, what: string): void {
  if (bytes.some((byte) => byte !== 0)) throw new DecodeError(FORMAT, `reserved bytes of ${what} are set`);
}

function tagOf(record: Uint8Array): string {
  return String.fromCharCode(...record.subarray(0, 8));
}

/** Access of a page. */
export const PAGE_ACCESS = { read: 1n, write: 2n, execute: 4n } as const;
/** Kind of a page, in its SECINFO flags. */
export const PAGE_KIND = { tcs: 1n << 8n, regular: 2n << 8n } as const;

/** A page of an enclave that is yet to be loaded. */
export interface EnclavePage {
  readonly offset: bigint;
  /** {@link PAGE_ACCESS} and {@link PAGE_KIND}. */
  readonly flags: bigint;
  /** 4096 bytes. */
  readonly data: Uint8Array;
  /** Default true. */
  readonly measured?: boolean;
}

export interface EnclaveLayout {
  readonly size: bigint;
  readonly ssaFrameSize: number;
  /** In the order of loading. */
  readonly pages: readonly EnclavePage[];
}

/** The stream of a load, page by page. {@link measureSgxs} judges it. @throws RangeError for a page that is not 4096 bytes */
export function encodeSgxs({ size, ssaFrameSize, pages }: EnclaveLayout): Uint8Array {
  const parts = [record(TAG.create, [u32(ssaFrameSize), u64(size)])];
  for (const { offset, flags, data, measured = true } of pages) {
    if (BigInt(data.length) !== PAGE) throw new RangeError(`a page of ${data.length} bytes; ${PAGE} are due`);
    parts.push(record(TAG.add, [u64(offset), u64(flags)]));
    for (let at = 0; at < data.length; at += CHUNK) {
      parts.push(record(measured ? TAG.extend : TAG.unmeasured, [u64(offset + BigInt(at))]));
      parts.push(data.subarray(at, at + CHUNK));
    }
  }
  return concatBytes(...parts);
}

function record(tag: string, fields: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(RECORD);
  bytes.set(concatBytes(encodeUtf8(tag), ...fields));
  return bytes;
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}
