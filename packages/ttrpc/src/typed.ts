import {
  create,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import type { TtrpcCall, TtrpcClient } from './client.js';
import type { CallContext, Handler, MethodTable } from './server.js';
import { STATUS, StatusError } from './status.js';

/** Handlers of a service's methods under their lower camel case names; those left out answer NOT_FOUND. */
export type Implementation<S extends DescService, Context = CallContext> = {
  readonly [Name in keyof S['method']]?: (
    request: MessageShape<S['method'][Name]['input']>,
    context: Context,
  ) => Promise<MessageInitShape<S['method'][Name]['output']>>;
};

type AnyHandler = (request: unknown, context: CallContext) => Promise<object>;

/** A generated service and its implementation as a server takes them. */
export function ttrpcService<S extends DescService>(
  service: S,
  implementation: Implementation<S>,
): readonly [name: string, methods: MethodTable] {
  const handlers = implementation as Readonly<Record<string, AnyHandler | undefined>>;
  const methods = service.methods.map((method): [string, Handler | 'unserved'] => {
    const handler = handlers[method.localName];
    if (handler === undefined) return [method.name, 'unserved'];
    const call: Handler = async (bytes, context) => {
      const answer = await handler(decoded(method, bytes), context);
      return toBinary(method.output, create(method.output, answer as never));
    };
    return [method.name, call];
  });
  return [service.typeName, new Map(methods)];
}

/** Upstream's server answers undecodable messages with UNKNOWN. */
function decoded(method: DescService['methods'][number], bytes: Uint8Array): unknown {
  try {
    return fromBinary(method.input, bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'not protobuf';
    throw new StatusError(STATUS.unknown, `${method.input.name}: ${reason}`, { cause: error });
  }
}

/** Calls a method of a generated service. @throws StatusError */
export async function callTtrpc<M extends DescMethodUnary>(
  client: TtrpcClient,
  method: M,
  request: MessageInitShape<M['input']>,
  options: Pick<TtrpcCall, 'timeoutMs' | 'metadata'> = {},
): Promise<MessageShape<M['output']>> {
  const message = create(method.input, request as never);
  const payload = toBinary(method.input, message);
  const answer = await client.call({ service: method.parent.typeName, method: method.name, payload, ...options });
  try {
    return fromBinary(method.output, answer) as MessageShape<M['output']>;
  } catch (error) {
    throw new StatusError(STATUS.internal, `${method.name}: the answer is not a ${method.output.name}`, {
      cause: error,
    });
  }
}
