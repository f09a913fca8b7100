import { createHash, X509Certificate } from 'node:crypto';
import { constantTimeEqual, encodeUtf8 } from '@assay/bytes';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { Principal } from '../contract.js';

/** What is known of a caller before its request is looked at. */
export interface GrpcCaller {
  /** Text of the `authorization` metadata, if there is exactly one. */
  readonly authorization: string | undefined;
  /** DER of the client certificate, if the server's credentials demand one; its chain has been verified then. */
  readonly certificate: Uint8Array | undefined;
  /** Address, for the log. */
  readonly peer: string;
}

/** Says who a caller is; undefined for nobody. Must not throw for bad credentials. */
export type GrpcAuthentication = (caller: GrpcCaller) => Principal | undefined | Promise<Principal | undefined>;

export function callerOf(call: ServerUnaryCall<unknown, unknown>): GrpcCaller {
  const authorization = call.metadata.get('authorization');
  const [only] = authorization;
  return {
    authorization: authorization.length === 1 && typeof only === 'string' ? only : undefined,
    certificate: call.getAuthContext().sslPeerCertificate?.raw,
    peer: call.getPeer(),
  };
}

export interface BearerToken {
  readonly token: string;
  readonly subject: string;
}

/** Callers show one of these tokens as `authorization: Bearer …`. All are compared, in time that tells nothing. */
export function bearerAuthentication(tokens: readonly BearerToken[]): GrpcAuthentication {
  for (const { token } of tokens)
    if (token.length < 16) throw new RangeError('a bearer token for gRPC needs at least 16 characters');
  const known = tokens.map(({ token, subject }) => ({ digest: digestOf(token), subject }));
  return ({ authorization }) => {
    const token = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return undefined;
    const digest = digestOf(token);
    let subject: string | undefined;
    for (const candidate of known) if (constantTimeEqual(candidate.digest, digest)) subject = candidate.subject;
    return subject === undefined ? undefined : { subject, method: 'grpc-bearer' };
  };
}

/**
 * Callers show a client certificate, whose chain the server's credentials have verified
 * (`ServerCredentials.createSsl(root, keys, true)`).
 *
 * @param subjects accepted common names.
 */
export function certificateAuthentication(subjects: readonly string[]): GrpcAuthentication {
  return ({ certificate }) => {
    if (certificate === undefined) return undefined;
    const names = new X509Certificate(certificate).subject
      .split('\n')
      .filter((line) => line.startsWith('CN='))
      .map((line) => line.slice(3));
    const [name] = names;
    if (names.length !== 1 || name === undefined || !subjects.includes(name)) return undefined;
    return { subject: name, method: 'grpc-mtls' };
  };
}

function digestOf(token: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(encodeUtf8(token)).digest());
}
