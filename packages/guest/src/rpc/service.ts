import { grpcServiceDefinition } from '@assay/protocol/guest';
import { type Implementation, STATUS, StatusError, ttrpcService } from '@assay/ttrpc';
import { create, type DescService } from '@bufbuild/protobuf';
import type {
  handleUnaryCall,
  ServiceDefinition,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';

/** Which of the two faces a call came through: upstream's servers say some things differently on them. */
export type Face = 'ttrpc' | 'grpc';

export interface RpcContext {
  readonly face: Face;
  /** Fires when the caller no longer waits. */
  readonly signal: AbortSignal;
}

/** One service as both faces take it. */
export interface RpcService {
  /** `<proto package>.<Service>`. */
  readonly name: string;
  readonly ttrpc: ReturnType<typeof ttrpcService>;
  readonly grpc: { readonly definition: ServiceDefinition; readonly handlers: UntypedServiceImplementation };
}

export interface RpcServiceOptions {
  /** Methods that upstream serves over gRPC only, by lower camel case name. */
  readonly grpcOnly?: readonly string[];
  readonly onDefect: (error: unknown) => void;
}

type AnyHandler = (request: never, context: RpcContext) => Promise<object>;

/** Binds the generated description of a service to its one implementation. */
export function rpcService<S extends DescService>(
  service: S,
  implementation: Implementation<S, RpcContext>,
  options: RpcServiceOptions,
): RpcService {
  const handlers = implementation as unknown as Readonly<Record<string, AnyHandler | undefined>>;
  return {
    name: service.typeName,
    ttrpc: ttrpcService(service, overTtrpc(handlers, options) as Implementation<S>),
    grpc: {
      definition: grpcServiceDefinition(service) as unknown as ServiceDefinition,
      handlers: overGrpc(service, handlers, options),
    },
  };
}

function overTtrpc(
  handlers: Readonly<Record<string, AnyHandler | undefined>>,
  { grpcOnly = [] }: RpcServiceOptions,
): object {
  return Object.fromEntries(
    Object.entries(handlers)
      .filter(([name]) => !grpcOnly.includes(name))
      .map(([name, handler]) => [
        name,
        (request: never, { signal }: { signal: AbortSignal }) => handler?.(request, { face: 'ttrpc', signal }),
      ]),
  );
}

function overGrpc(
  service: DescService,
  handlers: Readonly<Record<string, AnyHandler | undefined>>,
  options: RpcServiceOptions,
): UntypedServiceImplementation {
  const bound: UntypedServiceImplementation = {};
  for (const method of service.methods) {
    const handler = handlers[method.localName];
    if (handler === undefined) continue;
    const handle: handleUnaryCall<never, object> = (call, answer) => {
      const abort = new AbortController();
      call.on('cancelled', () => abort.abort());
      handler(call.request, { face: 'grpc', signal: abort.signal }).then(
        (message) => answer(null, create(method.output, message as never)),
        (error: unknown) => answer(asServiceError(error, options.onDefect)),
      );
    };
    bound[method.localName] = handle as UntypedHandleCall;
  }
  return bound;
}

function asServiceError(error: unknown, onDefect: (error: unknown) => void): { code: number; details: string } {
  if (error instanceof StatusError) return { code: error.code, details: error.message };
  onDefect(error);
  return { code: STATUS.unknown, details: 'internal error' };
}
