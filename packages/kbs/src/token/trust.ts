/** Whose signatures on attestation tokens are believed. An immutable snapshot, replaced when a remote JWK set changes. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import type { AttestationBackend } from '@assay/attestation-service';
import { DecodeError, decodePem, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { type AssayError, assayError, type FindingDraft, warned } from '@assay/bytes/findings';
import { importJwk, importJwkSet, type JwsAlgorithm, type VerificationKey } from '@assay/protocol';
import { reading } from '../protocol-fault.js';
import { isRemote, readJwkSet, readSource } from '../sources.js';
import type { KbsSources } from '../types.js';
import { readCertificate, verifyChain } from './chain.js';
import type { TokenTrustConfig } from './config.js';

const SETTING = '[attestation_token]';
const DEFAULT_REFRESH_SECONDS = 300;
const SHORTEST_REFRESH_SECONDS = 10;
const MOST_CERTIFICATES = 8;

export interface TokenTrustOptions {
  readonly config: TokenTrustConfig;
  /** The built-in Attestation Service, whose own keys are always trusted; undefined: a remote one, trusted by configuration. */
  readonly own: Pick<AttestationBackend, 'jwks'> | undefined;
  readonly sources: KbsSources | undefined;
  readonly now: () => Date;
  readonly warn: (finding: FindingDraft) => void;
}

interface Snapshot {
  readonly keys: readonly VerificationKey[];
  readonly anchors: readonly X509Certificate[];
  /** Texts of header JWKs that turned out to be one of `keys`, so that their issuers' keys are imported once. */
  readonly known: Map<string, VerificationKey>;
}

/** Trusted keys that come in headers in more spellings than this are imported anew each time. */
const MOST_KNOWN = 256;

export class TokenTrust {
  readonly #options: TokenTrustOptions;
  readonly #anchors: readonly X509Certificate[];
  /** Keys of files, read once. */
  readonly #fixed: readonly VerificationKey[];
  readonly #remote = new Map<string, readonly VerificationKey[]>();
  #own: readonly VerificationKey[] = [];
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;
  #generation = 0;
  #current: Snapshot | undefined;

  private constructor(
    options: TokenTrustOptions,
    anchors: readonly X509Certificate[],
    fixed: readonly VerificationKey[],
  ) {
    this.#options = options;
    this.#anchors = anchors;
    this.#fixed = fixed;
  }

  /** @throws AssayError `config.trust.present` when nothing could ever be verified, and what the sources say */
  static async open(options: TokenTrustOptions): Promise<TokenTrust> {
    const { config, sources, own } = options;
    const sets = config.trusted_jwk_sets ?? [];
    const files = config.trusted_certs_paths ?? [];
    if (own === undefined && sets.length === 0 && files.length === 0 && config.insecure_header_jwk !== true)
      throw assayError('config.trust.present', {});
    if (config.insecure_header_jwk === true) options.warn(insecure());
    const anchors: X509Certificate[] = [];
    for (const file of files) anchors.push(...readAnchors(await readSource(sources, file, SETTING), file));
    const fixed: VerificationKey[] = [];
    for (const source of sets) if (!isRemote(source)) fixed.push(...(await readJwkSet(sources, source, SETTING)));
    const trust = new TokenTrust(options, anchors, fixed);
    await trust.#refresh();
    return trust;
  }

  /** Rises when keys change: what was verified before may have to be verified again. */
  get generation(): number {
    return this.#generation;
  }

  /** Number of sources, for the explanation. */
  get sourceCount(): number {
    const { config, own } = this.#options;
    return (config.trusted_jwk_sets ?? []).length + this.#anchors.length + (own === undefined ? 0 : 1);
  }

