/** What the linter reports. */
import type { Location } from '../../ast/types.js';

export type CheckCode =
  | 'syntax'
  | 'compile'
  | 'strict'
  | 'package-name'
  | 'missing-rule'
  | 'misnamed-rule'
  | 'unknown-trust-claim'
  | 'encoding-mismatch'
  | 'missing-reference-value'
  | 'trustee-builtin'
  | 'trustee-syntax';

export interface CheckFinding {
  readonly code: CheckCode;
  /** `error`: the policy does not work as it stands; `warning`: it likely does not do what was meant. */
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
  readonly loc: Location;
}

/**
 * What a policy is for: `attestation` (rule `trust_claims` of package `policy`), `resource` (rule `allow` of package
 * `policy`); without a purpose only general checks are made.
 */
export type Purpose = 'attestation' | 'resource';
