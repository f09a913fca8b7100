/** The EAR token: an EAT attestation result with one appraisal for each submodule. */
import type { JsonObject } from '@assay/bytes';
import { type EarAppraisal, type EarClaims, type EarTier, signJws } from '@assay/protocol';
import type { Extension, FullTrustVector } from '../policy/output.js';
import type { Signer } from './signer.js';

export interface TokenOptions {
  /** Minutes until the token ends. */
  readonly durationMinutes: number;
  readonly issuer: string;
  readonly developer: string;
  readonly build: string;
  readonly profile: string;
}

/** Values that peers of the field expect; all can be configured. */
export const DEFAULT_TOKEN_OPTIONS: TokenOptions = {
  durationMinutes: 5,
  issuer: 'CoCo-Attestation-Service',
  developer: 'https://confidentialcontainers.org',
  build: 'attestation-service 0.1.0',
  profile: 'tag:github.com,2024:confidential-containers/Trustee',
};

/** What one submodule says in the token. */
export interface SubmodResult {
  readonly submod: string;
  readonly tier: EarTier;
  readonly vector: FullTrustVector;
  readonly annotated: JsonObject;
  readonly extensions: readonly Extension[];
}

/**
 * Claims of the token.
 *
 * @param policyId the id that was asked for (`default`), not the class-qualified one
 */
export function earClaims(
  results: readonly SubmodResult[],
  policyId: string,
  now: Date,
  options: TokenOptions,
): EarClaims {
  const iat = Math.floor(now.getTime() / 1000);
  return {
    eat_profile: options.profile,
    iat,
    'ear.verifier-id': { developer: options.developer, build: options.build },
    submods: Object.fromEntries(results.map((result) => [result.submod, appraisal(result, policyId)])),
    exp: iat + options.durationMinutes * 60,
    iss: options.issuer,
  };
}

/** Compact JWS, ES256, with the key's public form in the header. */
export function signEar(claims: EarClaims, signer: Signer): string {
  return signJws(JSON.stringify(claims), signer.key, 'ES256', { jwk: signer.jwk });
}

function appraisal(result: SubmodResult, policyId: string): EarAppraisal {
  const extensions = [...result.extensions].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    'ear.status': result.tier,
    'ear.trustworthiness-vector': result.vector,
    'ear.appraisal-policy-id': policyId,
    'ear.veraison.annotated-evidence': result.annotated,
    ...Object.fromEntries(extensions.map(({ name, value }) => [name, value])),
  };
}
