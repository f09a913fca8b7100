/** Messages and services of the gRPC faces. Apart from the main entry, so that a guest without gRPC does not load protobuf. */
export { create, type MessageInitShape } from '@bufbuild/protobuf';
export {
  type AttestationRequest,
  AttestationRequestSchema,
  type AttestationResponse,
  AttestationResponseSchema,
  AttestationService,
  type ChallengeRequest,
  ChallengeRequestSchema,
  type ChallengeResponse,
  ChallengeResponseSchema,
  type IndividualAttestationRequest,
  IndividualAttestationRequestSchema,
  type SetPolicyRequest,
  SetPolicyRequestSchema,
  type SetPolicyResponse,
  SetPolicyResponseSchema,
} from '../gen/attestation/attestation_pb.js';
export {
  Health,
  type HealthCheckRequest,
  HealthCheckRequestSchema,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
} from '../gen/grpc/health/v1/health_pb.js';
export {
  KbsPlugin,
  type NeedsEncryptionResponse,
  NeedsEncryptionResponseSchema,
  type PluginRequest,
  PluginRequestSchema,
  type PluginResponse,
  PluginResponseSchema,
  type ValidateAuthResponse,
  ValidateAuthResponseSchema,
} from '../gen/kbs/plugin/v1/plugin_pb.js';
export {
  type BundleRequest,
  BundleRequestSchema,
  type BundleResponse,
  BundleResponseSchema,
  KeyBrokerService,
  type OnlineSecretRequest,
  OnlineSecretRequestSchema,
  type OnlineSecretResponse,
  OnlineSecretResponseSchema,
  type RequestDetails,
  type SecretRequest,
  SecretRequestSchema,
  type SecretResponse,
  SecretResponseSchema,
} from '../gen/keybroker/keybroker_pb.js';
export {
  ReferenceValueProviderService,
  type ReferenceValueQueryRequest,
  ReferenceValueQueryRequestSchema,
  type ReferenceValueQueryResponse,
  ReferenceValueQueryResponseSchema,
  type ReferenceValueRegisterRequest,
  ReferenceValueRegisterRequestSchema,
  type ReferenceValueRegisterResponse,
  ReferenceValueRegisterResponseSchema,
} from '../gen/reference/reference_pb.js';
export { type GrpcMethodDefinition, type GrpcServiceDefinition, grpcServiceDefinition } from './service.js';
