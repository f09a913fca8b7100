import { encodeBase64url, encodeUtf8, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import {
  AssayError,
  assayError,
  assembleVerdict,
  cut,
  type FindingDraft,
  failed,
  isFindingId,
  passed,
  reported,
  type Verdict,
} from '@assay/bytes/findings';
import { canonicalBytes, decodeJwtUnverified, EAR_TIERS, ProtocolError } from '@assay/protocol';
import {
  AttestationRequestSchema,
  ChallengeRequestSchema,
  create,
  type GrpcMethodDefinition,
  SetPolicyRequestSchema,
} from '@assay/protocol/grpc';
import { GrpcReferenceValueClient, type ReferenceValueSource } from '@assay/rvps';
import {
  type ChannelCredentials,
  Client,
  credentials as grpcCredentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type {
  AttestationBackend,
  EvaluateRequest,
  Evaluation,
  EvidenceEntry,
  JwkSet,
  PolicyAuthor,
  PolicySummary,
  SetPolicyResult,
  StoredPolicy,
} from '../contract.js';
import { policyDigest } from '../policy/digest.js';
import { attestationServiceDefinition } from './definition.js';
import { ASK_VERDICT, CODE_METADATA, verdictOf } from './verdict-metadata.js';

export interface GrpcAttestationOptions {
  /** `host:port`, `http://…`, `https://…` or `unix:…`. */
  readonly address: string;
  /** Instead of what the address says: none for `http` and without a scheme, the system's CAs for `https`. */
  readonly credentials?: ChannelCredentials;
  /** Shown when asking for verdicts, setting policies and registering reference values. Not sent in clear beyond this machine. */
  readonly token?: string;
  /** Of one call; default 30 000 ms. */
  readonly timeoutMs?: number;
  readonly now: () => Date;
  /** Where the keys of its tokens are; the gRPC interface does not tell. */
  readonly jwks?: () => Promise<JwkSet>;
}

const LARGEST_MESSAGE = 4 * 1024 * 1024;
const EVALUATION_FAILED = 'Attestation evaluation failed';

/** An Attestation Service in another process: Assay's own, or Trustee 0.14 and later. */
export class GrpcAttestationClient implements AttestationBackend {
  readonly referenceValues: ReferenceValueSource;
  readonly #values: GrpcReferenceValueClient;
  readonly #client: Client;
  readonly #options: GrpcAttestationOptions;
  readonly #timeoutMs: number;

  constructor(options: GrpcAttestationOptions) {
    const { target, credentials } = channelOf(options);
    const { address, token } = options;
    this.#values = new GrpcReferenceValueClient({
      address,
      ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
      ...(token === undefined ? {} : { token }),
    });
    this.referenceValues = this.#values;
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#client = new Client(target, credentials, {
      'grpc.max_receive_message_length': LARGEST_MESSAGE,
      'grpc.max_send_message_length': LARGEST_MESSAGE,
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5_000,
    });
  }

  async evaluate(request: EvaluateRequest): Promise<Evaluation> {
    const message = create(AttestationRequestSchema, {
      verificationRequests: request.entries.map(entryMessage),
      policyIds: [...request.policyIds],
    });
    const metadata = new Metadata();
    metadata.set(ASK_VERDICT, '1');
    this.#showToken(metadata);
    try {
      const answer = await this.#call(attestationServiceDefinition.attestationEvaluate, message, metadata);
      const token = answer.response.attestationToken;
      const verdict = verdictOf(answer.trailer, this.#options.address) ?? this.#verdictOfToken(request, token);
      return { verdict: withAttempt(verdict, request.attempt), token };
    } catch (thrown) {
      return { verdict: withAttempt(this.#refusal(request, thrown), request.attempt) };
    }
  }

  async challenge(tee: string, params: string): Promise<string> {
    const message = create(ChallengeRequestSchema, { inner: { tee, tee_params: params } });
    const { response } = await this.#orThrow(this.#call(attestationServiceDefinition.getAttestationChallenge, message));
    return response.attestationChallenge;
  }

  async setPolicy(id: string, text: string, by: PolicyAuthor): Promise<SetPolicyResult> {
    const message = create(SetPolicyRequestSchema, { policyId: id, policy: encodeBase64url(encodeUtf8(text)) });
    const metadata = new Metadata();
    this.#showToken(metadata);
    await this.#orThrow(this.#call(attestationServiceDefinition.setAttestationPolicy, message, metadata));
    // The interface answers nothing: version numbers are the remote service's own.
    const policy: PolicySummary = {
      id,
      version: 0,
      digest: policyDigest(text),
      changedAt: this.#options.now().toISOString(),
      changedBy: by,
      bytes: Buffer.byteLength(text),
    };
    return { policy, warnings: [] };
  }

  async getPolicy(): Promise<StoredPolicy | undefined> {
    throw this.#notOffered('reads no policies');
  }

  async listPolicies(): Promise<readonly PolicySummary[]> {
    throw this.#notOffered('lists no policies');
  }

  async policyHistory(): Promise<readonly PolicySummary[]> {
    throw this.#notOffered('keeps no history of policies');
  }

  async deletePolicy(): Promise<boolean> {
    throw this.#notOffered('deletes no policies');
  }

  async jwks(): Promise<JwkSet> {
    if (this.#options.jwks === undefined) throw this.#notOffered('publishes no keys; configure where they are');
    return this.#options.jwks();
  }

  async readiness(): Promise<readonly FindingDraft[]> {
    return new Promise((resolve) => {
      const deadline = this.#options.now().getTime() + Math.min(this.#timeoutMs, 2000);
      this.#client.waitForReady(deadline, (error) => {
        if (error === undefined) resolve([]);
        else resolve([this.#unreachable('no connection').finding]);
      });
    });
  }

  async close(): Promise<void> {
    this.#client.close();
    this.#values.close();
  }

  #showToken(metadata: Metadata): void {
    if (this.#options.token !== undefined) metadata.set('authorization', `Bearer ${this.#options.token}`);
  }

  #call<Request, Response>(
    method: GrpcMethodDefinition<Request, Response>,
    request: Request,
    metadata = new Metadata(),
  ): Promise<{ readonly response: Response; readonly trailer: Metadata }> {
    return new Promise((resolve, reject) => {
      let answer: Response | undefined;
      const call = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        { deadline: Date.now() + this.#timeoutMs },
        (error: ServiceError | null, response?: Response) => {
          if (error !== null) reject(error);
          else answer = response;
        },
      );
      call.on('status', ({ metadata: trailer }) => {
        if (answer !== undefined) resolve({ response: answer, trailer });
      });
    });
  }

  /** The verdict of a refusal: the remote one if it came, its words otherwise. @throws AssayError when nobody answered */
  #refusal(request: EvaluateRequest, thrown: unknown): Verdict {
    if (!isServiceError(thrown)) throw thrown;
    const verdict = verdictOf(thrown.metadata, this.#options.address);
    if (verdict !== undefined) return verdict;
    if (thrown.code !== status.ABORTED || !thrown.details.startsWith(EVALUATION_FAILED)) throw this.#fault(thrown);
    const code = codeOf(thrown);
    if (code !== undefined && code !== 'evidence.service.accepts') throw this.#fault(thrown);
    const { address } = this.#options;
    const words = cut(thrown.details.slice(EVALUATION_FAILED.length + 1).trim(), 200);
    const finding = failed('evidence.service.accepts', {
      subject: kindOf(request),
      params: { service: address, words },
      source: `attestation service at ${address}`,
      via: address,
    });
    return this.#verdict(request, [finding]);
  }

  #verdictOfToken(request: EvaluateRequest, token: string): Verdict {
    const { address } = this.#options;
    const submods = submodsOf(token);
    const tiers = Object.fromEntries(Object.entries(submods).map(([name, { tier }]) => [name, tier]));
    const findings: FindingDraft[] = [
      passed('evidence.service.accepts', kindOf(request)),
      ...Object.entries(tiers).map(([submod, tier]) => tierFinding(submod, tier, address)),
    ];
    const claims = Object.fromEntries(Object.entries(submods).map(([name, { claims: all }]) => [name, all]));
    return this.#verdict(request, findings, { tiers, claims });
  }

  #verdict(request: EvaluateRequest, findings: readonly FindingDraft[], more = {}): Verdict {
    return assembleVerdict({ kind: kindOf(request), at: this.#options.now(), findings, asked: true, ...more });
  }

  async #orThrow<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (thrown) {
      throw isServiceError(thrown) ? this.#fault(thrown) : thrown;
    }
  }

  /** A remote error with a code of the register keeps it; other words are quoted; no answer at all is an outage. */
  #fault(error: ServiceError): AssayError {
    const { address } = this.#options;
    const code = codeOf(error);
    if (code !== undefined) {
      return new AssayError(reported(code, cut(error.details, 100), { via: address }), { cause: error });
    }
    if (error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED) {
      return this.#unreachable(status[error.code] ?? 'no answer', error);
    }
    return assayError('net.answer.form', {
      params: { service: 'attestation service', address, words: cut(error.details, 200) },
      cause: error,
    });
  }

  #unreachable(reason: string, cause?: unknown): AssayError {
    const { address } = this.#options;
    return assayError('net.peer.answers', { params: { address, reason, setting: 'attestation service' }, cause });
  }

  #notOffered(words: string): AssayError {
    const { address } = this.#options;
    return assayError('net.answer.form', { params: { service: 'the gRPC interface', address, words } });
  }
}

