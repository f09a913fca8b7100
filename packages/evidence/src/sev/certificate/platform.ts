/** SEV platform certificates (PDH, PEK, OCA, CEK; also the guest owner's): 2084 bytes, little-endian throughout. */
import { ByteReader, DecodeError } from '@assay/bytes';
import { ALGORITHM, CURVES, type CurveName, readAlgorithm, USAGE } from './constants.js';
import { bigEndian, withoutLeadingZeros } from './number.js';

export const PLATFORM_CERTIFICATE_SIZE = 2084;
/** Bytes that are signed. */
export const BODY_SIZE = 1044;
const KEY_AREA = 1028;
/** Width of a coordinate or of R and S. */
const EC_FIELD = 72;
const RSA_FIELD = 512;

/** The subject's key, numbers big-endian. */
export type PlatformKey =
  | { readonly kind: 'ec'; readonly curve: CurveName; readonly x: Uint8Array; readonly y: Uint8Array }
  | { readonly kind: 'rsa'; readonly bits: number; readonly exponent: Uint8Array; readonly modulus: Uint8Array };

/** One of the two places for a signature. */
export interface SignatureSlot {
  /** Usage of the signer's key. */
  readonly usage: number;
  readonly algorithm: number;
  /** 512 bytes as stored. */
  readonly signature: Uint8Array;
}

/** Fields of a certificate whose form holds; nothing is said about who signed it. */
export interface ParsedPlatformCertificate {
  readonly api: { readonly major: number; readonly minor: number };
  readonly usage: number;
  readonly algorithm: number;
  readonly key: PlatformKey;
  /** The signed bytes. */
  readonly body: Uint8Array;
  readonly slots: readonly [SignatureSlot, SignatureSlot];
}

/** Reads 2084 bytes. @throws DecodeError for another length, version, reserved bytes, or numbers out of their fields */
export function parsePlatformCertificate(bytes: Uint8Array): ParsedPlatformCertificate {
  const reader = new ByteReader(bytes, 'SEV certificate');
  if (bytes.length !== PLATFORM_CERTIFICATE_SIZE)
    throw new DecodeError('SEV certificate', `${bytes.length} bytes; ${PLATFORM_CERTIFICATE_SIZE} are right`);
  const version = reader.u32le('version');
  if (version !== 1) throw new DecodeError('SEV certificate', `version ${version}; 1 is known`, 0);
  const api = { major: reader.u8('api major'), minor: reader.u8('api minor') };
  reader.zeros(2, 'reserved bytes');
  const usage = reader.u32le('usage');
  const algorithm = reader.u32le('algorithm');
  const key = readKey(reader.sub(KEY_AREA, 'key'), algorithm);
  const slots = [readSlot(reader), readSlot(reader)] as const;
  reader.end();
  return { api, usage, algorithm, key, body: bytes.subarray(0, BODY_SIZE), slots };
}

function readKey(reader: ByteReader, algorithm: number): PlatformKey {
  const known = readAlgorithm(algorithm);
  if (known === undefined) throw new DecodeError('SEV certificate', `key algorithm ${algorithm} is unknown`, 12);
  if (known.kind === 'rsa') return readRsaKey(reader);
  const number = reader.u32le('curve');
  const curve = number === 1 || number === 2 ? CURVES[number] : undefined;
  if (curve === undefined) throw new DecodeError('SEV certificate', `curve ${number} is unknown`, 16);
  const x = bigEndian(reader.bytes(EC_FIELD, 'X'), curve.width, 'X');
  const y = bigEndian(reader.bytes(EC_FIELD, 'Y'), curve.width, 'Y');
  reader.zeros(reader.remaining, 'rest of the key area');
  return { kind: 'ec', curve: curve.name, x, y };
}

function readRsaKey(reader: ByteReader): PlatformKey {
  const bits = reader.u32le('modulus size');
  if (bits !== 2048 && bits !== 4096) throw new DecodeError('SEV certificate', `RSA key of ${bits} bits`, 16);
  const exponent = withoutLeadingZeros(bigEndian(reader.bytes(RSA_FIELD, 'exponent'), bits / 8, 'exponent'));
  const modulus = bigEndian(reader.bytes(RSA_FIELD, 'modulus'), bits / 8, 'modulus');
  reader.end();
  return { kind: 'rsa', bits, exponent, modulus };
}

function readSlot(reader: ByteReader): SignatureSlot {
  const usage = reader.u32le('signer usage');
  const algorithm = reader.u32le('signature algorithm');
  const at = reader.offset;
  const signature = reader.bytes(RSA_FIELD, 'signature');
  const empty = usage === USAGE.INVALID || algorithm === ALGORITHM.NONE;
  if (empty && (usage !== USAGE.INVALID || algorithm !== ALGORITHM.NONE || signature.some((byte) => byte !== 0)))
    throw new DecodeError('SEV certificate', 'an empty signature slot is not empty', at);
  return { usage, algorithm, signature };
}

/** R and S of an ECDSA slot as `r ‖ s`, big-endian (IEEE P1363). @throws DecodeError when they do not fit the curve */
export function ecdsaSignature(slot: SignatureSlot, curve: CurveName): Uint8Array {
  const width = curve === 'P-256' ? 32 : 48;
  const reader = new ByteReader(slot.signature, 'SEV signature');
  const r = bigEndian(reader.bytes(EC_FIELD, 'R'), width, 'R');
  const s = bigEndian(reader.bytes(EC_FIELD, 'S'), width, 'S');
  reader.zeros(reader.remaining, 'rest of the signature');
  return Uint8Array.from([...r, ...s]);
}

/** An RSA slot's signature, big-endian. @throws DecodeError when it does not fit the modulus */
export function rsaSignature(slot: SignatureSlot, bits: number): Uint8Array {
  return bigEndian(slot.signature, bits / 8, 'signature');
}
