/** Algorithm identifiers that the structures of a TPM name (TCG Algorithm Registry). */

/** TPM_ALG_ID. */
export const TPM_ALG = {
  rsa: 0x0001,
  sha1: 0x0004,
  aes: 0x0006,
  keyedHash: 0x0008,
  sha256: 0x000b,
  sha384: 0x000c,
  sha512: 0x000d,
  null: 0x0010,
  sm3: 0x0012,
  sm4: 0x0013,
  rsassa: 0x0014,
  rsaes: 0x0015,
  rsapss: 0x0016,
  oaep: 0x0017,
  ecdsa: 0x0018,
  ecdh: 0x0019,
  ecdaa: 0x001a,
  sm2: 0x001b,
  ecschnorr: 0x001c,
  ecmqv: 0x001d,
  ecc: 0x0023,
  symCipher: 0x0025,
  camellia: 0x0026,
  ctr: 0x0040,
  cbc: 0x0042,
  cfb: 0x0043,
} as const;

const NAMES = new Map<number, string>(Object.entries(TPM_ALG).map(([name, id]) => [id, name.toUpperCase()]));

/** Name of an algorithm for a line of text: `RSASSA`; `algorithm 0x99` when it is not known here. */
export function algorithmName(id: number): string {
  return NAMES.get(id) ?? `algorithm 0x${id.toString(16)}`;
}

/** Hash algorithms, by the names that banks of registers have and that OpenSSL knows. */
export type TpmHash = 'sha1' | 'sha256' | 'sha384' | 'sha512' | 'sm3';

export interface TpmHashAlgorithm {
  readonly id: number;
  readonly name: TpmHash;
  /** Digest size in bytes. */
  readonly size: number;
}

const HASHES: readonly TpmHashAlgorithm[] = [
  { id: TPM_ALG.sha1, name: 'sha1', size: 20 },
  { id: TPM_ALG.sha256, name: 'sha256', size: 32 },
  { id: TPM_ALG.sha384, name: 'sha384', size: 48 },
  { id: TPM_ALG.sha512, name: 'sha512', size: 64 },
  { id: TPM_ALG.sm3, name: 'sm3', size: 32 },
];

export function hashById(id: number): TpmHashAlgorithm | undefined {
  return HASHES.find((hash) => hash.id === id);
}

/** @throws RangeError for a name that is none */
export function hashOf(name: TpmHash): TpmHashAlgorithm {
  const found = HASHES.find((hash) => hash.name === name);
  if (found === undefined) throw new RangeError(`no hash ${name}`);
  return found;
}

export function isTpmHash(name: string): name is TpmHash {
  return HASHES.some((hash) => hash.name === name);
}

/** TPM_ECC_CURVE of the curves that are served. */
export type TpmCurve = 'P-256' | 'P-384' | 'P-521';

export interface TpmCurveAlgorithm {
  readonly id: number;
  readonly name: TpmCurve;
  /** Bytes of a coordinate. */
  readonly size: number;
  readonly oid: string;
}

const CURVES: readonly TpmCurveAlgorithm[] = [
  { id: 0x0003, name: 'P-256', size: 32, oid: '1.2.840.10045.3.1.7' },
  { id: 0x0004, name: 'P-384', size: 48, oid: '1.3.132.0.34' },
  { id: 0x0005, name: 'P-521', size: 66, oid: '1.3.132.0.35' },
];

export function curveById(id: number): TpmCurveAlgorithm | undefined {
  return CURVES.find((curve) => curve.id === id);
}

/** @throws RangeError for a name that is none */
export function curveOf(name: TpmCurve): TpmCurveAlgorithm {
  const found = CURVES.find((curve) => curve.name === name);
  if (found === undefined) throw new RangeError(`no curve ${name}`);
  return found;
}
