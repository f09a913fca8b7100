/** `keybroker.KeyBrokerService`: the gRPC face of SEV pre-attestation, on an address of its own. */
import { asAssayError, assayError } from '@assay/bytes/findings';
import { type CallerInfo, type SevBroker, SevRefusal } from '@assay/kbs';
import {
  type BundleRequest,
  type BundleResponse,
  BundleResponseSchema,
  create,
  grpcServiceDefinition,
  KeyBrokerService,
  type OnlineSecretRequest,
  type OnlineSecretResponse,
  OnlineSecretResponseSchema,
  type SecretRequest,
  type SecretResponse,
  SecretResponseSchema,
} from '@assay/protocol/grpc';
import {
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { ServerCertificate } from '../http/self-signed.js';
import type { GrpcFace } from './serve.js';

/** A chain is 15 KiB of base64, secret requests are small: what is larger is not a request. */
const LARGEST_REQUEST = 128 * 1024;
const LARGEST_ANSWER = 8 * 1024 * 1024;
/** Connections that are busy with more calls than this wait. */
const MOST_STREAMS = 32;

/** Metadata of refusals beside simple-kbs' texts. */
const ATTEMPT_METADATA = 'assay-attempt';
const CODE_METADATA = 'assay-code';

export async function serveSev(options: {
  readonly address: string;
  readonly broker: SevBroker;
  /** Absent: no TLS. */
  readonly certificate?: ServerCertificate;
  readonly onDefect: (error: unknown) => void;
}): Promise<GrpcFace> {
  const { address, broker, certificate, onDefect } = options;
  const server = new Server({
    'grpc.max_receive_message_length': LARGEST_REQUEST,
    'grpc.max_send_message_length': LARGEST_ANSWER,
    'grpc.max_concurrent_streams': MOST_STREAMS,
  });
  const getBundle: handleUnaryCall<BundleRequest, BundleResponse> = answering(onDefect, async ({ request }, caller) => {
    const { certificateChain, policy } = request;
    return create(BundleResponseSchema, plain(await broker.getBundle({ certificateChain, policy, caller })));
  });
  const getSecret: handleUnaryCall<SecretRequest, SecretResponse> = answering(onDefect, async ({ request }, caller) =>
    create(SecretResponseSchema, plain(await broker.getSecret({ ...request, caller }))),
  );
  const getOnlineSecret: handleUnaryCall<OnlineSecretRequest, OnlineSecretResponse> = answering(
    onDefect,
    async ({ request }, caller) =>
      create(OnlineSecretResponseSchema, plain(await broker.getOnlineSecret({ ...request, caller }))),
  );
  server.addService(grpcServiceDefinition(KeyBrokerService), { getBundle, getSecret, getOnlineSecret });
  const credentials =
    certificate === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [
          { cert_chain: Buffer.from(certificate.certificate), private_key: Buffer.from(certificate.privateKey) },
        ]);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else
        reject(assayError('net.port.free', { params: { address, reason: error.message.slice(0, 60) }, cause: error }));
    });
  });
  return {
    address: address.replace(/:\d+$/, `:${port}`),
    close: () => new Promise((resolve) => server.tryShutdown(() => resolve())),
    cut: () => server.forceShutdown(),
  };
}

function answering<Request, Response>(
  onDefect: (error: unknown) => void,
  answer: (call: ServerUnaryCall<Request, Response>, caller: CallerInfo) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    answer(call, callerOf(call)).then(
      (response) => callback(null, response),
      (error: unknown) => {
        if (!(error instanceof SevRefusal) || error.guestCode === 'internal') onDefect(error);
        callback(refusalOf(error));
      },
    );
  };
}

/** simple-kbs answers every refusal as INTERNAL; only what says nothing about the caller has a status of its own. */
function refusalOf(error: unknown): Partial<ServiceError> {
  const known = asAssayError(error);
  const metadata = new Metadata();
  metadata.set(CODE_METADATA, known.guestCode);
  if (error instanceof SevRefusal) metadata.set(ATTEMPT_METADATA, error.attempt);
  const code =
    known.guestCode === 'unavailable'
      ? status.UNAVAILABLE
      : known.guestCode === 'busy'
        ? status.RESOURCE_EXHAUSTED
        : status.INTERNAL;
  return { code, details: error instanceof SevRefusal ? error.text : 'internal error', metadata };
}

/** Address without its port and the scheme that some releases put before it. */
function callerOf(call: ServerUnaryCall<unknown, unknown>): CallerInfo {
  const address = call
    .getPeer()
    .replace(/^ipv[46]:/, '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');
  return { address };
}

function plain<T extends { readonly attempt: string }>(reply: T): Omit<T, 'attempt'> {
  const { attempt: _, ...message } = reply;
  return message;
}
