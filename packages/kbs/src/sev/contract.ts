/** Pre-attestation of SEV and SEV-ES guests as its callers see it: no gRPC here. A front door hands over texts and sends texts back. */
import type { SevPolicyRules, SevTrust } from '@assay/evidence/sev';
import type { AdminPrincipal, AttemptId, CallerInfo, Page } from '../types.js';
import type { LaunchPolicy } from './launch-policy.js';

export interface SevConfig {
  /** ARKs that are believed: AMD's, and those of emulated platforms that the owner named. */
  readonly trust: SevTrust;
  /** What guest policies must say. */
  readonly rules?: SevPolicyRules;
  /** Least API version of the firmware; never below 0.17. */
  readonly minApi?: { readonly major: number; readonly minor: number };
  /** Seconds from GetBundle to GetSecret, at most 300. Default 300. */
  readonly sessionSeconds?: number;
  /** Launch sessions open at one time, at most 1000. Default 1000. */
  readonly sessions?: number;
  /** Of one platform, at most 1000. Default 100: chains are no secret, and nobody may use all sessions up with one. */
  readonly sessionsPerPlatform?: number;
  /** Hours that a guest may use its connection. Default 720. */
  readonly connectionHours?: number;
}

export interface BundleCall {
  /** Base64 of PDH ‖ PEK ‖ OCA ‖ CEK ‖ ASK ‖ ARK. */
  readonly certificateChain: string;
  readonly policy: number;
  readonly caller?: CallerInfo;
}

export interface BundleReply {
  readonly attempt: AttemptId;
  /** Base64 of the guest owner's certificate. */
  readonly guestOwnerPublicKey: string;
  /** Base64. */
  readonly launchBlob: string;
  /** UUID. */
  readonly launchId: string;
}

export interface SecretDetails {
  readonly guid: string;
  readonly format: string;
  readonly secretType: string;
  readonly id: string;
}

export interface SecretCall {
  /** Base64 of HMAC and nonce. */
  readonly launchMeasurement: string;
  readonly launchId: string;
  readonly policy: number;
  readonly apiMajor: number;
  readonly apiMinor: number;
  readonly buildId: number;
  /** Base64 of the launch digest. */
  readonly fwDigest: string;
  readonly launchDescription: string;
  readonly secretRequests: readonly SecretDetails[];
  readonly caller?: CallerInfo;
}

export interface SecretReply {
  readonly attempt: AttemptId;
  /** Base64 of 52 bytes. */
  readonly launchSecretHeader: string;
  /** Base64 of the encrypted table. */
  readonly launchSecretData: string;
}

export interface OnlineSecretCall {
  /** UUID of the connection. */
  readonly clientId: string;
  readonly secretRequests: readonly SecretDetails[];
  readonly caller?: CallerInfo;
}

export interface OnlineSecretReply {
  readonly attempt: AttemptId;
  /** Base64 of AES-256-GCM ciphertext and tag, under the connection's key. */
  readonly payload: string;
  /** Base64 of 12 bytes. */
  readonly iv: string;
}

export interface LaunchPolicyRecord {
  /** `default`, `repository/type/tag` or `report-key/<id>`. */
  readonly target: string;
  readonly policy: LaunchPolicy;
  readonly setAt: string;
  readonly setBy: string;
}

/** Launch policies in simple-kbs' form: the tenant's default, and one per resource or report key. */
export interface LaunchPolicies {
  /** @throws AssayError `sev.policy.document`, `resource.name.form` */
  set(target: string, document: Uint8Array, by: AdminPrincipal): Promise<LaunchPolicyRecord>;
  get(target: string): Promise<LaunchPolicyRecord | undefined>;
  /** @returns false where there was none */
  delete(target: string, by: AdminPrincipal): Promise<boolean>;
  list(options?: { readonly after?: string; readonly limit?: number }): Promise<Page<LaunchPolicyRecord>>;
}

export interface ReportKeyRecord {
  readonly id: string;
  /** PEM, SubjectPublicKeyInfo. */
  readonly publicKey: string;
  readonly createdAt: string;
  readonly createdBy: string;
}

/** Keys that sign reports of launches. The private halves never leave. */
export interface ReportKeys {
  /** Makes a P-256 key; replaces one of that id. @throws AssayError `resource.name.form` */
  create(id: string, by: AdminPrincipal): Promise<ReportKeyRecord>;
  get(id: string): Promise<ReportKeyRecord | undefined>;
}

export interface SevBroker {
  /** @throws SevRefusal */
  getBundle(call: BundleCall): Promise<BundleReply>;
  /** Uses the session up, also when it fails. @throws SevRefusal */
  getSecret(call: SecretCall): Promise<SecretReply>;
  /** @throws SevRefusal */
  getOnlineSecret(call: OnlineSecretCall): Promise<OnlineSecretReply>;
  readonly launchPolicies: LaunchPolicies;
  readonly reportKeys: ReportKeys;
}
