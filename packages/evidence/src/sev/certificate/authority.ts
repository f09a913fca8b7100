/** AMD's certificates of SEV (ASK, ARK): preamble, exponent, modulus, RSA-PSS signature; little-endian throughout. */
import { ByteReader, DecodeError } from '@assay/bytes';
import { bigEndian, withoutLeadingZeros } from './number.js';

const PREAMBLE = 64;

/** Fields of a certificate whose form holds; nothing is said about who signed it. */
export interface ParsedAuthorityCertificate {
  /** Whole file. */
  readonly bytes: Uint8Array;
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  /** Key id of the signer. */
  readonly certifyingId: Uint8Array;
  readonly usage: number;
  readonly bits: 2048 | 4096;
  /** Big-endian, without leading zeros. */
  readonly exponent: Uint8Array;
  /** Big-endian. */
  readonly modulus: Uint8Array;
  /** The signed bytes. */
  readonly body: Uint8Array;
  /** Big-endian; absent in the one file that AMD published without it. */
  readonly signature?: Uint8Array;
}

/**
 * Reads 832 bytes (RSA-2048) or 1600 (RSA-4096); a 2048-bit file that ends before its signature (576) is read without one, and
 * believed only where it is pinned.
 *
 * @throws DecodeError for another length, version, sizes that differ, reserved bytes
 */
export function parseAuthorityCertificate(bytes: Uint8Array): ParsedAuthorityCertificate {
  const reader = new ByteReader(bytes, 'AMD certificate');
  const version = reader.u32le('version');
  if (version !== 1) throw new DecodeError('AMD certificate', `version ${version}; 1 is known`, 0);
  const keyId = reader.bytes(16, 'key id');
  const certifyingId = reader.bytes(16, 'certifying key id');
  const usage = reader.u32le('usage');
  reader.zeros(16, 'reserved bytes');
  const exponentBits = reader.u32le('exponent size');
  const bits = reader.u32le('modulus size');
  if (bits !== 2048 && bits !== 4096) throw new DecodeError('AMD certificate', `modulus of ${bits} bits`, 60);
  if (exponentBits !== bits)
    throw new DecodeError('AMD certificate', `exponent field of ${exponentBits} bits beside a modulus of ${bits}`, 56);
  const size = bits / 8;
  const exponent = withoutLeadingZeros(bigEndian(reader.bytes(size, 'exponent'), size, 'exponent'));
  const modulus = bigEndian(reader.bytes(size, 'modulus'), size, 'modulus');
  const parsed = { bytes, keyId, certifyingId, usage, bits, exponent, modulus } as const;
  const body = bytes.subarray(0, PREAMBLE + 2 * size);
  if (reader.remaining === 0 && bits === 2048) return { ...parsed, body };
  const signature = bigEndian(reader.bytes(size, 'signature'), size, 'signature');
  reader.end();
  return { ...parsed, body, signature };
}

/** Length of the certificate that begins these bytes, as its header says; undefined where there is none. */
export function authorityLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < PREAMBLE) return undefined;
  const bits = new DataView(bytes.buffer, bytes.byteOffset).getUint32(60, true);
  return bits === 2048 || bits === 4096 ? PREAMBLE + (3 * bits) / 8 : undefined;
}
