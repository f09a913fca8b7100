import { DecodeError, isJsonObject, type JsonValue, parseJsonStrict } from '@assay/bytes';
import { AssayError, assayError, type FindingId } from '@assay/bytes/findings';
import {
  create,
  type ReferenceValueQueryRequest,
  ReferenceValueQueryRequestSchema,
  type ReferenceValueQueryResponse,
  type ReferenceValueRegisterRequest,
  ReferenceValueRegisterRequestSchema,
  type ReferenceValueRegisterResponse,
} from '@assay/protocol/grpc';
import {
  type CallOptions,
  type ChannelCredentials,
  Client,
  credentials as grpcCredentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { ReferenceValueFact, ReferenceValueSnapshot, ReferenceValueSource } from '../contract.js';
import { FixedSnapshot } from '../snapshot.js';
import { CODE_METADATA, referenceServiceDefinition } from './service.js';

export interface GrpcReferenceValueOptions {
  /** `host:port`, `http://…`, `https://…` or `unix:…`. */
  readonly address: string;
  /** Instead of what the address says: none for `http` and without a scheme, the system's CAs for `https`. */
  readonly credentials?: ChannelCredentials;
  /** Shown when registering. Not sent in clear: it needs `https` or credentials, except on this machine. */
  readonly token?: string;
  /** Of one call; default 10 000 ms, after which an evaluation fails upstream. */
  readonly timeoutMs?: number;
}

/** Messages in either direction; upstream's limit. */
const LARGEST_MESSAGE = 4 * 1024 * 1024;
/** How many values are asked for at a time. */
const PARALLEL = 32;

/** Errors about the message itself: the remote RVPS's words pass through. Everything else is "did not answer". */
const PASSED_ON: ReadonlySet<string> = new Set<FindingId>([
  'rv.message.form',
  'rv.message.type',
  'rv.name.form',
  'rv.value.form',
  'rv.publisher.trust',
  'rv.publisher.prefix',
]);

/** A remote RVPS, of Assay or of Trustee 0.16 and later. Nothing is cached: a value that was taken back is gone at once. */
export class GrpcReferenceValueClient implements ReferenceValueSource {
  readonly #client: Client;
  readonly #options: GrpcReferenceValueOptions;
  readonly #timeoutMs: number;

  constructor(options: GrpcReferenceValueOptions) {
    const { target, credentials, isClear } = channelOf(options);
    if (options.token !== undefined && isClear && !/^(unix:|localhost:|127\.|\[::1\])/.test(target))
      throw new RangeError(`a token would go to ${target} in clear; use https or a unix socket`);
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#client = new Client(target, credentials, {
      'grpc.max_receive_message_length': LARGEST_MESSAGE,
      'grpc.max_send_message_length': LARGEST_MESSAGE,
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5_000,
    });
  }

  async query(name: string): Promise<JsonValue | undefined> {
    // The empty id asks for everything, and is no name.
    return name === '' ? undefined : this.#ask(name);
  }

  /**
   * The named values, asked for one by one. Without names the whole map is asked for, which only an Assay RVPS (and
   * Trustee 0.11 to 0.15) answers; from any other it is empty.
   */
  async snapshot(names?: Iterable<string>): Promise<ReferenceValueSnapshot> {
    const origin = { publisher: `RVPS ${this.#options.address}`, registeredAt: undefined, expires: undefined };
    const fact = (name: string, value: JsonValue): ReferenceValueFact & { name: string } => ({
      name,
      value,
      ...origin,
    });
    if (names === undefined) {
      const all = await this.#ask('');
      if (all === undefined) return new FixedSnapshot([]);
      if (!isJsonObject(all)) throw this.#silent('its answer is not an object');
      return new FixedSnapshot(Object.entries(all).map(([name, value]) => fact(name, value)));
    }
    const facts: ReturnType<typeof fact>[] = [];
    const wanted = [...new Set(names)];
    for (let i = 0; i < wanted.length; i += PARALLEL) {
      const part = wanted.slice(i, i + PARALLEL);
      const values = await Promise.all(part.map((name) => this.query(name)));
      for (const [k, value] of values.entries()) if (value !== undefined) facts.push(fact(part[k] as string, value));
    }
    return new FixedSnapshot(facts);
  }

  /** The remote RVPS authenticates this client, not the author; `authenticated` must be given, and stays here. */
  async registerMessage(
    message: string,
    options: { readonly authenticated?: { readonly subject: string } },
  ): Promise<readonly string[]> {
    if (options.authenticated === undefined)
      throw assayError('rv.publisher.trust', { params: { type: '(not read)', actual: 'nobody' } });
    const metadata = new Metadata();
    if (this.#options.token !== undefined) metadata.set('authorization', `Bearer ${this.#options.token}`);
    await this.#call<ReferenceValueRegisterRequest, ReferenceValueRegisterResponse>(
      referenceServiceDefinition.registerReferenceValue,
      create(ReferenceValueRegisterRequestSchema, { message }),
      metadata,
    );
    return [];
  }

  close(): void {
    this.#client.close();
  }

  async #ask(referenceValueId: string): Promise<JsonValue | undefined> {
    const { referenceValueResults: text } = await this.#call<ReferenceValueQueryRequest, ReferenceValueQueryResponse>(
      referenceServiceDefinition.queryReferenceValue,
      create(ReferenceValueQueryRequestSchema, { referenceValueId }),
      new Metadata(),
    );
    if (text === undefined) return undefined;
    try {
      return parseJsonStrict(text, { maxBytes: LARGEST_MESSAGE });
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw this.#silent(`its answer is not JSON: ${error.reason}`, error);
    }
  }

  #call<Request, Response>(
    method: {
      readonly path: string;
      readonly requestSerialize: (message: Request) => Buffer;
      readonly responseDeserialize: (bytes: Buffer) => Response;
    },
    request: Request,
    metadata: Metadata,
  ): Promise<Response> {
    const options: CallOptions = { deadline: Date.now() + this.#timeoutMs };
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        options,
        (error: ServiceError | null, response?: Response) => {
          if (error) reject(this.#failure(error));
          else if (response === undefined) reject(this.#silent('empty answer'));
          else resolve(response);
        },
      );
    });
  }

  #failure(error: ServiceError): AssayError {
    const [code] = error.metadata.get(CODE_METADATA);
    if (typeof code === 'string' && PASSED_ON.has(code))
      return new AssayError(
        { id: code as FindingId, outcome: 'fail', title: error.details.slice(0, 500) },
        { cause: error },
      );
    return this.#silent(status[error.code] ?? `status ${error.code}`, error);
  }

  #silent(reason: string, cause?: unknown): AssayError {
    const { address } = this.#options;
    return assayError('rv.query.answers', { params: { address, ms: this.#timeoutMs, reason }, cause });
  }
}

function channelOf({ address, credentials }: GrpcReferenceValueOptions) {
  const scheme = /^(https?):\/\//.exec(address)?.[1];
  const target = address.replace(/^https?:\/\//, '').replace(/\/$/, '');
  const isClear = credentials === undefined && scheme !== 'https';
  const chosen = credentials ?? (isClear ? grpcCredentials.createInsecure() : grpcCredentials.createSsl());
  return { target, credentials: chosen, isClear };
}
