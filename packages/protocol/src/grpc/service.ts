import { type DescMethod, type DescService, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';

/**
 * One method as gRPC runtimes for Node declare it (the shape of grpc-js's `MethodDefinition`, which this package must not import).
 */
export interface GrpcMethodDefinition<Request, Response> {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (message: Request) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (message: Response) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
  /** Name in the `.proto`, under which implementations and clients may have it too. */
  readonly originalName: string;
}

/** Methods of a service under their lower camel case names. */
export type GrpcServiceDefinition<Service extends DescService> = {
  readonly [Name in keyof Service['method']]: GrpcMethodDefinition<
    MessageShape<Service['method'][Name]['input']>,
    MessageShape<Service['method'][Name]['output']>
  >;
};

/**
 * The definition to give to grpc-js: `server.addService(definition, handlers)` or `makeGenericClientConstructor(definition, name)`.
 *
 * Requests and responses are messages of @bufbuild/protobuf; make them with `create(Schema, …)`.
 */
export function grpcServiceDefinition<Service extends DescService>(service: Service): GrpcServiceDefinition<Service> {
  return Object.fromEntries(
    service.methods.map((method) => [method.localName, methodDefinition(service, method)]),
  ) as unknown as GrpcServiceDefinition<Service>;
}

function methodDefinition(service: DescService, method: DescMethod): GrpcMethodDefinition<never, never> {
  const { input, output } = method;
  return {
    path: `/${service.typeName}/${method.name}`,
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    requestSerialize: (message) => Buffer.from(toBinary(input, message)),
    requestDeserialize: (bytes) => fromBinary(input, bytes) as never,
    responseSerialize: (message) => Buffer.from(toBinary(output, message)),
    responseDeserialize: (bytes) => fromBinary(output, bytes) as never,
    originalName: method.name,
  };
}
