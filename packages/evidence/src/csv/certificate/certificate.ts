/**
 * Hygon's two certificate formats (HYGON CSV API, as `openanolis/csv-rs` reads them): that of the root and signing keys, 832
 * bytes, and that of chip and platform keys, 2084 bytes. Neither has dates or names; a usage says what a key is.
 */
import { ByteReader, DecodeError } from '@assay/bytes';
import { type Sm2PublicKey, sm2PublicKey, sm2Verify } from '../../sm/index.js';

export const CA_SIZE = 832;
export const CSV_SIZE = 2084;
/** HSK then CEK, as `cert.hygon.cn` answers. */
export const HSK_CEK_SIZE = CA_SIZE + CSV_SIZE;

const CA_BODY = 576;
const CSV_BODY = 1044;
/** Numbers are little-endian and padded to 72 bytes. */
const NUMBER = 72;
const USER_ID = 254;
const SLOTS = 2;

/** What a key may be used for. */
export const USAGE = { hrk: 0, hsk: 0x13, oca: 0x1001, pek: 0x1002, pdh: 0x1003, cek: 0x1004 } as const;
/** SM2 signatures with SM3. */
export const SM2_SA = 4;
const SM2_CURVE = 3;
/** Roots have been seen that write their key's length in words here; the point itself says which curve it is on. */
const CA_CURVES: readonly number[] = [SM2_CURVE, 4];

/** One signature of a certificate or report. */
export interface CsvSignature {
  /** Usage of the key that signed; undefined in the format that does not say. */
  readonly usage: number | undefined;
  readonly algorithm: number;
  readonly r: bigint;
  readonly s: bigint;
}

/** A certificate of either format, read strictly and not verified. */
export interface CsvCertificate {
  readonly bytes: Uint8Array;
  /** What is signed. */
  readonly body: Uint8Array;
  readonly usage: number;
  readonly algorithm: number;
  /** Goes into every digest that the key signs. */
  readonly userId: Uint8Array;
  readonly key: Sm2PublicKey;
  /** Of roots and signing keys. */
  readonly keyId: Uint8Array | undefined;
  readonly signerId: Uint8Array;
  readonly signatures: readonly CsvSignature[];
}

/** Reads a certificate of the root or signing key. @throws DecodeError */
export function parseCaCertificate(bytes: Uint8Array, name: string): CsvCertificate {
  const reader = new ByteReader(bytes, name);
  const body = bytes.subarray(0, CA_BODY);
  reader.u32le('version');
  const keyId = reader.bytes(16, 'key id');
  const signerId = reader.bytes(16, 'signer id');
  const usage = reader.u32le('usage');
  reader.skip(24, 'reserved');
  const key = readKey(reader, name, CA_CURVES);
  const userId = readUserId(reader, name);
  reader.skip(CA_BODY - reader.position, 'reserved');
  const signature = { usage: undefined, algorithm: SM2_SA, ...readSignature(reader) };
  // Not signed: it must not be a place where anything can be written.
  reader.zeros(112, 'reserved');
  reader.end();
  return { bytes, body, usage, algorithm: SM2_SA, userId, key, keyId, signerId, signatures: [signature] };
}

/** Reads a certificate of a chip, platform or owner key. @throws DecodeError */
export function parseCsvCertificate(bytes: Uint8Array, name: string): CsvCertificate {
  const reader = new ByteReader(bytes, name);
  const body = bytes.subarray(0, CSV_BODY);
  reader.u32le('version');
  reader.skip(4, 'API version');
  const usage = reader.u32le('usage');
  const algorithm = reader.u32le('algorithm');
  const key = readKey(reader, name, [SM2_CURVE]);
  const userId = readUserId(reader, name);
  const signerId = reader.bytes(16, 'signer id');
  reader.skip(CSV_BODY - reader.position, 'reserved');
  const signatures = Array.from({ length: SLOTS }, (_, slot): CsvSignature => {
    const signed = { usage: reader.u32le(`usage of signature ${slot}`), algorithm: reader.u32le('algorithm') };
    const numbers = readSignature(reader);
    reader.zeros(368, `reserved of signature ${slot}`);
    return { ...signed, ...numbers };
  });
  reader.end();
  return { bytes, body, usage, algorithm, userId, key, keyId: undefined, signerId, signatures };
}

/**
 * Whether `parent` signed `child`.
 *
 * A child with slots must have exactly one of the parent's usage, and that one counts: the other is of the platform's owner. A
 * child without slots must name the parent's key id.
 */
export function signedBy(child: CsvCertificate, parent: CsvCertificate): boolean {
  const [slot, ...others] = child.signatures.filter(({ usage }) => usage === undefined || usage === parent.usage);
  if (slot === undefined || others.length > 0 || slot.algorithm !== parent.algorithm) return false;
  if (slot.usage === undefined && Buffer.compare(child.signerId, parent.keyId ?? new Uint8Array()) !== 0) return false;
  return sm2Verify(parent.key, parent.userId, child.body, slot.r, slot.s);
}

/** R and S, 72 bytes each. */
export function readSignature(reader: ByteReader): { readonly r: bigint; readonly s: bigint } {
  return { r: readNumber(reader, 'R'), s: readNumber(reader, 'S') };
}

function readNumber(reader: ByteReader, field: string): bigint {
  const bytes = Buffer.from(reader.bytes(NUMBER, field)).reverse();
  return BigInt(`0x${bytes.toString('hex')}`);
}

function readKey(reader: ByteReader, name: string, curves: readonly number[]): Sm2PublicKey {
  const at = reader.offset;
  const curve = reader.u32le('curve');
  if (!curves.includes(curve)) throw new DecodeError(name, `curve ${curve}; SM2 is ${SM2_CURVE}`, at);
  const key = sm2PublicKey(readNumber(reader, 'Qx'), readNumber(reader, 'Qy'));
  if (key === undefined) throw new DecodeError(name, 'public key is no point of the SM2 curve', at);
  return key;
}

function readUserId(reader: ByteReader, name: string): Uint8Array {
  const at = reader.offset;
  const length = reader.u16le('length of the user id');
  if (length > USER_ID) throw new DecodeError(name, `user id of ${length} bytes; at most ${USER_ID} fit`, at);
  const userId = reader.bytes(length, 'user id');
  reader.zeros(USER_ID - length, 'rest of the user id');
  return userId;
}
