import { createCipheriv, createECDH } from 'node:crypto';
import { concatBytes, encodeBase64url, encodeUtf8 } from '@assay/bytes';
import type { FlattenedJwe } from '../kbs/schemas.js';
import type { JweForm } from '../kbs/version.js';
import { ProtocolError } from '../protocol-error.js';
import { ECDH_CURVES, type EcdhCurve } from './curve.js';
import { ecdhWrappingKey, wrapKey } from './key-wrap.js';
import { ML_KEM_768, mlKemWrappingKey } from './ml-kem.js';
import type { RandomSource } from './random.js';
import { encryptOaep256, encryptPkcs1 } from './rsa.js';
import type { TeePublicKey } from './tee-public-key.js';

export interface EncryptJweOptions {
  /** Of the session's protocol version, see `PROTOCOL_VERSIONS`; for a token without session see {@link jweFormWithoutSession}. */
  readonly form: JweForm;
  readonly random: RandomSource;
}

/** What is drawn to make one ephemeral key before the random source is called broken. */
const MAX_DRAWS = 16;

/**
 * Encrypts a secret to the guest's attested key: flattened JWE with A256GCM under a fresh content encryption key.
 *
 * Guests rebuild the additional authenticated data from the header they parsed, so the header is compact JSON with `alg` first, `enc`
 * second and, inside `epk`, `crv`, `kty`, `x`, `y`: another order would make every decryption fail.
 *
 * Random bytes are drawn in this order: content encryption key (32), IV (12), then what the key algorithm needs.
 *
 * @throws ProtocolError `request.key.supported` for a key that form 1 cannot carry
 */
export function encryptJwe(key: TeePublicKey, plaintext: Uint8Array, options: EncryptJweOptions): FlattenedJwe {
  const { form, random } = options;
  if (form === 1 && key.alg !== 'RSA1_5') {
    throw new ProtocolError(
      'request.key.supported',
      `tee-pubkey is for ${key.alg}, which protocol versions 0.1.x cannot answer`,
      {
        path: '/tee-pubkey/alg',
        expected: 'RSA1_5',
        actual: key.alg,
      },
    );
  }
  const cek = random(32);
  const iv = random(12);
  const { header, encryptedKey } = wrapContentKey(key, cek, random);
  const headerText = JSON.stringify(header);
  const protectedText = form === 1 ? headerText : encodeBase64url(encodeUtf8(headerText));
  const cipher = createCipheriv('aes-256-gcm', cek, iv);
  // Form 1 authenticates nothing but the ciphertext and appends the tag to it.
  if (form === 2) cipher.setAAD(encodeUtf8(protectedText));
  const ciphertext = concatBytes(cipher.update(plaintext), cipher.final());
  const tag = cipher.getAuthTag();
  return {
    protected: protectedText,
    encrypted_key: encodeBase64url(encryptedKey),
    iv: encodeBase64url(iv),
    ciphertext: encodeBase64url(form === 1 ? concatBytes(ciphertext, tag) : ciphertext),
    tag: form === 1 ? '' : encodeBase64url(tag),
  };
}

/** The form for a request that comes with a token and no session: only clients of 0.1.x make keys for RSA1_5. */
export function jweFormWithoutSession(key: TeePublicKey): JweForm {
  return key.alg === 'RSA1_5' ? 1 : 2;
}

interface WrappedContentKey {
  readonly header: { readonly alg: string; readonly enc: 'A256GCM'; readonly epk?: object; readonly ek?: string };
  readonly encryptedKey: Uint8Array;
}

function wrapContentKey(key: TeePublicKey, cek: Uint8Array, random: RandomSource): WrappedContentKey {
  const { alg } = key;
  switch (alg) {
    case 'RSA1_5':
      return { header: { alg, enc: 'A256GCM' }, encryptedKey: encryptPkcs1(key.key, key.modulusLength, cek, random) };
    case 'RSA-OAEP-256':
      return { header: { alg, enc: 'A256GCM' }, encryptedKey: encryptOaep256(key.key, key.modulusLength, cek, random) };
    case 'ECDH-ES+A256KW': {
      const { sharedSecret, epk } = agree(key.curve, key.point, random);
      return { header: { alg, enc: 'A256GCM', epk }, encryptedKey: wrapKey(ecdhWrappingKey(sharedSecret), cek) };
    }
    case 'ML-KEM-768+A192KW': {
      const { ciphertext, sharedSecret } = ML_KEM_768.encapsulate(key.encapsulationKey, random);
      const header = { alg, enc: 'A256GCM', ek: encodeBase64url(ciphertext) } as const;
      return { header, encryptedKey: wrapKey(mlKemWrappingKey(sharedSecret), cek) };
    }
  }
}

function agree(curve: EcdhCurve, point: Uint8Array, random: RandomSource) {
  const { openssl, width, topBits } = ECDH_CURVES[curve];
  const ecdh = createECDH(openssl);
  for (let draw = 0; ; draw += 1) {
    const scalar = Uint8Array.from(random(width));
    scalar[0] = (scalar[0] ?? 0) & topBits;
    try {
      ecdh.setPrivateKey(scalar);
      break;
    } catch (cause) {
      // Zero or not below the group order: draw again (P-521 about never, P-256 once in 2^32).
      if (draw >= MAX_DRAWS) throw new Error('random source gives no valid scalar', { cause });
    }
  }
  const sharedSecret = ecdh.computeSecret(point);
  const own = ecdh.getPublicKey();
  const x = encodeBase64url(own.subarray(1, 1 + width));
  const y = encodeBase64url(own.subarray(1 + width));
  return { sharedSecret, epk: { crv: curve, kty: 'EC', x, y } };
}