function entryMessage(entry: EvidenceEntry) {
  const { runtimeData, initData } = entry;
  return {
    tee: entry.tee,
    evidence: encodeBase64url(encodeUtf8(JSON.stringify(entry.evidence))),
    runtimeDataHashAlgorithm: entry.hashAlgorithm ?? '',
    ...(runtimeData.form === 'raw'
      ? { runtimeData: { case: 'rawRuntimeData' as const, value: encodeBase64url(runtimeData.bytes) } }
      : {}),
    ...(runtimeData.form === 'structured'
      ? {
          runtimeData: {
            case: 'structuredRuntimeData' as const,
            value: structuredText(runtimeData.value, runtimeData.preimages),
          },
        }
      : {}),
    ...(initData.form === 'digest'
      ? { initData: { case: 'initDataDigest' as const, value: encodeBase64url(initData.digest) } }
      : {}),
    ...(initData.form === 'toml' ? { initData: { case: 'initDataToml' as const, value: initData.text } } : {}),
  };
}

/** The interface hashes the canonical form only: another text of an old protocol version cannot be asked for. */
function structuredText(value: JsonObject, preimages: readonly { readonly text: string }[] | undefined): string {
  const canonical = Buffer.from(canonicalBytes(value)).toString();
  if (preimages === undefined || preimages.some(({ text }) => text === canonical)) return canonical;
  throw assayError('request.version.served', {
    params: { actual: '0.1.0 with an old key form', list: '0.1.1 and later, with a remote attestation service' },
  });
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && 'code' in thrown && 'details' in thrown && 'metadata' in thrown;
}

