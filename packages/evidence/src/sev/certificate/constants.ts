/** Key usages of SEV certificates (SEV API, appendix C). */
export const USAGE = {
  ARK: 0x0000,
  ASK: 0x0013,
  INVALID: 0x1000,
  OCA: 0x1001,
  PEK: 0x1002,
  PDH: 0x1003,
  CEK: 0x1004,
} as const;

/** Algorithms of keys and signatures; the ones with SHA-384 are 0x100 higher. */
export const ALGORITHM = {
  NONE: 0,
  RSA_SHA256: 0x001,
  ECDSA_SHA256: 0x002,
  ECDH_SHA256: 0x003,
  RSA_SHA384: 0x101,
  ECDSA_SHA384: 0x102,
  ECDH_SHA384: 0x103,
} as const;

export type KeyKind = 'rsa' | 'ecdsa' | 'ecdh';

/** What an algorithm number says; undefined for `none` and unknown ones. */
export function readAlgorithm(
  value: number,
): { readonly kind: KeyKind; readonly hash: 'sha256' | 'sha384' } | undefined {
  const kind = ([undefined, 'rsa', 'ecdsa', 'ecdh'] as const)[value & 0xff];
  const hash = ({ 0: 'sha256', 1: 'sha384' } as const)[value >>> 8];
  return kind === undefined || hash === undefined ? undefined : { kind, hash };
}

/** EC curves by their number. */
export const CURVES = {
  1: { name: 'P-256', width: 32 },
  2: { name: 'P-384', width: 48 },
} as const;

export type CurveName = 'P-256' | 'P-384';
