import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { DecodeError, decodeBase64url, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { decodeJws, type UnverifiedJws, verifyJws } from '../jose/jws.js';
import { ProtocolError } from '../protocol-error.js';
import { parseSealedPayload, type SealedPayload } from './payload.js';
import { SealedSecretError } from './sealed-secret-error.js';

const PREFIX = 'sealed.';
/** Longest sealed secret, in characters. */
const MAX_LENGTH = 1024 * 1024;

/** Whether a text claims to be a sealed secret. Such a text must never be passed on as it is. */
export function isSealedSecret(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** A sealed secret taken apart, NOT verified: good for finding the key, for nothing else. */
export interface UnverifiedSealedSecret {
  /** Name of the signing key: a KBS resource URI, or a local name. */
  readonly kid: string;
  readonly jws: UnverifiedJws;
}

/** A payload that was signed, or that somebody decided to take unsigned. */
export interface OpenedSealedSecret {
  readonly payload: SealedPayload;
  /** The payload's bytes. */
  readonly bytes: Uint8Array;
}

/**
 * Takes `sealed.<header>.<payload>.<signature>` apart (JWS compact, RFC 7515). The prefix stands exactly once. The algorithm is
 * judged before any key is fetched.
 *
 * @throws SealedSecretError `malformed`, `algorithm-unsupported`
 */
export function decodeSealedSecret(text: string): UnverifiedSealedSecret {
  const token = withoutPrefix(text);
  const header = readHeader(token);
  if (typeof header['kid'] !== 'string' || header['kid'] === '') throw malformed('its header names no key');
  if (typeof header['alg'] !== 'string') throw malformed('its header names no algorithm');
  if (header['alg'] !== 'ES256') throw new SealedSecretError('algorithm-unsupported', 'it is not signed with ES256');
  try {
    return { kid: header['kid'], jws: decodeJws(token, { maxLength: MAX_LENGTH }) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw malformed('it is not a signed text', error);
  }
}

/**
 * Verifies the signature, then reads the payload.
 *
 * @param jwk document of the signing key; private members are not looked at
 * @throws SealedSecretError `key-invalid`, `signature-invalid`, `malformed`
 */
export function openSealedSecret({ jws }: UnverifiedSealedSecret, jwk: Uint8Array): OpenedSealedSecret {
  if (!verifyJws(jws, importKey(jwk)))
    throw new SealedSecretError('signature-invalid', 'its signature is not by the key that it names');
  return { payload: parseSealedPayload(jws.payload), bytes: jws.payload };
}

/**
 * Takes the payload of a sealed secret whose header and signature are not looked at: for tests, where the owner of the guest
 * has switched verification off.
 *
 * @throws SealedSecretError `malformed`
 */
export function openWithoutVerification(text: string): OpenedSealedSecret {
  const parts = withoutPrefix(text).split('.');
  const [, payload = ''] = parts;
  if (parts.length !== 3) throw malformed('it is not four parts joined by dots');
  const bytes = part(payload);
  return { payload: parseSealedPayload(bytes), bytes };
}

function withoutPrefix(text: string): string {
  if (text.length > MAX_LENGTH) throw malformed(`it is longer than ${MAX_LENGTH} characters`);
  if (!isSealedSecret(text)) throw malformed('it does not begin with "sealed."');
  return text.slice(PREFIX.length);
}

function readHeader(token: string): JsonObject {
  const parts = token.split('.', 4);
  if (parts.length !== 3) throw malformed('it is not four parts joined by dots');
  try {
    const header = parseJsonStrict(part(parts[0] ?? ''), { maxBytes: 64 * 1024 });
    if (isJsonObject(header)) return header;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw malformed('its header is not JSON', error);
  }
  throw malformed('its header is not a JSON object');
}

function part(text: string): Uint8Array {
  try {
    return decodeBase64url(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw malformed('a part of it is not base64url', error);
  }
}

function importKey(jwk: Uint8Array): KeyObject {
  try {
    const value = parseJsonStrict(jwk, { maxBytes: 64 * 1024 });
    const { kty, crv, x, y } = isJsonObject(value) ? value : {};
    if (kty === 'EC' && crv === 'P-256' && typeof x === 'string' && typeof y === 'string')
      return createPublicKey({ format: 'jwk', key: { kty, crv, x, y } satisfies JsonWebKey });
  } catch {
    // Not the cause: it may quote the document, which may hold the private key.
  }
  throw new SealedSecretError('key-invalid', 'the signing key is not a P-256 key as JWK');
}

function malformed(what: string, cause?: unknown): SealedSecretError {
  return new SealedSecretError('malformed', what, cause === undefined ? undefined : { cause });
}
