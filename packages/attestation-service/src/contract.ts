/**
 * The Attestation Service as its callers see it: the broker, the gRPC and REST faces, the command line.
 *
 * There is a local implementation (`AttestationService`) and one that speaks the CoCo gRPC interface to another process
 * (`GrpcAttestationClient`).
 */
import type { JsonObject, JsonValue } from '@assay/bytes';
import type { FindingDraft, Verdict } from '@assay/bytes/findings';
import type { ReferenceValueSource } from '@assay/rvps';

export type HashAlgorithm = 'sha256' | 'sha384' | 'sha512' | 'sm3';

/** What the evidence is to be bound to. */
export type RuntimeData =
  /** Nothing: report data is not compared, runtime-data claims are `null`. */
  | { readonly form: 'none' }
  /** Exactly these bytes; runtime-data claims are `null`. */
  | { readonly form: 'raw'; readonly bytes: Uint8Array }
  | {
      readonly form: 'structured';
      /** The runtime-data claims; hashed in canonical form (RFC 8785). */
      readonly value: JsonObject;
      /** Only for old clients that hash another text: these texts are hashed instead, any one of them may match. */
      readonly preimages?: readonly Preimage[];
    };

export interface Preimage {
  readonly text: string;
  /** What it consists of, for the explanation: `nonce, n, e`. */
  readonly members: string;
}

export type InitData =
  | { readonly form: 'none' }
  /** Digest bytes as they are; init-data claims are `null`. */
  | { readonly form: 'digest'; readonly digest: Uint8Array }
  /** The document's exact text. */
  | { readonly form: 'toml'; readonly text: string };

/** Evidence of one TEE or device; the primary comes first. */
export interface EvidenceEntry {
  /** Name on the wire, any spelling that clients use. */
  readonly tee: string;
  readonly evidence: JsonValue;
  readonly runtimeData: RuntimeData;
  readonly initData: InitData;
  /** Default sha384. */
  readonly hashAlgorithm?: HashAlgorithm;
}

export interface EvaluateRequest {
  /** Attempt id, repeated in the verdict. */
  readonly attempt?: string;
  readonly entries: readonly EvidenceEntry[];
  /** Empty: `default`. Only the first one counts, as upstream. */
  readonly policyIds: readonly string[];
}

export interface Evaluation {
  /** Every finding, policies with digests, reference values used, claims, tier per submodule. */
  readonly verdict: Verdict;
  /**
   * EAR token (compact JWS). Present when the evidence is authentic and bound (`verdict.verdict` is `accept`) and every
   * policy gave an appraisal; a policy that fails gives no token, and its failure is the verdict's root.
   * Whether the appraisal is good enough stands in the token (`ear.status`) and in `verdict.decision`; judging it is the
   * relying party's business.
   */
  readonly token?: string;
  /**
   * The claims that were signed into the token. Present only where the signer is in this process: who gets them need not
   * take apart what was just put together, nor verify it.
   */
  readonly claims?: JsonObject;
}

/** Who changed a policy. */
export interface PolicyAuthor {
  readonly subject: string;
  readonly method: string;
}

export interface PolicySummary {
  /** Stored id: `default_cpu`. */
  readonly id: string;
  /** 1 for the first text of an id, one more for each change. */
  readonly version: number;
  /** SHA-384 of the text, lower-case hex. */
  readonly digest: string;
  /** RFC 3339. */
  readonly changedAt: string;
  readonly changedBy: PolicyAuthor;
  readonly bytes: number;
}

export interface StoredPolicy extends PolicySummary {
  readonly text: string;
}

export interface SetPolicyResult {
  readonly policy: PolicySummary;
  /** Lints: rules that never hold, comparisons that can only fail. They refuse nothing. */
  readonly warnings: readonly FindingDraft[];
}

export interface JwkSet {
  readonly keys: readonly JsonObject[];
}

export interface AttestationBackend {
  /**
   * Verifies and appraises. What the evidence holds never throws: it is in the verdict.
   *
   * @throws AssayError `request.tee.known`, `binding.init-data.form`, `policy.id.known` … for a request that cannot be
   *   evaluated, `rv.query.answers`, `net.peer.answers` … when a part of the service is out
   */
  evaluate(request: EvaluateRequest): Promise<Evaluation>;
  /** Verifier challenge; the empty text for TEEs without one. @throws AssayError `request.tee.known` */
  challenge(tee: string, params: string): Promise<string>;
  /**
   * Compiles and stores. @throws AssayError `policy.id.form`, `policy.file.parse`; nothing is stored then.
   */
  setPolicy(id: string, text: string, by: PolicyAuthor): Promise<SetPolicyResult>;
  /** The current text, or an older version of it. */
  getPolicy(id: string, version?: number): Promise<StoredPolicy | undefined>;
  listPolicies(): Promise<readonly PolicySummary[]>;
  /** Every version, newest first. */
  policyHistory(id: string): Promise<readonly PolicySummary[]>;
  /** @returns false when there was none. A deleted default stays deleted until the next start. */
  deletePolicy(id: string, by: PolicyAuthor): Promise<boolean>;
  /** Keys that verify the tokens. */
  jwks(): Promise<JwkSet>;
  readonly referenceValues: ReferenceValueSource;
  /** Findings of what is not ready to answer; empty when all is well. */
  readiness(): Promise<readonly FindingDraft[]>;
  close(): Promise<void>;
}
