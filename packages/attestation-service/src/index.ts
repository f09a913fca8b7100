/** Attestation Service: verifier registry, appraisal, EAR broker, gRPC and REST faces. */
export type { Verdict } from '@assay/bytes/findings';
export type * from './contract.js';
export {
  AkEnrolment,
  AttestationKeys,
  type AttestationKeysOptions,
  type EndorsementIdentity,
  type EnrolledKey,
  type EnrolmentActor,
  type EnrolmentChallenge,
  type EnrolmentOptions,
  type EnrolmentRequest,
  enrolmentBytes,
  type KeyIdentity,
  type Revocation,
} from './enrolment/index.js';
export type { Endorsed, EndorsementRequest, EndorsementSource } from './evaluate/endorse.js';
export { VerifierRegistry } from './evaluate/registry.js';
export { GrpcAttestationClient, type GrpcAttestationOptions } from './grpc/client.js';
export { attestationServiceDefinition } from './grpc/definition.js';
export { addHealthService, type HealthOf } from './grpc/health.js';
export {
  type AttestationHandlerOptions,
  type AttestationHandlers,
  addAttestationService,
  attestationHandlers,
} from './grpc/service.js';
export { compileModule } from './policy/compile.js';
export { DEFAULT_POLICIES } from './policy/default-policies.js';
export { policyDigest } from './policy/digest.js';
export { type CompiledPolicy, compilePolicy, type RuleOutcome } from './policy/engine.js';
export { type ExplainContext, type Explanation, explainRule } from './policy/explain.js';
export { plainReferenceValues, type ReferenceValueView } from './policy/reference-values.js';
export { type DraftEvaluation, evaluatePolicy, type ReplayOptions, replay } from './policy/simulate.js';
export type { PolicyTrace, TracedBody, TracedExpression, TracedOperand, TracedRule } from './policy/trace.js';
export { tracedPolicy } from './policy/traced-policy.js';
export { typeWarnings } from './policy/types.js';
export { type RestAnswer, type RestRoute, restFailure, restRoutes } from './rest/routes.js';
export { AttestationService, type AttestationServiceOptions } from './service.js';
export { DEFAULT_TOKEN_OPTIONS, type TokenOptions } from './token/ear.js';
export type { ConfiguredSigner } from './token/signer.js';
