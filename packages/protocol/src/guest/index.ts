/** Messages and services of the guest: Attestation Agent, Confidential Data Hub, key provider, image services of enclave-cc. */
export {
  AttestationAgentService,
  type ExtendRuntimeMeasurementRequest,
  ExtendRuntimeMeasurementRequestSchema,
} from '../gen/attestation_agent/attestation_agent_pb.js';
export {
  GetResourceService,
  ImagePullService,
  KeyProviderService as EarlyKeyProviderService,
  SealedSecretService,
  type SecureMountRequest,
  SecureMountService,
} from '../gen/confidential_data_hub/confidential_data_hub_pb.js';
/** Image services of enclave-cc: between containerd and shim, and between shim and agent enclave. */
export { Image as ShimImageService } from '../gen/containerd/task/v2/image_pb.js';
export { Image as EnclaveImageService } from '../gen/enclave_cc/image_pb.js';
/** Attestation Agents up to v0.8 served it; the data hub's stands under `api`. */
export { GetResourceService as EarlyGetResourceService } from '../gen/getresource/getresource_pb.js';
export { KeyProviderService } from '../gen/keyprovider/keyprovider_pb.js';
export { grpcServiceDefinition } from '../grpc/service.js';

/** Values of `ExtendRuntimeMeasurementResponse.Result`. */
export const RUNTIME_MEASUREMENT_RESULT = { ok: 0, notSupported: 1, notEnabled: 2 } as const;
