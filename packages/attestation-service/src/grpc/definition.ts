import { AttestationService, type GrpcServiceDefinition, grpcServiceDefinition } from '@assay/protocol/grpc';
import { readEvaluateRequest } from './old-requests.js';

const definition = grpcServiceDefinition(AttestationService);

/** Methods of `attestation.AttestationService`. Requests are also read in the form of Trustee 0.9 to 0.13. */
export const attestationServiceDefinition: GrpcServiceDefinition<typeof AttestationService> = {
  ...definition,
  attestationEvaluate: {
    ...definition.attestationEvaluate,
    requestDeserialize: (bytes: Buffer) =>
      readEvaluateRequest(bytes, definition.attestationEvaluate.requestDeserialize),
  },
};
