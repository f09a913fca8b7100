/** Who makes admin tokens: the keys of the configured identity providers. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { JsonObject } from '@assay/bytes';
import { type AssayError, assayError, distance, type FindingDraft, utc } from '@assay/bytes/findings';
import {
  decodeJwtUnverified,
  JWS_ALGORITHMS,
  keyFits,
  type UnverifiedJws,
  type VerificationKey,
  verifyJws,
} from '@assay/protocol';
import { asKnownError } from '../protocol-fault.js';
import { isRemote, readJwkSet, readSource } from '../sources.js';
import type { KbsSources } from '../types.js';
import type { IdentityProvider } from './config.js';

const LEEWAY_SECONDS = 60;
const REFRESH_MS = 300_000;
const UNKNOWN_KEY_MS = 10_000;
const LONGEST_TOKEN = 64 * 1024;
/** What a verified admin token says. */
export interface AdminClaims {
  readonly role: string;
  readonly subject: string;
  readonly issuer: string | undefined;
}

interface Provider {
  readonly settings: IdentityProvider;
  /** Keys given in PEM: used with whatever algorithm the header names, if it fits them. */
  readonly pem: readonly KeyObject[];
  set: readonly VerificationKey[];
  refreshedAt: number;
}

export class IdentityProviders {
  readonly #providers: readonly Provider[];
  readonly #sources: KbsSources | undefined;
  readonly #now: () => Date;
  readonly #warn: (finding: FindingDraft) => void;

  private constructor(
    providers: readonly Provider[],
    sources: KbsSources | undefined,
    now: () => Date,
    warn: (finding: FindingDraft) => void,
  ) {
    this.#providers = providers;
    this.#sources = sources;
    this.#now = now;
    this.#warn = warn;
  }

  /** @throws AssayError `config.file.form` for an empty list, a provider without keys, or a key that cannot be used */
  static async open(
    settings: readonly IdentityProvider[],
    sources: KbsSources | undefined,
    now: () => Date,
    warn: (finding: FindingDraft) => void,
  ): Promise<IdentityProviders> {
    if (settings.length === 0) throw misconfigured('identity_providers', 'empty', 'at least one provider');
    const providers: Provider[] = [];
    for (const [index, one] of settings.entries()) {
      const place = `identity_providers[${index}]`;
      if (one.public_key_uri === undefined && one.jwk_set_uri === undefined && (one.public_keys ?? []).length === 0)
        throw misconfigured(place, 'without a key', 'public_key_uri, jwk_set_uri or public_keys');
      const pem = (one.public_keys ?? []).map((text) => readPublicKey(text, place));
      if (one.public_key_uri !== undefined) {
        const bytes = await readSource(sources, one.public_key_uri, place);
        pem.push(readPublicKey(Buffer.from(bytes).toString('utf8'), place));
      }
      const set = one.jwk_set_uri === undefined ? [] : await readJwkSet(sources, one.jwk_set_uri, place);
      providers.push({ settings: one, pem, set, refreshedAt: now().getTime() });
    }
    return new IdentityProviders(providers, sources, now, warn);
  }

