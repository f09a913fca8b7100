/** The gRPC face of the CoCo Attestation Service, package `attestation`. */
import {
  DecodeError,
  decodeBase64url,
  decodeUtf8,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { type AssayError, asAssayError, assayError, type Verdict } from '@assay/bytes/findings';
import { findHashAlgorithm } from '@assay/protocol';
import {
  type AttestationRequest,
  type AttestationResponse,
  AttestationResponseSchema,
  type ChallengeRequest,
  type ChallengeResponse,
  ChallengeResponseSchema,
  create,
  type IndividualAttestationRequest,
  type SetPolicyRequest,
  type SetPolicyResponse,
  SetPolicyResponseSchema,
} from '@assay/protocol/grpc';
import type { GrpcAuthentication, GrpcCaller } from '@assay/rvps';
import {
  type handleUnaryCall,
  Metadata,
  type Server,
  type ServerUnaryCall,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type {
  AttestationBackend,
  EvidenceEntry,
  HashAlgorithm,
  InitData,
  PolicyAuthor,
  RuntimeData,
} from '../contract.js';
import { attestationServiceDefinition } from './definition.js';
import { ASK_VERDICT, CODE_METADATA, verdictMetadata } from './verdict-metadata.js';

export interface AttestationHandlerOptions {
  /**
   * Who may set policies. They decide what is accepted, so the default is `refuse`: nobody, over this face.
   * `insecure-allow-anyone` takes every caller's word, as upstream does; the network must be closed then.
   */
  readonly policies?: 'refuse' | 'insecure-allow-anyone' | GrpcAuthentication;
  /**
   * Gives the whole verdict to callers that ask for it, as Assay's key broker does for its audit. It names policies and
   * reference values: to callers that are authenticated so, or (true, the default) to all, for a port that key brokers alone can
   * reach. Who is not authenticated gets what upstream gives.
   */
  readonly verdicts?: boolean | GrpcAuthentication;
  /** Told of errors that are no `AssayError`: the caller only hears "internal error". */
  readonly onDefect?: (error: unknown) => void;
}

/** Handlers for `attestationServiceDefinition`. */
export interface AttestationHandlers {
  readonly attestationEvaluate: handleUnaryCall<AttestationRequest, AttestationResponse>;
  readonly setAttestationPolicy: handleUnaryCall<SetPolicyRequest, SetPolicyResponse>;
  readonly getAttestationChallenge: handleUnaryCall<ChallengeRequest, ChallengeResponse>;
}

/** Largest evidence of one entry, in characters of its base64url. */
const LARGEST_EVIDENCE = 4 * 1024 * 1024;

/** Errors carry upstream's text and, beside it, the id of the error register. */
export function attestationHandlers(
  backend: AttestationBackend,
  options: AttestationHandlerOptions = {},
): AttestationHandlers {
  return {
    attestationEvaluate(call, callback) {
      evaluate(call, backend, options).then(
        ({ token, metadata }) =>
          callback(null, create(AttestationResponseSchema, { attestationToken: token }), metadata),
        (thrown: unknown) => callback(failure(thrown, options)),
      );
    },
    setAttestationPolicy(call, callback) {
      setPolicy(call, backend, options).then(
        () => callback(null, create(SetPolicyResponseSchema)),
        (thrown: unknown) => callback(failure(thrown, options)),
      );
    },
    getAttestationChallenge(call, callback) {
      challenge(call.request, backend).then(
        (text) => callback(null, create(ChallengeResponseSchema, { attestationChallenge: text })),
        (thrown: unknown) => callback(failure(thrown, options)),
      );
    },
  };
}

/** Adds the service to a server. */
export function addAttestationService(
  server: Server,
  backend: AttestationBackend,
  options: AttestationHandlerOptions = {},
): void {
  server.addService(attestationServiceDefinition, { ...attestationHandlers(backend, options) });
}

/** A failure with upstream's words before it. */
class Prefixed extends Error {
  readonly error: AssayError;
  readonly details: string;
  readonly verdict: Verdict | undefined;
  readonly code: status;

  constructor(details: string, error: AssayError, more: { readonly verdict?: Verdict; readonly code?: status } = {}) {
    super(details, { cause: error });
    this.details = details;
    this.error = error;
    this.verdict = more.verdict;
    this.code = more.code ?? status.ABORTED;
  }
}

async function evaluate(
  call: ServerUnaryCall<AttestationRequest, AttestationResponse>,
  backend: AttestationBackend,
  options: AttestationHandlerOptions,
): Promise<{ readonly token: string; readonly metadata: Metadata }> {
  const entries = call.request.verificationRequests.map(entryOf);
  const { policyIds } = call.request;
  const prefix = 'Attestation evaluation failed: ';
  const { verdict, token } = await prefixedAsync(
    prefix,
    () => backend.evaluate({ entries, policyIds }),
    (error) => `${prefix}\n0: ${error.code}: ${error.title}`,
  );
  const asked = call.metadata.get(ASK_VERDICT).length > 0 && (await mayRead(callerOf(call), options));
  if (token !== undefined) return { token, metadata: asked ? verdictMetadata(verdict) : new Metadata() };
  const error = assayError('evidence.service.accepts', { params: { service: 'this service', words: verdict.summary } });
  throw new Prefixed(`${prefix}${causes(verdict)}`, error, asked ? { verdict } : {});
}

async function mayRead(caller: GrpcCaller, { verdicts = true }: AttestationHandlerOptions): Promise<boolean> {
  return typeof verdicts === 'boolean' ? verdicts : (await verdicts(caller)) !== undefined;
}

/** The cause chain, one line for each root. */
function causes(verdict: Verdict): string {
  const roots = verdict.findings.filter((finding) => verdict.roots.includes(finding.key));
  return roots.map((root, index) => `\n${index}: ${root.id}: ${root.title ?? ''}`).join('');
}

function entryOf(request: IndividualAttestationRequest): EvidenceEntry {
  const hash = request.runtimeDataHashAlgorithm;
  const algorithm = hash === '' ? undefined : hashAlgorithm(hash);
  return {
    tee: request.tee,
    evidence: evidenceOf(request.evidence),
    runtimeData: runtimeDataOf(request.runtimeData),
    initData: initDataOf(request.initData),
    ...(algorithm === undefined ? {} : { hashAlgorithm: algorithm }),
  };
}

function hashAlgorithm(name: string): HashAlgorithm {
  const found = findHashAlgorithm(name);
  if (found !== undefined) return found;
  throw malformed(
    'parse runtime data HashAlgorithm failed: ',
    'runtime_data_hash_algorithm',
    'an unknown name',
    'sha256, sha384, sha512 or sm3',
  );
}

function evidenceOf(text: string): JsonValue {
  if (text.length > LARGEST_EVIDENCE) {
    throw malformed(
      'Illegal input Evidence: ',
      'evidence',
      `${text.length} characters long`,
      `at most ${LARGEST_EVIDENCE} are read`,
    );
  }
  const bytes = decoded('Illegal input Evidence: ', 'evidence', () => decodeBase64url(text));
  return decoded('failed to parse tee evidence: ', 'evidence', () =>
    parseJsonStrict(bytes, { maxBytes: LARGEST_EVIDENCE }),
  );
}

function runtimeDataOf(data: IndividualAttestationRequest['runtimeData']): RuntimeData {
  if (data.case === undefined) return { form: 'none' };
  if (data.case === 'rawRuntimeData') {
    return {
      form: 'raw',
      bytes: decoded('base64 decode runtime data: ', 'raw_runtime_data', () => decodeBase64url(data.value)),
    };
  }
  const prefix = 'parse structured runtime data: ';
  const value: JsonValue = decoded(prefix, 'structured_runtime_data', () => parseJsonStrict(data.value));
  if (isJsonObject(value)) return { form: 'structured', value };
  throw malformed(prefix, 'structured_runtime_data', 'not an object', 'an object is due');
}

function initDataOf(data: IndividualAttestationRequest['initData']): InitData {
  if (data.case === undefined) return { form: 'none' };
  if (data.case === 'initDataToml') return { form: 'toml', text: data.value };
  return {
    form: 'digest',
    digest: decoded('base64 decode init data digest: ', 'init_data_digest', () => decodeBase64url(data.value)),
  };
}

async function setPolicy(
  call: ServerUnaryCall<SetPolicyRequest, SetPolicyResponse>,
  backend: AttestationBackend,
  options: AttestationHandlerOptions,
): Promise<void> {
  const prefix = 'Set Attestation Policy Failed: ';
  const by = await author(callerOf(call), options, prefix);
  const text = decoded(prefix, 'policy', () => decodeUtf8(decodeBase64url(call.request.policy)));
  await prefixedAsync(prefix, () => backend.setPolicy(call.request.policyId, text, by));
}

async function author(
  caller: GrpcCaller,
  { policies = 'refuse' }: AttestationHandlerOptions,
  prefix: string,
): Promise<PolicyAuthor> {
  if (policies === 'insecure-allow-anyone') return { subject: `anyone at ${caller.peer}`, method: 'grpc-insecure' };
  const principal = policies === 'refuse' ? undefined : await policies(caller);
  if (principal !== undefined) return principal;
  const error = assayError('admin.credential.present', {
    params: { method: 'gRPC', path: 'SetAttestationPolicy' },
    remedy:
      policies === 'refuse'
        ? 'Setting policies over gRPC is off. Use the administration API, or configure who may set them over gRPC.'
        : 'Show the credentials that this server accepts for setting policies over gRPC.',
  });
  throw new Prefixed(`${prefix}${error.title}. ${error.remedy}`, error, { code: status.UNAUTHENTICATED });
}

async function challenge(request: ChallengeRequest, backend: AttestationBackend): Promise<string> {
  const inner: JsonObject = request.inner;
  const { tee, tee_params: params } = inner;
  if (typeof tee !== 'string') throw malformed('Error parse inner_tee tee', 'tee', 'absent', '');
  if (typeof params !== 'string') throw malformed('Error parse inner_tee tee_params', 'tee_params', 'absent', '');
  return prefixedAsync('Challenge: ', () => backend.challenge(tee, params));
}

function callerOf(call: ServerUnaryCall<unknown, unknown>): GrpcCaller {
  const authorization = call.metadata.get('authorization');
  const [only] = authorization;
  return {
    authorization: authorization.length === 1 && typeof only === 'string' ? only : undefined,
    certificate: call.getAuthContext().sslPeerCertificate?.raw,
    peer: call.getPeer(),
  };
}

function decoded<T>(prefix: string, member: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof DecodeError) throw malformed(prefix, member, thrown.message, '');
    throw thrown;
  }
}

