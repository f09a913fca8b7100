import type { KeyObject } from 'node:crypto';
import { isJsonArray, type JsonObject, type JsonValue } from '@assay/bytes';
import { ProtocolError } from '../protocol-error.js';
import type { JwsAlgorithm } from './algorithms.js';
import { decodeJws, type JwsLimits, jsonPart, signJws, type UnverifiedJws, verifyJws } from './jws.js';

declare const verified: unique symbol;

/** Claims whose signature, times and audience have been checked: only {@link verifyJwt} makes one. */
export interface VerifiedJwt {
  readonly [verified]: true;
  readonly header: JsonObject;
  readonly algorithm: JwsAlgorithm;
  readonly claims: JsonObject;
  /** `exp`, seconds since 1970; undefined only where the caller did not demand one and there is none. */
  readonly expiresAt: number | undefined;
}

export interface JwtVerifyOptions extends JwsLimits {
  /** Current time, in seconds since 1970. */
  readonly now: number;
  /** Algorithms that the caller's keys are for. */
  readonly algorithms: readonly JwsAlgorithm[];
  /** The trusted key, or how to find it by the (unverified) header; undefined means that no trusted key fits. */
  readonly key: KeyObject | ((header: JsonObject, algorithm: JwsAlgorithm) => KeyObject | undefined);
  /** Allowed difference of the clocks in seconds; default 60, as the KBS has it. */
  readonly leeway?: number;
  /** Whether `exp` must be there; default true. */
  readonly requireExpiry?: boolean;
  /** Exact `iss`. */
  readonly issuer?: string;
  /** Value that `aud` must be or hold. */
  readonly audience?: string;
}

export const DEFAULT_LEEWAY_SECONDS = 60;

/**
 * Verifies a JWT (RFC 7519): form, algorithm, key, signature, then `exp`, `nbf`, `iss`, `aud`. Claims are looked at only after the
 * signature, so that an error about them is about a token that somebody trusted has made.
 *
 * @throws ProtocolError `token.form.valid`, `token.algorithm.allowed`, `token.issuer.trust` (no key), `token.signature.valid`,
 *   `token.time.left`, `token.claim.match` (iss, aud)
 */
export function verifyJwt(token: string, options: JwtVerifyOptions): VerifiedJwt {
  const jws = decodeJws(token, options);
  if (!options.algorithms.includes(jws.algorithm)) {
    throw new ProtocolError(
      'token.algorithm.allowed',
      `token is signed with ${jws.algorithm}, which is not allowed here`,
      {
        path: '/alg',
        expected: options.algorithms.join(', '),
        actual: jws.algorithm,
      },
    );
  }
  const key = typeof options.key === 'function' ? options.key(jws.header, jws.algorithm) : options.key;
  if (key === undefined)
    throw new ProtocolError('token.issuer.trust', 'token is signed by a key that no trusted source vouches for');
  if (!verifyJws(jws, key)) {
    throw new ProtocolError('token.signature.valid', 'signature of the token does not verify under the trusted key');
  }
  const claims = jsonPart(jws.payload, 'payload');
  const expiresAt = checkTimes(claims, options);
  checkIdentity(claims, options);
  return { header: jws.header, algorithm: jws.algorithm, claims, expiresAt } as VerifiedJwt;
}

/**
 * Claims of a token that nobody has verified: for a client that acts on the times of its own token, as every guest does.
 *
 * @throws ProtocolError `token.form.valid`, `token.algorithm.allowed`
 */
export function decodeJwtUnverified(
  token: string,
  limits: JwsLimits = {},
): UnverifiedJws & { readonly claims: JsonObject } {
  const jws = decodeJws(token, limits);
  return { ...jws, claims: jsonPart(jws.payload, 'payload') };
}

/** Signs claims. The members of the token stand in the order of `claims`. @throws RangeError when the key does not fit the algorithm */
export function signJwt(
  claims: { readonly [member: string]: JsonValue },
  key: KeyObject,
  algorithm: JwsAlgorithm,
  header: { readonly [member: string]: JsonValue } = {},
): string {
  return signJws(JSON.stringify(claims), key, algorithm, header);
}

function checkTimes(claims: JsonObject, options: JwtVerifyOptions): number | undefined {
  const leeway = options.leeway ?? DEFAULT_LEEWAY_SECONDS;
  const exp = numericDate(claims, 'exp');
  const nbf = numericDate(claims, 'nbf');
  numericDate(claims, 'iat');
  if (exp === undefined && options.requireExpiry !== false) {
    throw new ProtocolError('token.time.left', 'token has no exp', { path: '/exp', expected: 'a time' });
  }
  if (exp !== undefined && options.now >= exp + leeway) {
    throw new ProtocolError('token.time.left', `token ended ${Math.ceil(options.now - exp)} s ago`, { path: '/exp' });
  }
  if (nbf !== undefined && options.now < nbf - leeway) {
    throw new ProtocolError('token.time.left', `token is valid in ${Math.ceil(nbf - options.now)} s only`, {
      path: '/nbf',
    });
  }
  return exp;
}

function numericDate(claims: JsonObject, claim: string): number | undefined {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  if (value === undefined || typeof value === 'number') return value;
  throw new ProtocolError('token.form.valid', `token: ${claim} is not a number`, {
    path: `/${claim}`,
    expected: 'a number',
  });
}

function checkIdentity(claims: JsonObject, { issuer, audience }: JwtVerifyOptions): void {
  if (issuer !== undefined && claims['iss'] !== issuer) {
    throw new ProtocolError('token.claim.match', 'token is from another issuer', { path: '/iss', expected: issuer });
  }
  if (audience === undefined) return;
  const aud = claims['aud'];
  if (aud !== audience && !(isJsonArray(aud) && aud.includes(audience))) {
    throw new ProtocolError('token.claim.match', 'token is for another audience', { path: '/aud', expected: audience });
  }
}
