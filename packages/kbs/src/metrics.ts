import type { KbsMetrics } from './types.js';

const nothing = (): void => {};

/** Counts nothing: for callers that want no metrics. */
export const NO_METRICS: KbsMetrics = {
  authRequest: nothing,
  authSuccess: nothing,
  authError: nothing,
  attestationRequest: nothing,
  attestationSuccess: nothing,
  attestationFailure: nothing,
  attestationError: nothing,
  policyEvaluation: nothing,
  policyApproval: nothing,
  policyViolation: nothing,
  policyError: nothing,
  resourceRead: nothing,
  resourceWrite: nothing,
  resourceDelete: nothing,
  pluginRequest: nothing,
  outcome: nothing,
};