function malformed(prefix: string, member: string, actual: string, expected: string): Prefixed {
  const error = assayError('request.body.form', { params: { path: 'gRPC request', member, actual, expected } });
  return new Prefixed(`${prefix}${actual}`, error);
}

async function prefixedAsync<T>(
  prefix: string,
  run: () => Promise<T>,
  words?: (error: AssayError) => string,
): Promise<T> {
  try {
    return await run();
  } catch (thrown) {
    const error = asAssayError(thrown);
    const unknownTee = error.code === 'request.tee.known' && prefix !== 'Challenge: ';
    if (error.code === 'internal.defect.none') throw thrown;
    throw new Prefixed(
      unknownTee ? `parse TEE type: ${error.title}` : (words?.(error) ?? `${prefix}${error.title}`),
      error,
    );
  }
}

function failure(thrown: unknown, { onDefect }: AttestationHandlerOptions): Partial<ServiceError> {
  if (!(thrown instanceof Prefixed)) {
    onDefect?.(thrown);
    return { code: status.ABORTED, details: 'internal error', metadata: new Metadata() };
  }
  const metadata = thrown.verdict === undefined ? new Metadata() : verdictMetadata(thrown.verdict);
  metadata.set(CODE_METADATA, thrown.error.code);
  return { code: thrown.code, details: thrown.details, metadata };
}