function codeOf(error: ServiceError) {
  const [code] = error.metadata.get(CODE_METADATA);
  return typeof code === 'string' && isFindingId(code) ? code : undefined;
}

function withAttempt(verdict: Verdict, attempt: string | undefined): Verdict {
  return attempt === undefined ? verdict : { ...verdict, attempt };
}

function kindOf(request: EvaluateRequest): string {
  return request.entries[0]?.tee ?? 'none';
}

interface Submod {
  readonly tier: string;
  readonly claims: JsonValue;
}

/** What the token says; it comes over a channel that is trusted here and is verified by whoever relies on it. */
function submodsOf(token: string): { readonly [name: string]: Submod } {
  try {
    const { submods } = decodeJwtUnverified(token).claims;
    if (!isJsonObject(submods)) return {};
    return Object.fromEntries(
      Object.entries(submods).flatMap(([name, submod]): [string, Submod][] => {
        if (!isJsonObject(submod)) return [];
        const tier = submod['ear.status'];
        const known = EAR_TIERS.find((candidate) => candidate === tier) ?? 'none';
        return [[name, { tier: known, claims: submod['ear.veraison.annotated-evidence'] ?? null }]];
      }),
    );
  } catch (thrown) {
    if (thrown instanceof ProtocolError) return {};
    throw thrown;
  }
}

function tierFinding(submod: string, tier: string, address: string): FindingDraft {
  if (tier === 'affirming') return passed('policy.tier.accepted', submod, tier);
  return failed('policy.tier.accepted', {
    subject: submod,
    params: { submod, tier, claims: `says the service at ${address}` },
    expected: 'affirming',
    actual: tier,
    compare: { relation: 'at-least', type: 'text' },
    source: `token of the attestation service at ${address}`,
    via: address,
  });
}

function channelOf({ address, credentials, token }: GrpcAttestationOptions) {
  const scheme = /^(https?):\/\//.exec(address)?.[1];
  const target = address.replace(/^https?:\/\//, '').replace(/\/$/, '');
  const isClear = credentials === undefined && scheme !== 'https';
  if (token !== undefined && isClear && !/^(unix:|localhost:|127\.|\[::1\])/.test(target)) {
    throw new RangeError(`a token would go to ${target} in clear; use https or a unix socket`);
  }
  return {
    target,
    credentials: credentials ?? (isClear ? grpcCredentials.createInsecure() : grpcCredentials.createSsl()),
  };
}