  /** Refreshes remote sets when their time has come; failures keep the old keys and are told to the operator. */
  async keepFresh(): Promise<void> {
    const wait =
      1000 * Math.max(SHORTEST_REFRESH_SECONDS, this.#options.config.refresh_seconds ?? DEFAULT_REFRESH_SECONDS);
    if (this.#isOlder(wait)) await this.#refreshOnce();
  }

  /**
   * The key that a token's header names, if it is trusted. An unknown key asks remote sources and the own signer once more, at
   * most every ten seconds, so that a rotated key works at once and made-up ones cost nothing.
   *
   * @throws AssayError `token.algorithm.allowed`, `token.form.valid`, `token.issuer.trust`
   */
  async keyFor(header: JsonObject, algorithm: JwsAlgorithm, issuer: string): Promise<KeyObject> {
    const found = this.#find(header, algorithm);
    if (found !== undefined) return found;
    if (this.#isOlder(SHORTEST_REFRESH_SECONDS * 1000)) {
      await this.#refreshOnce();
      const again = this.#find(header, algorithm);
      if (again !== undefined) return again;
    }
    throw this.#untrusted(header, issuer);
  }

  /** Also where the clock was set back: what was read in its future would stay fresh until then. */
  #isOlder(milliseconds: number): boolean {
    const age = this.#options.now().getTime() - this.#refreshedAt;
    return age >= milliseconds || age < 0;
  }

  #find(header: JsonObject, algorithm: JwsAlgorithm): KeyObject | undefined {
    const { keys, anchors, known } = this.#snapshot();
    const jwk = header['jwk'];
    if (jwk !== undefined) {
      const text = JSON.stringify(jwk);
      const seen = known.get(text);
      if (seen !== undefined) {
        fits(seen, algorithm);
        return seen.key;
      }
      const named = reading(() => importJwk(jwk));
      fits(named, algorithm);
      if (this.#options.config.insecure_header_jwk === true) return named.key;
      // A key that is trusted by itself needs no certificate.
      if (keys.some((key) => key.thumbprint === named.thumbprint && key.algorithm === named.algorithm)) {
        if (known.size < MOST_KNOWN) known.set(text, named);
        return named.key;
      }
      return anchors.length > 0 && endorsed(jwk, named, anchors, this.#options.now()) ? named.key : undefined;
    }
    const kid = header['kid'];
    if (typeof kid !== 'string') {
      throw assayError('token.form.valid', {
        params: { what: 'names no key: neither jwk nor kid in its header' },
        subject: 'token',
      });
    }
    const key = keys.find((candidate) => candidate.kid === kid);
    if (key !== undefined) fits(key, algorithm);
    return key?.key;
  }

  #snapshot(): Snapshot {
    this.#current ??= {
      keys: [...this.#own, ...this.#fixed, ...[...this.#remote.values()].flat()],
      anchors: this.#anchors,
      known: new Map(),
    };
    return this.#current;
  }

  #refreshOnce(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const { config, sources, own, now, warn } = this.#options;
    const before = fingerprint(this.#snapshot().keys);
    this.#refreshedAt = now().getTime();
    if (own !== undefined) {
      const set = await own.jwks();
      this.#own = reading(() => importJwkSet(set as unknown as JsonValue));
    }
    for (const source of (config.trusted_jwk_sets ?? []).filter(isRemote)) {
      try {
        this.#remote.set(source, await readJwkSet(sources, source, SETTING));
      } catch (error) {
        // The service starts and goes on with what it has: a token of that issuer is refused with its reason, others are not.
        warn((error as AssayError).finding);
      }
    }
    this.#current = undefined;
    if (fingerprint(this.#snapshot().keys) !== before) this.#generation += 1;
  }

  #untrusted(header: JsonObject, issuer: string): AssayError {
    const jwk = header['jwk'];
    const named = isJsonObject(jwk) ? reading(() => importJwk(jwk)).thumbprint : String(header['kid'] ?? 'no key');
    return assayError('token.issuer.trust', {
      params: { actual: named, iss: issuer, n: this.sourceCount },
      subject: 'token',
      actual: named,
      source: `${SETTING}: ${this.#snapshot().keys.length} keys, ${this.#anchors.length} certificates`,
    });
  }
}

/** RFC 7517 section 4.7: the first certificate of `x5c` certifies the key, the others lead to an anchor, in any order. */
function endorsed(jwk: JsonValue, key: VerificationKey, anchors: readonly X509Certificate[], now: Date): boolean {
  const chain = isJsonObject(jwk) ? jwk['x5c'] : undefined;
  if (!Array.isArray(chain) || chain.length === 0 || chain.length > MOST_CERTIFICATES) return false;
  if (key.algorithm !== 'ES256' && key.key.asymmetricKeyType !== 'rsa') return false;
  const certificates = chain.map((text) => (typeof text === 'string' ? certificateOf(text) : undefined));
  const [leaf, ...others] = certificates;
  if (leaf === undefined || others.includes(undefined)) return false;
  if (!leaf.publicKey.equals(key.key)) return false;
  const intermediates = others.filter((one) => one !== undefined);
  return verifyChain(leaf, intermediates, anchors, now).ok;
}

/** Standard base64 as RFC 7517 says, or base64url as some issuers write; line breaks do not count. */
function certificateOf(text: string): X509Certificate | undefined {
  const bare = text.replaceAll(/[\r\n]/g, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(bare) && !/^[A-Za-z0-9_-]+$/.test(bare)) return undefined;
  return readCertificate(Buffer.from(bare, 'base64'));
}

function fits(key: VerificationKey, algorithm: JwsAlgorithm): void {
  if (key.algorithm === algorithm) return;
  const kid = key.kid ?? key.thumbprint;
  throw assayError('token.algorithm.allowed', {
    params: { actual: algorithm, kid, expected: key.algorithm },
    subject: 'token',
    actual: algorithm,
    expected: key.algorithm,
  });
}

function readAnchors(bytes: Uint8Array, file: string): readonly X509Certificate[] {
  const anchors: X509Certificate[] = [];
  try {
    for (const block of decodePem(Buffer.from(bytes).toString('utf8'))) {
      if (block.label !== 'CERTIFICATE') continue;
      const certificate = readCertificate(block.bytes);
      if (certificate === undefined) throw new DecodeError('certificate', 'not one certificate in DER');
      anchors.push(certificate);
    }
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw misread(file, cause.message, cause);
  }
  if (anchors.length === 0) throw misread(file, 'a file without certificates');
  return anchors;
}

function misread(file: string, actual: string, cause?: unknown): AssayError {
  return assayError('config.file.form', {
    params: { file, line: SETTING, key: 'trusted_certs_paths', actual, expected: 'certificates in PEM' },
    cause,
  });
}

function insecure(): FindingDraft {
  return warned('config.value.insecure', {
    params: {
      key: 'attestation_token.insecure_header_jwk',
      value: 'true',
      effect: 'a token is believed on the word of the key it brings; anybody can make one',
    },
    severity: 'critical',
  });
}

function fingerprint(keys: readonly VerificationKey[]): string {
  return keys.map((key) => `${key.thumbprint}/${key.kid ?? ''}/${key.algorithm}`).join(' ');
}
