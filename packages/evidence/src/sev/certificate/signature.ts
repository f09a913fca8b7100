/** Who signed what: one question at a time, never an exception. */
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { constantTimeEqual, DecodeError, encodeBase64url } from '@assay/bytes';
import type { ParsedAuthorityCertificate } from './authority.js';
import { ALGORITHM, readAlgorithm, USAGE } from './constants.js';
import {
  ecdsaSignature,
  type ParsedPlatformCertificate,
  type PlatformKey,
  rsaSignature,
  type SignatureSlot,
} from './platform.js';

/** A public key of its numbers; undefined when they are no key (a point off its curve). */
export function publicKeyOf(key: PlatformKey): KeyObject | undefined {
  const jwk =
    key.kind === 'ec'
      ? { kty: 'EC', crv: key.curve, x: encodeBase64url(key.x), y: encodeBase64url(key.y) }
      : { kty: 'RSA', n: encodeBase64url(key.modulus), e: encodeBase64url(key.exponent) };
  try {
    return createPublicKey({ format: 'jwk', key: jwk });
  } catch {
    return undefined;
  }
}

/** Whether an AMD key signed another AMD certificate, and the key ids say so too. */
export function authoritySigned(signer: ParsedAuthorityCertificate, certificate: ParsedAuthorityCertificate): boolean {
  if (certificate.signature === undefined) return false;
  if (!constantTimeEqual(signer.keyId, certificate.certifyingId)) return false;
  return pss(authorityKey(signer), authorityHash(signer), certificate.body, certificate.signature);
}

/** Whether AMD's ASK signed a platform certificate (the CEK) in one of its slots. */
export function authoritySignedPlatform(
  signer: ParsedAuthorityCertificate,
  certificate: ParsedPlatformCertificate,
): boolean {
  const algorithm = signer.bits === 2048 ? ALGORITHM.RSA_SHA256 : ALGORITHM.RSA_SHA384;
  return certificate.slots.some((slot) => {
    if (slot.usage !== USAGE.ASK || slot.algorithm !== algorithm) return false;
    return attempt(() =>
      pss(authorityKey(signer), authorityHash(signer), certificate.body, rsaSignature(slot, signer.bits)),
    );
  });
}

/**
 * Whether a platform key signed a platform certificate in one of its slots.
 *
 * @param usage that belongs to the signer's place, by which the slot names it
 */
export function platformSigned(
  signer: ParsedPlatformCertificate,
  usage: number,
  certificate: ParsedPlatformCertificate,
): boolean {
  const known = readAlgorithm(signer.algorithm);
  if (known === undefined || known.kind === 'ecdh') return false;
  const key = publicKeyOf(signer.key);
  if (key === undefined) return false;
  return certificate.slots.some(
    (slot) =>
      slot.usage === usage &&
      slot.algorithm === signer.algorithm &&
      attempt(() => slotHolds(slot, certificate.body, signer.key, key, known.hash)),
  );
}

function slotHolds(slot: SignatureSlot, body: Uint8Array, of: PlatformKey, key: KeyObject, hash: string): boolean {
  if (of.kind === 'rsa') return pss(key, hash, body, rsaSignature(slot, of.bits));
  return verify(hash, body, { key, dsaEncoding: 'ieee-p1363' }, ecdsaSignature(slot, of.curve));
}

function authorityHash({ bits }: ParsedAuthorityCertificate): string {
  return bits === 2048 ? 'sha256' : 'sha384';
}

function authorityKey({ bits, exponent, modulus }: ParsedAuthorityCertificate): KeyObject | undefined {
  return publicKeyOf({ kind: 'rsa', bits, exponent, modulus });
}

/** RSA-PSS with a salt as long as the digest. */
function pss(key: KeyObject | undefined, hash: string, body: Uint8Array, signature: Uint8Array): boolean {
  if (key === undefined) return false;
  try {
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    return verify(hash, body, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, signature);
  } catch {
    return false;
  }
}

function attempt(check: () => boolean): boolean {
  try {
    return check();
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}
