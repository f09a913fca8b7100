/** Verification of a token given as a file, as `assay verify cca` does it. */
import { isJsonArray, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { assembleVerdict, type FindingData, type FindingDraft, type Verdict } from '@assay/bytes/findings';
import { keyFromJwk } from '../cose/index.js';
import { bind } from './binding.js';
import { ccaClaims, tokenMembers } from './claims.js';
import type { CcaRules } from './rules.js';
import { type CcaAnchor, type CcaTrust, parseTrustAnchors, trustInKey } from './stores/anchors.js';
import { trustOf } from './verifier.js';
import { type CcaVerification, verifyCcaToken } from './verify.js';

export interface CcaFileOptions {
  /** Time of the verdict; nothing in a token has a date. */
  readonly at: Date;
  /** The time was chosen by the caller; default true. */
  readonly asOf?: boolean;
  /** What is trusted, for this call alone: one platform key as a JWK, for whatever platform, or trust-anchor stores. */
  readonly roots?: readonly Uint8Array[];
  /** Keys of emulated hardware, by name. */
  readonly emulatedAnchors?: readonly CcaAnchor[];
  readonly reportData?: Uint8Array;
  readonly initDataDigest?: Uint8Array;
  readonly rules?: CcaRules;
}

/** A verdict with the members that describe the token beside it; `policy_claims` are those of `input.cca`. */
export type CcaFileResult = Verdict & { readonly [member: string]: FindingData | undefined };

/**
 * @param files `token`: the CBOR collection
 * @throws RangeError when it is missing, DecodeError when a trust anchor is neither a JWK nor a store
 */
export function verifyCcaFiles(files: { readonly [role: string]: Uint8Array }, options: CcaFileOptions): CcaFileResult {
  const { token: bytes } = files;
  if (bytes === undefined) throw new RangeError('file token is missing');
  const { emulatedAnchors = [], initDataDigest, reportData, roots = [], rules = {} } = options;
  const result = verifyCcaToken({ token: bytes, trust: trustIn(roots, emulatedAnchors), rules });
  const { authentic, token } = result;
  const expected =
    reportData === undefined ? undefined : [{ bytes: reportData, algorithm: 'as given', members: '--report-data' }];
  const digest = initDataDigest === undefined ? undefined : { digest: initDataDigest };
  const bindings: readonly FindingDraft[] = token === undefined ? [] : bind(token.realm, expected, digest).findings;
  const claims = authentic === undefined ? {} : { claims: tokenMembers(authentic.token) as FindingData };
  const verdict = assembleVerdict({
    kind: 'cca',
    at: options.at,
    asOf: options.asOf ?? true,
    asked: false,
    findings: [...result.findings, ...bindings],
    ...claims,
  });
  const policyClaims = authentic === undefined ? {} : { policy_claims: ccaClaims(authentic) };
  return { ...verdict, ...members(result), ...policyClaims } as CcaFileResult;
}

function trustIn(roots: readonly Uint8Array[], emulatedAnchors: readonly CcaAnchor[]): CcaTrust {
  const [first] = roots;
  if (first !== undefined && roots.length === 1) {
    const value = parseJsonStrict(first);
    if (!isJsonArray(value)) return trustInKey(keyFromJwk(value));
  }
  return trustOf({ anchors: roots.flatMap(parseTrustAnchors), emulatedAnchors });
}

function members({ checks, token }: CcaVerification): JsonObject {
  return {
    platform_signature: checks.platform,
    realm_signature: checks.realm,
    rak_binding: checks.binding,
    ...(token === undefined ? {} : tokenMembers(token)),
  };
}
