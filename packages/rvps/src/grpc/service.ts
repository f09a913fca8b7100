import { canonicalJson, type JsonValue } from '@assay/bytes';
import { AssayError, assayError } from '@assay/bytes/findings';
import {
  create,
  grpcServiceDefinition,
  ReferenceValueProviderService,
  type ReferenceValueQueryRequest,
  type ReferenceValueQueryResponse,
  ReferenceValueQueryResponseSchema,
  type ReferenceValueRegisterRequest,
  type ReferenceValueRegisterResponse,
  ReferenceValueRegisterResponseSchema,
} from '@assay/protocol/grpc';
import type { Clock } from '@assay/storage';
import { type handleUnaryCall, Metadata, type Server, status } from '@grpc/grpc-js';
import type { Principal, ReferenceValueSource } from '../contract.js';
import { callerOf, type GrpcAuthentication, type GrpcCaller } from './authentication.js';

export interface ReferenceHandlerOptions {
  readonly now: Clock;
  /**
   * Who may register. Reference values decide what is trusted, so the default is `refuse`: nobody, over this face.
   * `insecure-allow-anyone` takes every caller's word, as upstream does; the network must be closed then.
   */
  readonly registration?: 'refuse' | 'insecure-allow-anyone' | GrpcAuthentication;
  /** Whose port it is; upstream words failed queries differently. Default `rvps`. */
  readonly face?: 'rvps' | 'attestation-service';
  /** Told of errors that are no `AssayError`: the caller only hears "internal error". */
  readonly onDefect?: (error: unknown) => void;
}

/** Handlers for `referenceServiceDefinition`. */
export interface ReferenceHandlers {
  readonly queryReferenceValue: handleUnaryCall<ReferenceValueQueryRequest, ReferenceValueQueryResponse>;
  readonly registerReferenceValue: handleUnaryCall<ReferenceValueRegisterRequest, ReferenceValueRegisterResponse>;
}

export const referenceServiceDefinition = grpcServiceDefinition(ReferenceValueProviderService);

/** Name of the metadata that carries the id of the error register beside upstream's text. */
export const CODE_METADATA = 'assay-code';

const REGISTER_PREFIX = 'Register reference value: ';
const QUERY_PREFIX = {
  rvps: 'Query reference value: ',
  'attestation-service': 'Failed to query reference values: ',
} as const;

/**
 * The gRPC face of the CoCo Reference Value Provider Service, package `reference`.
 *
 * A query for the empty id answers with the object of all live values: that is what clients of CoCo 0.11 to 0.15 send,
 * whose request had no members. An unknown id, `__healthcheck__` among them, leaves the result unset.
 * Errors are ABORTED with upstream's prefix (UNAUTHENTICATED where the caller may not register), and `assay-code`.
 */
export function referenceHandlers(source: ReferenceValueSource, options: ReferenceHandlerOptions): ReferenceHandlers {
  const query = async (id: string): Promise<JsonValue | undefined> => {
    if (id !== '') return source.query(id);
    const all = (await source.snapshot()).all(options.now());
    return Object.fromEntries(all.map(({ name, value }) => [name, value]));
  };
  return {
    queryReferenceValue(call, callback) {
      query(call.request.referenceValueId).then(
        (value) =>
          callback(
            null,
            create(
              ReferenceValueQueryResponseSchema,
              value === undefined ? {} : { referenceValueResults: canonicalJson(value) },
            ),
          ),
        (error: unknown) => callback(grpcError(error, QUERY_PREFIX[options.face ?? 'rvps'], options)),
      );
    },
    registerReferenceValue(call, callback) {
      principalOf(callerOf(call), options)
        .then((authenticated) => source.registerMessage(call.request.message, { authenticated }))
        .then(
          () => callback(null, create(ReferenceValueRegisterResponseSchema)),
          (error: unknown) => callback(grpcError(error, REGISTER_PREFIX, options)),
        );
    },
  };
}

/** Adds the service to a server. */
export function addReferenceService(
  server: Server,
  source: ReferenceValueSource,
  options: ReferenceHandlerOptions,
): void {
  server.addService(referenceServiceDefinition, { ...referenceHandlers(source, options) });
}

async function principalOf(
  caller: GrpcCaller,
  { registration = 'refuse' }: ReferenceHandlerOptions,
): Promise<Principal> {
  if (registration === 'insecure-allow-anyone') return { subject: `anyone at ${caller.peer}`, method: 'grpc-insecure' };
  const principal = registration === 'refuse' ? undefined : await registration(caller);
  if (principal !== undefined) return principal;
  throw assayError('rv.publisher.trust', {
    params: { type: '(not read)', actual: 'nobody' },
    remedy:
      registration === 'refuse'
        ? 'Registration over gRPC is off. Use the administration API, or configure who may register over gRPC.'
        : 'Show the credentials that this server accepts for registration over gRPC.',
  });
}

function grpcError(error: unknown, prefix: string, { onDefect }: ReferenceHandlerOptions) {
  const metadata = new Metadata();
  if (!(error instanceof AssayError)) {
    onDefect?.(error);
    return { code: status.ABORTED, details: `${prefix}internal error`, metadata };
  }
  metadata.set(CODE_METADATA, error.code);
  const code = error.code === 'rv.publisher.trust' ? status.UNAUTHENTICATED : status.ABORTED;
  return { code, details: `${prefix}${error.title}. ${error.remedy}`, metadata };
}
