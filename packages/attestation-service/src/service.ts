import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@assay/bytes';
import { asAssayError, type FindingDraft } from '@assay/bytes/findings';
import type { Verifier } from '@assay/evidence';
import type { KeyManagement } from '@assay/kms';
import type { ReferenceValueSource } from '@assay/rvps';
import type { Storage } from '@assay/storage';
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
} from './contract.js';
import { appraiseAll } from './evaluate/appraise-all.js';
import { type EndorsementSource, endorseEntries } from './evaluate/endorse.js';
import { VerifierRegistry } from './evaluate/registry.js';
import { checkCount, verifyEntries } from './evaluate/verify.js';
import { DEFAULT_POLICIES } from './policy/default-policies.js';
import { policyWarnings } from './policy/lint.js';
import { PolicyStore } from './policy/store.js';
import { DEFAULT_TOKEN_OPTIONS, earClaims, signEar, type TokenOptions } from './token/ear.js';
import { type ConfiguredSigner, configuredSigner, type Signer, storedSigner } from './token/signer.js';
import { conclude } from './verdict.js';

export interface AttestationServiceOptions {
  readonly storage: Storage;
  readonly kms: KeyManagement;
  readonly referenceValues: ReferenceValueSource;
  /** Verifiers that are on. */
  readonly verifiers: readonly Verifier[];
  /** Where vendor statements come from, for verifiers that need them. */
  readonly endorsements?: EndorsementSource;
  readonly now: () => Date;
  /** Fresh random bytes, for verifier challenges. Default: the operating system's. */
  readonly random?: (bytes: number) => Uint8Array;
  /** A signer of one's own; without it one is made at the first start and kept sealed. */
  readonly signer?: ConfiguredSigner;
  readonly token?: Partial<TokenOptions>;
  /** False leaves the text of additional evidence out of the token. Default true. */
  readonly verboseToken?: boolean;
  /** How often other replicas' policies are looked for, milliseconds. Default 1000. */
  readonly refreshMs?: number;
}

/** The Attestation Service in this process. */
export class AttestationService implements AttestationBackend {
  readonly referenceValues: ReferenceValueSource;
  readonly #registry: VerifierRegistry;
  readonly #policies: PolicyStore;
  readonly #signer: Signer;
  readonly #token: TokenOptions;
  readonly #verbose: boolean;
  readonly #now: () => Date;
  readonly #random: (bytes: number) => Uint8Array;
  readonly #endorsements: EndorsementSource | undefined;

  private constructor(options: AttestationServiceOptions, policies: PolicyStore, signer: Signer) {
    this.referenceValues = options.referenceValues;
    this.#registry = new VerifierRegistry(options.verifiers);
    this.#policies = policies;
    this.#signer = signer;
    this.#token = { ...DEFAULT_TOKEN_OPTIONS, ...options.token };
    this.#verbose = options.verboseToken ?? true;
    this.#now = options.now;
    this.#random = options.random ?? randomBytes;
    this.#endorsements = options.endorsements;
  }

  /** @throws AssayError `config.signer.key`, and what storage and key management throw */
  static async open(options: AttestationServiceOptions): Promise<AttestationService> {
    const signer =
      options.signer === undefined
        ? await storedSigner(options.storage, options.kms)
        : configuredSigner(options.signer);
    const policies = await PolicyStore.open({
      storage: options.storage,
      now: options.now,
      defaults: DEFAULT_POLICIES,
      ...(options.refreshMs === undefined ? {} : { refreshMs: options.refreshMs }),
    });
    return new AttestationService(options, policies, signer);
  }

  /** Names of the TEEs that are served. */
  get tees(): readonly string[] {
    return this.#registry.tees;
  }

  async evaluate(request: EvaluateRequest): Promise<Evaluation> {
    const now = this.#now();
    const policies = await this.#policies.current();
    // Before anything is fetched for them.
    checkCount(request.entries.length);
    const teeOf = (entry: EvidenceEntry): string => this.#registry.find(entry.tee).tee;
    const endorsed = await endorseEntries(request.entries, teeOf, this.#endorsements, now);
    const verified = verifyEntries(request, this.#registry, now, { verbose: this.#verbose, endorsed });
    const policyId = request.policyIds[0] ?? 'default';
    const appraised = await appraiseAll(
      verified.inputs,
      request.policyIds.length === 0 ? [policyId] : request.policyIds,
      policies,
      this.referenceValues,
      now,
    );
    const { verdict, results } = conclude({
      kind: this.#registry.find(request.entries[0]?.tee ?? '').tee,
      ...(request.attempt === undefined ? {} : { attempt: request.attempt }),
      at: now,
      verified,
      ...appraised,
    });
    if (results === undefined) return { verdict };
    const claims = earClaims(results, policyId, now, this.#token);
    return { verdict, token: signEar(claims, this.#signer), claims: claims as unknown as JsonObject };
  }

  async challenge(tee: string, params: string): Promise<string> {
    return this.#registry.find(tee).challenge?.(params, this.#random, this.#now()) ?? '';
  }

  async setPolicy(id: string, text: string, by: PolicyAuthor): Promise<SetPolicyResult> {
    const { policy, compiled } = await this.#policies.set(id, text, by);
    return { policy, warnings: policyWarnings(id, compiled) };
  }

  getPolicy(id: string, version?: number): Promise<StoredPolicy | undefined> {
    return this.#policies.get(id, version);
  }

  async listPolicies(): Promise<readonly PolicySummary[]> {
    return this.#policies.list();
  }

  policyHistory(id: string): Promise<readonly PolicySummary[]> {
    return this.#policies.history(id);
  }

  deletePolicy(id: string, by: PolicyAuthor): Promise<boolean> {
    return this.#policies.delete(id, by);
  }

  async jwks(): Promise<JwkSet> {
    return { keys: [this.#signer.jwk] };
  }

  async readiness(): Promise<readonly FindingDraft[]> {
    const findings: FindingDraft[] = [];
    const { fault } = this.#policies;
    if (fault !== undefined) findings.push(fault.finding);
    try {
      await this.#policies.refresh();
      await this.referenceValues.snapshot([]);
    } catch (thrown) {
      findings.push(asAssayError(thrown).finding);
    }
    return findings;
  }

  /** Nothing is held: storage and key management belong to whoever made them. */
  async close(): Promise<void> {}
}
