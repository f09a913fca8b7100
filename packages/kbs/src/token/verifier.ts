import { createHash } from 'node:crypto';
import type { JsonObject, JsonValue } from '@assay/bytes';
import { AssayError, assayError, distance, notYetValid, reported, utc } from '@assay/bytes/findings';
import {
  decodeJwtUnverified,
  importTeePubkey,
  parseTeePubkey,
  type TeePublicKey,
  teePubkeyOfToken,
  verifyJws,
} from '@assay/protocol';
import { keyThumbprint } from '../keys.js';
import { asKnownError } from '../protocol-fault.js';
import type { TokenTrust } from './trust.js';

declare const verified: unique symbol;

/** An attestation token whose signature, issuer and times have been checked: only {@link TokenVerifier} makes one. */
export interface VerifiedToken {
  readonly [verified]: true;
  readonly claims: JsonObject;
  /** SHA-256 of the exact token, lower-case hex. */
  readonly digest: string;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  readonly notBefore: number | undefined;
}

/** The guest's key out of a verified token. */
export interface AttestedKey {
  readonly key: TeePublicKey;
  readonly thumbprint: string;
}

const LEEWAY_SECONDS = 60;
const MOST_CACHED = 4096;

export interface TokenVerifierOptions {
  readonly trust: TokenTrust;
  readonly now: () => Date;
  /** Longest token, bytes. */
  readonly maxBytes: number;
  readonly extraKeyPaths: readonly string[];
}

/**
 * Verifies attestation tokens, and remembers for the exact same bytes that they verified. Times are looked at on each use, and a
 * change of the trusted keys forgets everything.
 */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #cache = new Map<string, VerifiedToken>();
  readonly #keys = new WeakMap<VerifiedToken, AttestedKey>();
  #generation = 0;

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
  }

  /** @throws AssayError `token.form.valid`, `token.algorithm.allowed`, `token.issuer.trust`, `token.signature.valid`, `token.time.left` */
  async verify(token: string): Promise<VerifiedToken> {
    const { trust } = this.#options;
    await trust.keepFresh();
    if (trust.generation !== this.#generation) {
      this.#cache.clear();
      this.#generation = trust.generation;
    }
    const digest = createHash('sha256').update(token).digest('hex');
    const known = this.#cache.get(digest);
    if (known !== undefined) {
      this.#checkTimes(known);
      return known;
    }
    const fresh = await this.#verifyFresh(token, digest);
    this.#keep(fresh);
    return fresh;
  }

  /**
   * Takes over a token that the signer of this process has just made over these claims: these exact bytes need no
   * verification by those who signed them. What is out of the ordinary, and any other bytes, are verified; times are looked at
   * on each use.
   *
   * @param digest SHA-256 of the token, lower-case hex
   */
  issued(token: string, digest: string, claims: JsonObject): void {
    if (token.length > this.#options.maxBytes || !isTime(claims['exp']) || claims['nbf'] !== undefined) return;
    this.#keep({ claims, digest, ...timesOf(claims) } as VerifiedToken);
  }

  /** @throws AssayError `token.key.present`, `request.key.supported` */
  attestedKey(token: VerifiedToken): AttestedKey {
    const known = this.#keys.get(token);
    if (known !== undefined) return known;
    try {
      const pubkey = parseTeePubkey(teePubkeyOfToken(token.claims, this.#options.extraKeyPaths));
      const key = { key: importTeePubkey(pubkey), thumbprint: keyThumbprint(pubkey) };
      this.#keys.set(token, key);
      return key;
    } catch (thrown) {
      const error = asKnownError(thrown);
      // What stands at the place of the key is no key: the issuer's doing, not a malformed request of the guest's.
      throw error.code === 'request.body.form' ? unusableKey(error) : error;
    }
  }

  async #verifyFresh(token: string, digest: string): Promise<VerifiedToken> {
    const { trust, maxBytes } = this.#options;
    try {
      const jws = decodeJwtUnverified(token, { maxLength: maxBytes });
      const issuer = typeof jws.claims['iss'] === 'string' ? jws.claims['iss'] : 'none';
      const key = await trust.keyFor(jws.header, jws.algorithm, issuer);
      if (!verifyJws(jws, key)) {
        const kid = typeof jws.header['kid'] === 'string' ? jws.header['kid'] : 'of its header';
        throw assayError('token.signature.valid', { params: { kid }, subject: 'token' });
      }
      const result = { claims: jws.claims, digest, ...timesOf(jws.claims) } as VerifiedToken;
      this.#checkTimes(result);
      return result;
    } catch (thrown) {
      throw asKnownError(thrown);
    }
  }

  #checkTimes(token: VerifiedToken): void {
    const now = this.#options.now();
    const seconds = now.getTime() / 1000;
    if (seconds >= token.expiresAt + LEEWAY_SECONDS) throw ended(new Date(token.expiresAt * 1000), now);
    if (token.notBefore !== undefined && seconds < token.notBefore - LEEWAY_SECONDS) {
      const begins = new Date(token.notBefore * 1000);
      throw new AssayError(
        reported('token.time.left', `token is ${notYetValid(begins, now, "this server's clock")}`, {
          subject: 'token',
          expected: `not before ${utc(begins)}, with ${LEEWAY_SECONDS} s leeway`,
          actual: utc(now),
        }),
      );
    }
  }

  #keep(token: VerifiedToken): void {
    if (this.#cache.size >= MOST_CACHED) this.#evict();
    this.#cache.set(token.digest, token);
  }

  /** Drops the oldest eighth: entries keep the order of their first use. */
  #evict(): void {
    let left = MOST_CACHED / 8;
    for (const digest of this.#cache.keys()) {
      if (left-- <= 0) return;
      this.#cache.delete(digest);
    }
  }
}

function unusableKey(cause: AssayError): AssayError {
  return assayError('token.key.present', {
    params: { paths: 'the place of the key' },
    subject: 'token',
    actual: cause.title,
    cause,
  });
}

function timesOf(claims: JsonObject): { expiresAt: number; notBefore: number | undefined } {
  const exp = claims['exp'];
  const nbf = claims['nbf'];
  if (!isTime(exp)) {
    throw assayError('token.form.valid', { params: { what: 'has no numeric exp' }, subject: 'token', actual: null });
  }
  if (nbf !== undefined && !isTime(nbf))
    throw assayError('token.form.valid', { params: { what: 'has an nbf that is not a number' }, subject: 'token' });
  return { expiresAt: exp, notBefore: nbf };
}

/** Seconds since the epoch that a date can hold: the years 0 to 9999. */
function isTime(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && value > -62_167_219_200 && value < 253_402_300_000;
}

function ended(time: Date, now: Date): AssayError {
  return assayError('token.time.left', {
    params: { time: utc(time), distance: distance(now.getTime() - time.getTime()), clock: "this server's clock" },
    subject: 'token',
    actual: utc(time),
    expected: `after ${utc(now)}, with ${LEEWAY_SECONDS} s leeway`,
  });
}
