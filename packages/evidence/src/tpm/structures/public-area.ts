/** TPMT_PUBLIC of RSA and ECC keys (TPM 2.0 Library, Part 2, section 12.2.4). */
import { ByteReader, DecodeError } from '@assay/bytes';
import { algorithmName, curveById, curveOf, hashOf, TPM_ALG, type TpmCurve, type TpmHash } from './algorithm.js';
import { decodeAttributes, encodeAttributes, type ObjectAttributes } from './attributes.js';
import { readHash, readSized, TpmWriter } from './marshal.js';

/** TPMT_SYM_DEF_OBJECT: how a storage key protects its children; signing keys have none. */
export interface SymmetricDefinition {
  /** TPM_ALG_ID: AES, SM4 or Camellia. */
  readonly algorithm: number;
  readonly keyBits: number;
  /** TPM_ALG_ID of the mode; CFB. */
  readonly mode: number;
}

/** TPMT_RSA_SCHEME, TPMT_ECC_SCHEME, TPMT_KDF_SCHEME. */
export interface KeyScheme {
  /** TPM_ALG_ID. */
  readonly algorithm: number;
  /** Absent for RSAES. */
  readonly hash?: TpmHash;
  /** ECDAA alone. */
  readonly count?: number;
}

interface PublicCommon {
  readonly nameAlg: TpmHash;
  readonly attributes: ObjectAttributes;
  readonly authPolicy: Uint8Array;
  /** Undefined: TPM_ALG_NULL. */
  readonly symmetric: SymmetricDefinition | undefined;
  /** Undefined: TPM_ALG_NULL, the scheme is chosen at each use. */
  readonly scheme: KeyScheme | undefined;
}

export interface RsaPublicArea extends PublicCommon {
  readonly type: 'rsa';
  readonly keyBits: number;
  /** As stored: 0 stands for 65537. */
  readonly exponent: number;
  /** Empty in a template. */
  readonly modulus: Uint8Array;
}

export interface EccPublicArea extends PublicCommon {
  readonly type: 'ecc';
  readonly curve: TpmCurve;
  readonly kdf: KeyScheme | undefined;
  /** Coordinates as stored; empty in a template. */
  readonly x: Uint8Array;
  readonly y: Uint8Array;
}

export type PublicArea = RsaPublicArea | EccPublicArea;

const LARGEST_DIGEST = 64;
const RSA_SIZES: readonly number[] = [1024, 2048, 3072, 4096];

/** Reads the public area of a key that exists: a template without a key is refused. @throws DecodeError */
export function readPublic(reader: ByteReader): PublicArea {
  const at = reader.offset;
  const type = reader.u16be('type');
  if (type !== TPM_ALG.rsa && type !== TPM_ALG.ecc) {
    throw new DecodeError('TPMT_PUBLIC', `type is ${algorithmName(type)}; RSA or ECC is due`, at);
  }
  const nameAlg = readHash(reader, 'nameAlg');
  const attributesAt = reader.offset;
  const attributes = decodeAttributes(reader.u32be('objectAttributes'), attributesAt);
  const authPolicy = readSized(reader, 'authPolicy', LARGEST_DIGEST);
  if (authPolicy.length !== 0 && authPolicy.length !== hashOf(nameAlg).size) {
    throw new DecodeError(
      'TPMT_PUBLIC',
      `authPolicy of ${authPolicy.length} bytes is no digest of ${nameAlg}`,
      attributesAt,
    );
  }
  const symmetric = readSymmetric(reader);
  const common = { nameAlg, attributes, authPolicy, symmetric, scheme: readScheme(reader, 'scheme') };
  return type === TPM_ALG.rsa ? readRsa(reader, common) : readEcc(reader, common);
}

function readRsa(reader: ByteReader, common: PublicCommon): RsaPublicArea {
  const at = reader.offset;
  const keyBits = reader.u16be('keyBits');
  if (!RSA_SIZES.includes(keyBits)) throw new DecodeError('TPMT_PUBLIC', `RSA key of ${keyBits} bits`, at);
  const exponent = reader.u32be('exponent');
  const modulus = readSized(reader, 'modulus', keyBits / 8);
  if (modulus.length !== keyBits / 8) {
    throw new DecodeError('TPMT_PUBLIC', `modulus of ${modulus.length} bytes in a key of ${keyBits} bits`, at);
  }
  return { type: 'rsa', ...common, keyBits, exponent, modulus };
}

