import { constants, type KeyObject, sign, verify } from 'node:crypto';
import {
  DecodeError,
  decodeBase64url,
  encodeBase64url,
  encodeUtf8,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { ProtocolError } from '../protocol-error.js';
import { isJwsAlgorithm, JWS_ALGORITHMS, JWS_SCHEMES, type JwsAlgorithm, keyFits } from './algorithms.js';

/** A token in compact form (RFC 7515 section 7.1), taken apart but NOT verified: good for finding the key, for nothing else. */
export interface UnverifiedJws {
  readonly algorithm: JwsAlgorithm;
  readonly header: JsonObject;
  /** The payload's bytes. */
  readonly payload: Uint8Array;
  readonly signingInput: Uint8Array;
  readonly signature: Uint8Array;
}

export interface JwsLimits {
  /** Characters of the token; default 1 MiB, since tokens with device evidence are large. */
  readonly maxLength?: number;
}

const DEFAULT_MAX_LENGTH = 1024 * 1024;
const MAX_HEADER = 64 * 1024;

/**
 * Takes a compact JWS apart.
 *
 * @throws ProtocolError `token.form.valid`; `token.algorithm.allowed` for `none`, HMAC and every other algorithm not served
 */
export function decodeJws(token: string, limits: JwsLimits = {}): UnverifiedJws {
  const maxLength = limits.maxLength ?? DEFAULT_MAX_LENGTH;
  if (token.length > maxLength) throw malformed(`is longer than ${maxLength} characters`);
  const parts = token.split('.', 4);
  const [protectedPart, payloadPart, signaturePart] = parts;
  if (parts.length !== 3 || protectedPart === undefined || payloadPart === undefined || signaturePart === undefined) {
    throw malformed('is not three parts joined by dots');
  }
  if (protectedPart.length > MAX_HEADER) throw malformed(`header is longer than ${MAX_HEADER} characters`);
  const header = jsonPart(decodePart(protectedPart, 'header'), 'header');
  const algorithm = header['alg'];
  if (!isJwsAlgorithm(algorithm)) {
    throw new ProtocolError('token.algorithm.allowed', 'token is not signed with an algorithm that is served', {
      path: '/alg',
      expected: JWS_ALGORITHMS.join(', '),
    });
  }
  // RFC 7515 section 4.1.11: an extension that must be understood and is not makes the token invalid. None is understood here.
  if (Object.hasOwn(header, 'crit')) throw malformed('names critical header extensions; none is understood');
  if (Object.hasOwn(header, 'b64')) throw malformed('has an unencoded payload');
  return {
    algorithm,
    header,
    payload: decodePart(payloadPart, 'payload'),
    signingInput: encodeUtf8(`${protectedPart}.${payloadPart}`),
    signature: decodePart(signaturePart, 'signature'),
  };
}

/** Whether the signature is right under this key. The key must fit the algorithm, so that a key is never used for another purpose. */
export function verifyJws(jws: UnverifiedJws, key: KeyObject): boolean {
  if (key.type !== 'public' || !keyFits(jws.algorithm, key)) return false;
  return verify(JWS_SCHEMES[jws.algorithm].digest, jws.signingInput, keyInput(jws.algorithm, key), jws.signature);
}

/**
 * Signs a payload into a compact JWS.
 *
 * @param header members beside `alg`, in the order in which they are to stand before it
 * @throws RangeError when the key does not fit the algorithm
 */
export function signJws(
  payload: string,
  key: KeyObject,
  algorithm: JwsAlgorithm,
  header: { readonly [member: string]: JsonValue } = {},
): string {
  if (key.type !== 'private' || !keyFits(algorithm, key)) throw new RangeError(`key does not fit ${algorithm}`);
  const protectedPart = encodeBase64url(encodeUtf8(JSON.stringify({ typ: 'JWT', alg: algorithm, ...header })));
  const signingInput = `${protectedPart}.${encodeBase64url(encodeUtf8(payload))}`;
  const signature = sign(JWS_SCHEMES[algorithm].digest, encodeUtf8(signingInput), keyInput(algorithm, key));
  return `${signingInput}.${encodeBase64url(signature)}`;
}

/** The JSON object in a part of a token. @throws ProtocolError `token.form.valid` */
export function jsonPart(bytes: Uint8Array, part: string): JsonObject {
  let value: JsonValue;
  try {
    value = parseJsonStrict(bytes, { maxBytes: DEFAULT_MAX_LENGTH });
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw malformed(`${part} is not JSON (${cause.reason})`, cause);
  }
  if (!isJsonObject(value)) throw malformed(`${part} is not a JSON object`);
  return value;
}

function decodePart(text: string, part: string): Uint8Array {
  try {
    return decodeBase64url(text);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw malformed(`${part} is not base64url (${cause.reason})`, cause);
  }
}

function keyInput(algorithm: JwsAlgorithm, key: KeyObject) {
  const scheme = JWS_SCHEMES[algorithm];
  if (scheme.keyType === 'ec') return { key, dsaEncoding: 'ieee-p1363' as const };
  if (scheme.pssSalt !== undefined)
    return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: scheme.pssSalt };
  return key;
}

function malformed(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError('token.form.valid', `token ${what}`, { cause });
}
