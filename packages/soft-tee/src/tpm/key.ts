import { constants, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { type ObjectAttribute, type PublicArea, TPM_ALG, type TpmHash, type TpmSignature } from '@assay/evidence/tpm';

/** Attributes of an attestation key as TPMs make them. */
export const AK_ATTRIBUTES: readonly ObjectAttribute[] = [
  'fixedTPM',
  'fixedParent',
  'sensitiveDataOrigin',
  'userWithAuth',
  'restricted',
  'sign',
];

/** Public area of a signing key. */
export function akArea(key: KeyObject, attributes: readonly ObjectAttribute[] = AK_ATTRIBUTES): PublicArea {
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  const bytes = (member: string | undefined): Uint8Array => new Uint8Array(Buffer.from(member ?? '', 'base64url'));
  const common = {
    nameAlg: 'sha256',
    attributes: new Set(attributes),
    authPolicy: new Uint8Array(),
    symmetric: undefined,
  } as const;
  if (jwk.kty === 'RSA') {
    const modulus = bytes(jwk.n);
    const scheme = { algorithm: TPM_ALG.rsassa, hash: 'sha256' } as const;
    return { type: 'rsa', ...common, scheme, keyBits: 8 * modulus.length, exponent: 0, modulus };
  }
  return {
    type: 'ecc',
    ...common,
    scheme: { algorithm: TPM_ALG.ecdsa, hash: 'sha256' },
    curve: 'P-256',
    kdf: undefined,
    x: bytes(jwk.x),
    y: bytes(jwk.y),
  };
}

/** Signs as the TPM that holds the key: ECDSA on P-256, or RSASSA and RSAPSS. */
export function signQuote(
  message: Uint8Array,
  key: KeyObject,
  hash: TpmHash = 'sha256',
  rsaScheme: 'rsassa' | 'rsapss' = 'rsassa',
): TpmSignature {
  if (key.asymmetricKeyType === 'ec') {
    const fixed = new Uint8Array(sign(hash, message, { key, dsaEncoding: 'ieee-p1363' }));
    const half = fixed.length / 2;
    return { scheme: 'ecdsa', hash, r: fixed.subarray(0, half), s: fixed.subarray(half) };
  }
  const padding =
    rsaScheme === 'rsassa'
      ? { padding: constants.RSA_PKCS1_PADDING }
      : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return { scheme: rsaScheme, hash, signature: new Uint8Array(sign(hash, message, { key, ...padding })) };
}
