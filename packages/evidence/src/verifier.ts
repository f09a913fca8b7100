import type { JsonObject, JsonValue } from '@assay/bytes';
import type { CollateralUse, FindingDraft, FindingRef } from '@assay/bytes/findings';

/** Class of a claim set; it names the submodule (`cpu0`) and the policy (`default_cpu`). */
export type ClaimClass = 'cpu' | 'gpu' | 'switch' | 'ppcie' | 'dcu' | 'nvidia-dpu';

/**
 * One byte string that the evidence may carry as its report data.
 *
 * Protocol version 0.1.0 has two forms of hashing the same handshake and nothing to tell them apart, so the caller may
 * give several; padding or cutting to the TEE's field is the verifier's business.
 */
export interface ExpectedReportData {
  readonly bytes: Uint8Array;
  /** Name of the hash, for the explanation: `sha384`. */
  readonly algorithm: string;
  /** What was hashed, for the explanation: `nonce, tee-pubkey`. */
  readonly members: string;
}

/** Digest that the TEE's init-data register must hold, by the TEE's rule. */
export interface ExpectedInitData {
  readonly digest: Uint8Array;
  /** Absent where the caller gave only the digest. */
  readonly algorithm?: string;
}

/** Vendor statements about the platform (certificates, CRLs, TCB info), by name; bytes as fetched. */
export type Endorsements = { readonly [name: string]: Uint8Array };

/** Everything that a verification depends on: nothing is fetched, no clock is read. */
export interface VerifyInput {
  /** The evidence as JSON, as the guest's attester made it. */
  readonly evidence: JsonValue;
  /** Any one of these must be bound; undefined: not asked, reported as `not-checked`. Never empty. */
  readonly reportData: readonly ExpectedReportData[] | undefined;
  /** Undefined: not asked, reported as `not-checked`. */
  readonly initData: ExpectedInitData | undefined;
  readonly endorsements?: Endorsements;
  readonly now: Date;
}

/** Claims of one thing that was attested. Numbers, texts and names as policies see them under `input.<tee>`. */
export interface ClaimSet {
  readonly class: ClaimClass;
  readonly claims: JsonObject;
  /**
   * Which finding made a claim, by dotted path (`tcb_status` → `dcap.tcb.level`), so that a policy's refusal of the claim
   * points to the cause. The longest matching path counts; `''` stands for all others.
   */
  readonly origins?: { readonly [path: string]: FindingRef };
}

/** Result of a verification: every finding, and claims only of what was accepted as authentic and bound. */
export type VerifierResult =
  | {
      readonly accepted: true;
      readonly findings: readonly FindingDraft[];
      readonly claimSets: readonly ClaimSet[];
      readonly collateral?: readonly CollateralUse[];
      /** Index of the report data that the evidence binds; undefined when it was not asked. */
      readonly matched: number | undefined;
    }
  | {
      readonly accepted: false;
      readonly findings: readonly FindingDraft[];
      readonly collateral?: readonly CollateralUse[];
    };

/** Verifier of one TEE's evidence: pure, and without exceptions for what evidence may hold. */
export interface Verifier {
  /** Name on the wire: `sample`, `tdx`, `az-snp-vtpm` … */
  readonly tee: string;
  /** True where the evidence proves nothing about hardware (sample, emulated roots); claims then say so. */
  readonly emulated?: true;
  verify(input: VerifyInput): VerifierResult;
  /**
   * Verifier challenge of TEEs that have one (IBM SE).
   *
   * @param params `tee_params` as the client sent them
   * @throws AssayError where no challenge can be made now
   */
  challenge?(params: string, random: (bytes: number) => Uint8Array, now: Date): string;
}