function readEcc(reader: ByteReader, common: PublicCommon): EccPublicArea {
  const at = reader.offset;
  const id = reader.u16be('curveID');
  const curve = curveById(id);
  if (curve === undefined) throw new DecodeError('TPMT_PUBLIC', `curve 0x${id.toString(16)} is not served`, at);
  const kdf = readScheme(reader, 'kdf');
  const x = readSized(reader, 'x', curve.size);
  const y = readSized(reader, 'y', curve.size);
  if (x.length === 0 || y.length === 0) throw new DecodeError('TPMT_PUBLIC', 'point without coordinates', at);
  return { type: 'ecc', ...common, curve: curve.name, kdf, x, y };
}

function readSymmetric(reader: ByteReader): SymmetricDefinition | undefined {
  const at = reader.offset;
  const algorithm = reader.u16be('symmetric');
  if (algorithm === TPM_ALG.null) return undefined;
  if (algorithm !== TPM_ALG.aes && algorithm !== TPM_ALG.sm4 && algorithm !== TPM_ALG.camellia) {
    throw new DecodeError('TPMT_PUBLIC', `symmetric is ${algorithmName(algorithm)}`, at);
  }
  return { algorithm, keyBits: reader.u16be('symmetric keyBits'), mode: reader.u16be('symmetric mode') };
}

/** Schemes whose details are a hash. */
const HASHED: readonly number[] = [
  TPM_ALG.rsassa,
  TPM_ALG.rsapss,
  TPM_ALG.oaep,
  TPM_ALG.ecdsa,
  TPM_ALG.ecdh,
  TPM_ALG.sm2,
  TPM_ALG.ecschnorr,
  TPM_ALG.ecmqv,
];

function readScheme(reader: ByteReader, field: string): KeyScheme | undefined {
  const at = reader.offset;
  const algorithm = reader.u16be(field);
  if (algorithm === TPM_ALG.null) return undefined;
  if (algorithm === TPM_ALG.rsaes) return { algorithm };
  if (algorithm === TPM_ALG.ecdaa) {
    return { algorithm, hash: readHash(reader, `${field} hash`), count: reader.u16be(`${field} count`) };
  }
  const derives = field === 'kdf' && KDFS.includes(algorithm);
  if (!derives && (field === 'kdf' || !HASHED.includes(algorithm))) {
    throw new DecodeError('TPMT_PUBLIC', `${field} is ${algorithmName(algorithm)}`, at);
  }
  return { algorithm, hash: readHash(reader, `${field} hash`) };
}

/** MGF1, KDF1 of SP 800-56A, KDF2, KDF1 of SP 800-108. */
const KDFS: readonly number[] = [0x0007, 0x0020, 0x0021, 0x0022];

/** Reads a TPMT_PUBLIC to its last byte. @throws DecodeError */
export function parsePublic(bytes: Uint8Array): PublicArea {
  const reader = new ByteReader(bytes, 'TPMT_PUBLIC');
  const area = readPublic(reader);
  reader.end();
  return area;
}

export function marshalPublic(area: PublicArea): Uint8Array {
  const writer = new TpmWriter()
    .u16(area.type === 'rsa' ? TPM_ALG.rsa : TPM_ALG.ecc)
    .u16(hashOf(area.nameAlg).id)
    .u32(encodeAttributes(area.attributes))
    .sized(area.authPolicy);
  if (area.symmetric === undefined) writer.u16(TPM_ALG.null);
  else writer.u16(area.symmetric.algorithm).u16(area.symmetric.keyBits).u16(area.symmetric.mode);
  writeScheme(writer, area.scheme);
  if (area.type === 'rsa') return writer.u16(area.keyBits).u32(area.exponent).sized(area.modulus).finish();
  writer.u16(curveOf(area.curve).id);
  return writeScheme(writer, area.kdf).sized(area.x).sized(area.y).finish();
}

function writeScheme(writer: TpmWriter, scheme: KeyScheme | undefined): TpmWriter {
  if (scheme === undefined) return writer.u16(TPM_ALG.null);
  writer.u16(scheme.algorithm);
  if (scheme.hash !== undefined) writer.u16(hashOf(scheme.hash).id);
  if (scheme.count !== undefined) writer.u16(scheme.count);
  return writer;
}
