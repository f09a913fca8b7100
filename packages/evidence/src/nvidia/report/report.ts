/** Attestation report of an NVIDIA device: SPDM 1.1 GET_MEASUREMENTS request and MEASUREMENTS response (DSP0274 1.1.1, section 10.11). */
import { ByteReader, DecodeError } from '@assay/bytes';
import { type OpaqueData, readOpaqueData } from './opaque.js';

/** A report as it stands: its form is right, its origin unknown. Byte strings are views of the input. */
export interface ParsedReport {
  readonly requestNonce: Uint8Array;
  readonly responderNonce: Uint8Array;
  /** Measurement by block index, in the order of the record. */
  readonly measurements: ReadonlyMap<number, Uint8Array>;
  readonly numberOfBlocks: number;
  readonly recordLength: number;
  readonly opaqueLength: number;
  readonly opaque: OpaqueData;
  /** What the signature covers: everything before it, the request included. */
  readonly signed: Uint8Array;
  /** r ‖ s, big-endian. */
  readonly signature: Uint8Array;
  /** Bytes after the signature, which mean nothing. */
  readonly trailing: number;
}

const FORMAT = 'NVIDIA report';
const LARGEST_REPORT = 64 * 1024;
const SPDM_1_1 = 0x11;
const GET_MEASUREMENTS = 0xe0;
const MEASUREMENTS = 0x60;
const SIGNATURE_REQUESTED = 0x01;
const ALL_MEASUREMENTS = 0xff;
const DMTF = 1;
const NONCE_SIZE = 32;
const DIGEST_SIZE = 48;
const SIGNATURE_SIZE = 96;

/** Reads a report by its lengths. @throws DecodeError */
export function parseReport(bytes: Uint8Array): ParsedReport {
  if (bytes.length > LARGEST_REPORT) throw new DecodeError(FORMAT, `${bytes.length} bytes are too many`);
  const reader = new ByteReader(bytes, FORMAT);
  const requestNonce = readRequest(reader);
  expectOctet(reader, 'response version', SPDM_1_1);
  expectOctet(reader, 'response code', MEASUREMENTS);
  reader.skip(2, 'response parameters');
  const numberOfBlocks = reader.u8('number of blocks');
  const recordLength = reader.u16le('record length') + 0x1_0000 * reader.u8('record length');
  const measurements = readRecord(reader.sub(recordLength, 'measurement record'), numberOfBlocks);
  const responderNonce = reader.bytes(NONCE_SIZE, 'responder nonce');
  const opaqueLength = reader.u16le('opaque length');
  const opaque = readOpaqueData(reader.sub(opaqueLength, 'opaque data'));
  const signed = bytes.subarray(0, reader.position);
  const signature = reader.bytes(SIGNATURE_SIZE, 'signature');
  return {
    requestNonce,
    responderNonce,
    measurements,
    numberOfBlocks,
    recordLength,
    opaqueLength,
    opaque,
    signed,
    signature,
    trailing: reader.remaining,
  };
}

/** 37 bytes: version, code, attributes, operation, nonce, slot. */
function readRequest(reader: ByteReader): Uint8Array {
  expectOctet(reader, 'request version', SPDM_1_1);
  expectOctet(reader, 'request code', GET_MEASUREMENTS);
  expectOctet(reader, 'request attributes', SIGNATURE_REQUESTED);
  expectOctet(reader, 'request operation', ALL_MEASUREMENTS);
  const nonce = reader.bytes(NONCE_SIZE, 'request nonce');
  reader.skip(1, 'request slot');
  return nonce;
}

function readRecord(reader: ByteReader, count: number): Map<number, Uint8Array> {
  const blocks = new Map<number, Uint8Array>();
  for (let block = 0; block < count; block += 1) {
    const at = reader.offset;
    const index = reader.u8('block index');
    if (blocks.has(index)) throw new DecodeError(FORMAT, `measurement ${index} stands twice`, at);
    expectOctet(reader, 'measurement specification', DMTF);
    const size = reader.u16le('measurement size');
    // Raw digests and hashed values differ in the type; both are compared by their bytes.
    reader.skip(1, 'value type');
    const valueSize = reader.u16le('value size');
    if (valueSize !== size - 3 || valueSize !== DIGEST_SIZE) {
      throw new DecodeError(FORMAT, `measurement ${index} has sizes ${size} and ${valueSize}`, at);
    }
    blocks.set(index, reader.bytes(valueSize, 'measurement'));
  }
  reader.end();
  return blocks;
}

function expectOctet(reader: ByteReader, field: string, expected: number): void {
  const at = reader.offset;
  const actual = reader.u8(field);
  if (actual !== expected) {
    throw new DecodeError(FORMAT, `${field} is 0x${actual.toString(16)}, 0x${expected.toString(16)} is due`, at);
  }
}