  /**
   * Verifies an admin token against each provider in order. A provider whose key verifies it decides about the role; one whose
   * issuer or audience is another passes it on, as upstream.
   *
   * @throws AssayError `admin.token.trust`, `admin.token.time`
   */
  async verify(token: string): Promise<AdminClaims> {
    let jws: UnverifiedJws & { readonly claims: JsonObject };
    try {
      jws = decodeJwtUnverified(token, { maxLength: LONGEST_TOKEN });
    } catch (thrown) {
      throw this.#untrusted(asKnownError(thrown).title, thrown);
    }
    let late: AssayError | undefined;
    for (const provider of this.#providers) {
      if (!(await this.#signedBy(provider, jws))) continue;
      const role = jws.claims['role'];
      if (typeof role !== 'string' || role === '')
        throw this.#untrusted('a token without role', undefined, { missing: 'role' });
      late ??= timeFault(jws.claims, this.#now());
      if (late !== undefined) continue;
      if (!addressedTo(provider.settings, jws.claims)) continue;
      const { sub, iss } = jws.claims;
      return {
        role,
        subject: typeof sub === 'string' ? sub : 'unnamed',
        issuer: typeof iss === 'string' ? iss : undefined,
      };
    }
    throw late ?? this.#untrusted(describe(jws));
  }

  async #signedBy(provider: Provider, jws: UnverifiedJws): Promise<boolean> {
    const { kid } = jws.header;
    if (typeof kid === 'string' && provider.settings.jwk_set_uri !== undefined) {
      await this.#refresh(provider, kid);
      const named = provider.set.find((key) => key.kid === kid);
      if (named !== undefined && named.algorithm === jws.algorithm && verifyJws(jws, named.key)) return true;
    }
    return provider.pem.some((key) => keyFits(jws.algorithm, key) && verifyJws(jws, key));
  }

  /** Asks a remote set again when it is old, or when it lacks the key and was not asked within ten seconds. */
  async #refresh(provider: Provider, kid: string): Promise<void> {
    const source = provider.settings.jwk_set_uri;
    if (source === undefined || !isRemote(source)) return;
    const age = this.#now().getTime() - provider.refreshedAt;
    const wait = provider.set.some((key) => key.kid === kid) ? REFRESH_MS : UNKNOWN_KEY_MS;
    // Negative where the clock was set back: what was read in its future would stay fresh until then.
    if (age >= 0 && age < wait) return;
    provider.refreshedAt = this.#now().getTime();
    try {
      provider.set = await readJwkSet(this.#sources, source, '[admin] jwk_set_uri');
    } catch (error) {
      this.#warn((error as AssayError).finding);
    }
  }

  #untrusted(actual: string, cause?: unknown, details: { readonly [name: string]: string } = {}): AssayError {
    return assayError('admin.token.trust', {
      params: { actual, n: this.#providers.length },
      actual,
      details,
      cause,
    });
  }
}

function addressedTo({ issuer, audience }: IdentityProvider, { iss, aud }: JsonObject): boolean {
  if (issuer !== undefined && iss !== issuer) return false;
  return audience === undefined || aud === audience || (Array.isArray(aud) && aud.includes(audience));
}

function timeFault({ exp, nbf }: JsonObject, now: Date): AssayError | undefined {
  const seconds = now.getTime() / 1000;
  if (typeof exp !== 'number')
    return assayError('admin.token.time', { params: { time: 'never began: it has no exp', distance: 'no time' } });
  if (seconds >= exp + LEEWAY_SECONDS) {
    const time = new Date(exp * 1000);
    return assayError('admin.token.time', {
      params: { time: utc(time), distance: distance(now.getTime() - time.getTime()) },
      actual: utc(time),
    });
  }
  if (nbf === undefined || (typeof nbf === 'number' && seconds >= nbf - LEEWAY_SECONDS)) return undefined;
  return assayError('admin.token.time', { params: { time: 'is ahead: its nbf has not come', distance: 'no time' } });
}

function readPublicKey(pem: string, place: string): KeyObject {
  // node:crypto would take a private key too, and derive the public one: nobody is to put that here.
  if (pem.includes('PRIVATE KEY')) throw misconfigured(place, 'a private key', 'the public key alone');
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw misconfigured(place, 'not a public key', 'a public key in PEM', cause);
  }
  if (!JWS_ALGORITHMS.some((algorithm) => keyFits(algorithm, key)))
    throw misconfigured(
      place,
      `a key of type ${key.asymmetricKeyType ?? 'unknown'}`,
      'Ed25519, P-256, P-384 or RSA from 2048 bits',
    );
  return key;
}

function describe(jws: UnverifiedJws): string {
  const { kid } = jws.header;
  return typeof kid === 'string' ? `key ${kid}` : `a key of ${jws.algorithm}`;
}

function misconfigured(key: string, actual: string, expected: string, cause?: unknown): AssayError {
  return assayError('config.file.form', {
    params: { file: '[admin]', line: 'authentication.bearer_jwt', key, actual, expected },
    cause,
  });
}
