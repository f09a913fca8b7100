import { decodeHex } from '@assay/bytes';
import type { EccPublicArea, ObjectAttribute, RsaPublicArea, SymmetricDefinition } from '@assay/evidence/tpm';
import { ALG } from './constants.js';

/** Kinds of keys made here. */
export type KeyKind = 'rsa2048' | 'p256';

const AES_128_CFB: SymmetricDefinition = { algorithm: ALG.aes, keyBits: 128, mode: ALG.cfb };
const NONE = new Uint8Array();

/** PolicySecret of the endorsement hierarchy (TCG EK Credential Profile, appendix B.3). */
export const EK_POLICY = decodeHex('837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa');

const FIXED: readonly ObjectAttribute[] = ['fixedTPM', 'fixedParent', 'sensitiveDataOrigin'];

/** Default template of the endorsement key: L-1 (RSA 2048) or L-2 (P-256) of the TCG EK Credential Profile. */
export function ekTemplate(kind: KeyKind): RsaPublicArea | EccPublicArea {
  const common = {
    nameAlg: 'sha256',
    attributes: new Set<ObjectAttribute>([...FIXED, 'adminWithPolicy', 'restricted', 'decrypt']),
    authPolicy: EK_POLICY,
    symmetric: AES_128_CFB,
    scheme: undefined,
  } as const;
  return kind === 'rsa2048'
    ? { type: 'rsa', ...common, keyBits: 2048, exponent: 0, modulus: new Uint8Array(256) }
    : { type: 'ecc', ...common, curve: 'P-256', kdf: undefined, x: new Uint8Array(32), y: new Uint8Array(32) };
}

/** A restricted signing key: RSASSA or ECDSA, with SHA-256. */
export function akTemplate(kind: KeyKind): RsaPublicArea | EccPublicArea {
  return signingTemplate(kind, [...FIXED, 'userWithAuth', 'noDA', 'restricted', 'sign']);
}

/** A signing key with attributes of choice; only a restricted one can vouch for a quote. */
export function signingTemplate(kind: KeyKind, attributes: readonly ObjectAttribute[]): RsaPublicArea | EccPublicArea {
  const common = {
    nameAlg: 'sha256',
    attributes: new Set(attributes),
    authPolicy: NONE,
    symmetric: undefined,
  } as const;
  return kind === 'rsa2048'
    ? {
        type: 'rsa',
        ...common,
        scheme: { algorithm: ALG.rsassa, hash: 'sha256' },
        keyBits: 2048,
        exponent: 0,
        modulus: NONE,
      }
    : {
        type: 'ecc',
        ...common,
        scheme: { algorithm: ALG.ecdsa, hash: 'sha256' },
        curve: 'P-256',
        kdf: undefined,
        x: NONE,
        y: NONE,
      };
}

/** A storage key, the parent of keys made by TPM2_Create (TCG TPM v2.0 Provisioning Guidance, section 7.5.1). */
export function storageTemplate(kind: KeyKind): RsaPublicArea | EccPublicArea {
  const common = {
    nameAlg: 'sha256',
    attributes: new Set<ObjectAttribute>([...FIXED, 'userWithAuth', 'noDA', 'restricted', 'decrypt']),
    authPolicy: NONE,
    symmetric: AES_128_CFB,
    scheme: undefined,
  } as const;
  return kind === 'rsa2048'
    ? { type: 'rsa', ...common, keyBits: 2048, exponent: 0, modulus: NONE }
    : { type: 'ecc', ...common, curve: 'P-256', kdf: undefined, x: NONE, y: NONE };
}
