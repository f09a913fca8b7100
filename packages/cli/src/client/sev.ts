/** gRPC client of a SEV key broker: for emulated shims and for guests with a connection. */
import { readFileSync } from 'node:fs';
import { KbcError, type OnlineSecretTransport, refusalOfText } from '@assay/guest';
import {
  BundleRequestSchema,
  create,
  type GrpcMethodDefinition,
  grpcServiceDefinition,
  KeyBrokerService,
  type MessageInitShape,
  OnlineSecretRequestSchema,
  SecretRequestSchema,
} from '@assay/protocol/grpc';
import type { SevKeyBrokerClient } from '@assay/soft-tee';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { CliError, EXIT } from '../exit.js';

export interface SevClient extends SevKeyBrokerClient {
  readonly getOnlineSecret: OnlineSecretTransport;
  close(): void;
}

/** As the shim's constant. */
const TIMEOUT_MS = 10_000;
const LARGEST_ANSWER = 8 * 1024 * 1024;
const methods = grpcServiceDefinition(KeyBrokerService);

/** @param ca PEM of the server's CA; without it plain text is spoken, as Kata's shims do */
export function sevClient(address: string, ca?: string): SevClient {
  const channel = ca === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(ca));
  const client = new Client(address, channel, { 'grpc.max_receive_message_length': LARGEST_ANSWER });
  const call = <Request, Response>(method: GrpcMethodDefinition<Request, Response>, request: Request) =>
    new Promise<Response>((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        new Metadata(),
        { deadline: Date.now() + TIMEOUT_MS },
        (error, response) => {
          if (error) reject(failureOf(error));
          else if (response === undefined) reject(new KbcError('protocol', 'empty answer'));
          else resolve(response);
        },
      );
    });
  return {
    getBundle: (request) => call(methods.getBundle, create(BundleRequestSchema, request)),
    getSecret: (request) =>
      call(
        methods.getSecret,
        create(SecretRequestSchema, mutable(request) as MessageInitShape<typeof SecretRequestSchema>),
      ),
    getOnlineSecret: (request) =>
      call(
        methods.getOnlineSecret,
        create(OnlineSecretRequestSchema, mutable(request) as MessageInitShape<typeof OnlineSecretRequestSchema>),
      ),
    close: () => client.close(),
  };
}

/** CA file of `--cert-file`. */
export function readSevCa(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readFileSync(path, 'utf8');
}

/** A refusal of the broker in its own words, with the attempt that the owner finds; or an outage. */
function failureOf(error: ServiceError): Error {
  const [attempt] = error.metadata.get('assay-attempt');
  const outage = error.code !== status.INTERNAL;
  return refusalOfText(error.details, { outage, ...(typeof attempt === 'string' ? { attempt } : {}) });
}

/** As an error of the command. */
export function asCliError(error: unknown): unknown {
  if (!(error instanceof KbcError)) return error;
  return new CliError(error.message, error.reason === 'unavailable' ? EXIT.unreachable : EXIT.refused, {
    ...(error.attempt === undefined ? {} : { hint: `assay audit show ${error.attempt}` }),
    data: { detail: error.message, ...(error.attempt === undefined ? {} : { attempt: error.attempt }) },
    cause: error,
  });
}

/** Messages are made of plain lists and objects; those that are only read fit too. */
function mutable<T extends { readonly secretRequests: readonly object[] }>(request: T) {
  return { ...request, secretRequests: request.secretRequests.map((one) => ({ ...one })) };
}
