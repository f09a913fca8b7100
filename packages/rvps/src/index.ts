export type * from './contract.js';
export {
  type BearerToken,
  bearerAuthentication,
  certificateAuthentication,
  type GrpcAuthentication,
  type GrpcCaller,
} from './grpc/authentication.js';
export { GrpcReferenceValueClient, type GrpcReferenceValueOptions } from './grpc/client.js';
export {
  addReferenceService,
  type ReferenceHandlerOptions,
  type ReferenceHandlers,
  referenceHandlers,
  referenceServiceDefinition,
} from './grpc/service.js';
export { ReferenceValues } from './reference-values.js';
