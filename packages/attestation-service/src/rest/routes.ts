/**
 * The REST face of the CoCo Attestation Service as data: whoever serves HTTP mounts it.
 *
 * Errors are thrown as `AssayError`; {@link restFailure} gives upstream's status and text.
 */
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
import {
  findHashAlgorithm,
  parseRestAttestationRequest,
  parseRestChallengeRequest,
  parseRestSetPolicy,
  type RestAttestationRequest,
  type RestVerificationRequest,
} from '@assay/protocol';
import type {
  AttestationBackend,
  EvidenceEntry,
  HashAlgorithm,
  InitData,
  PolicyAuthor,
  RuntimeData,
} from '../contract.js';
import { currentForm } from './old-bodies.js';

export interface RestAnswer {
  readonly contentType: 'text/plain; charset=utf-8' | 'application/json';
  /** Empty for calls that answer nothing. */
  readonly body: string;
}

export interface RestRoute {
  readonly id: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** `public`: anybody who reaches the port; `admin`: whoever may set policies. */
  readonly access: 'public' | 'admin';
  readonly summary: string;
  /**
   * @param body exactly as received
   * @param by the administrator, on `admin` routes
   * @throws AssayError
   */
  handle(body: Uint8Array, by: PolicyAuthor): Promise<RestAnswer>;
}

/** Largest evidence of one entry, in bytes. */
const LARGEST_EVIDENCE = 4 * 1024 * 1024;

export function restRoutes(backend: AttestationBackend): readonly RestRoute[] {
  return [
    {
      id: 'as.attestation',
      method: 'POST',
      path: '/attestation',
      access: 'public',
      summary: 'Verify and appraise evidence; the answer is an attestation token.',
      handle: async (body) => text(await attest(parseRestAttestationRequest(currentForm(jsonOf(body))), backend)),
    },
    {
      id: 'as.policy.set',
      method: 'POST',
      path: '/policy',
      access: 'admin',
      summary: 'Compile and store an attestation policy.',
      handle: async (body, by) => {
        const { policy_id: id, policy } = parseRestSetPolicy(jsonOf(body));
        await backend.setPolicy(
          id,
          decoded('policy', () => decodeUtf8(decodeBase64url(policy))),
          by,
        );
        return text('');
      },
    },
    {
      id: 'as.policy.list',
      method: 'GET',
      path: '/policy',
      access: 'public',
      summary: 'Ids of the stored attestation policies.',
      handle: async () => json((await backend.listPolicies()).map(({ id }) => ({ 'policy-id': id }))),
    },
    {
      id: 'as.challenge',
      method: 'POST',
      path: '/challenge',
      access: 'public',
      summary: 'Challenge of verifiers that have one; the empty text otherwise.',
      handle: async (body) => {
        const { tee, tee_params: params } = parseRestChallengeRequest(jsonOf(body));
        return text(await backend.challenge(tee, params));
      },
    },
    {
      id: 'as.jwks',
      method: 'GET',
      path: '/.well-known/jwks.json',
      access: 'public',
      summary: 'Keys that verify attestation tokens.',
      handle: async () => json((await backend.jwks()) as unknown as JsonObject),
    },
  ];
}

/** Upstream's answer to a failure: 400 for what is no request, else 500 with the cause chain. */
export function restFailure(thrown: unknown): {
  readonly status: number;
  readonly body: string;
  readonly error: AssayError;
} {
  const error = asAssayError(thrown);
  if (error.guestCode === 'request.malformed' && error.code !== 'binding.init-data.form') {
    return { status: error.code === 'request.body.size' ? 413 : 400, body: error.title, error };
  }
  const status = error.guestCode === 'unavailable' ? 503 : error.code.startsWith('admin.') ? error.httpStatus : 500;
  // "occured" is how peers of the field know this line.
  return { status, body: `An internal error occured: \n0: ${error.code}: ${error.title}`, error };
}

async function attest(request: RestAttestationRequest, backend: AttestationBackend): Promise<string> {
  const entries = request.verification_requests.map(entryOf);
  const { verdict, token } = await backend.evaluate({ entries, policyIds: request.policy_ids });
  if (token !== undefined) return token;
  throw assayError('evidence.service.accepts', {
    params: { service: 'this service', words: rootsOf(verdict) },
    findings: verdict.findings,
  });
}

function rootsOf(verdict: Verdict): string {
  const roots = verdict.findings.filter((finding) => verdict.roots.includes(finding.key));
  return roots.map((root) => root.id).join(', ');
}

function entryOf(request: RestVerificationRequest): EvidenceEntry {
  const name = request.runtime_data_hash_algorithm;
  const algorithm = name === undefined || name === null || name === '' ? undefined : hashAlgorithm(name);
  const evidence = decoded('evidence', () =>
    parseJsonStrict(decodeBase64url(request.evidence), { maxBytes: LARGEST_EVIDENCE }),
  );
  return {
    tee: request.tee,
    evidence,
    runtimeData: runtimeDataOf(request.runtime_data),
    initData: initDataOf(request.init_data),
    ...(algorithm === undefined ? {} : { hashAlgorithm: algorithm }),
  };
}

function runtimeDataOf(data: RestVerificationRequest['runtime_data']): RuntimeData {
  if (data === undefined || data === null) return { form: 'none' };
  if ('raw' in data) return { form: 'raw', bytes: decoded('runtime_data.raw', () => decodeBase64url(data.raw)) };
  return { form: 'structured', value: data.structured };
}

function initDataOf(data: RestVerificationRequest['init_data']): InitData {
  if (data === undefined || data === null) return { form: 'none' };
  if ('init_data_toml' in data) return { form: 'toml', text: data.init_data_toml };
  return {
    form: 'digest',
    digest: decoded('init_data.init_data_digest', () => decodeBase64url(data.init_data_digest)),
  };
}

function hashAlgorithm(name: string): HashAlgorithm {
  const found = findHashAlgorithm(name);
  if (found !== undefined) return found;
  throw malformed('runtime_data_hash_algorithm', 'an unknown name', 'sha256, sha384, sha512 or sm3');
}

function jsonOf(body: Uint8Array): JsonObject {
  const value: JsonValue = decoded('body', () => parseJsonStrict(body, { maxBytes: Math.max(body.length, 1) }));
  if (isJsonObject(value)) return value;
  throw malformed('body', 'no object', 'a JSON object is due');
}

function decoded<T>(member: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof DecodeError) throw malformed(member, thrown.message, 'well-formed text is due');
    throw thrown;
  }
}

function malformed(member: string, actual: string, expected: string): AssayError {
  return assayError('request.body.form', { params: { path: 'attestation service', member, actual, expected } });
}

function text(body: string): RestAnswer {
  return { contentType: 'text/plain; charset=utf-8', body };
}

function json(value: JsonValue): RestAnswer {
  return { contentType: 'application/json', body: JSON.stringify(value) };
}
