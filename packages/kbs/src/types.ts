/**
 * The Key Broker Service as its callers see it: no HTTP here. A front door (REST, RA-TLS …) hands over what it received and
 * sends what comes back; every refusal is thrown as an `AssayError` that {@link ./errors.js toKbsError} turns into an answer.
 */
import type { AttestationBackend, Verdict } from '@assay/attestation-service';
import type { Finding } from '@assay/bytes/findings';
import type { KeyManagement } from '@assay/kms';
import type { Storage } from '@assay/storage';
import type { AdminConfig } from './admin/config.js';
import type { PluginConfig } from './plugins/config.js';
import type { SevBroker, SevConfig } from './sev/contract.js';
import type { TokenTrustConfig } from './token/config.js';

/** Id of one attestation attempt: a ULID in lower case (26 characters), so that ids sort by time. */
export type AttemptId = string & { readonly __brand: 'AttemptId' };

/** Protocol versions served side by side. */
export type ServedVersion = '0.1.0' | '0.1.1' | '0.2.0' | '0.3.0' | '0.4.0';

/** Name of the session cookie; its value is a UUIDv4 as 32 lower-case hex digits. */
export const SESSION_COOKIE = 'kbs-session-id';

// ── options ────────────────────────────────────────────────────────────────

export interface KbsLimits {
  /** Largest secret that is stored, bytes. */
  readonly secretBytes: number;
  /** Largest body of `auth`, bytes. */
  readonly authBytes: number;
  /** Largest body of `attest`, bytes. */
  readonly attestBytes: number;
  /** Largest policy text, bytes. */
  readonly policyBytes: number;
  /** Largest compact token, bytes. */
  readonly tokenBytes: number;
  /** Deepest nesting of a JSON body. */
  readonly jsonDepth: number;
}

export interface KbsConfig {
  /** Seconds from `auth` until the session ends; never extended. Default 300. */
  readonly sessionSeconds?: number;
  /** Versions that are served. Default: all of {@link ServedVersion}. */
  readonly versions?: readonly ServedVersion[];
  /** Who may call administrative operations. */
  readonly admin: AdminConfig;
  /** Whose attestation tokens are believed, besides the built-in Attestation Service's own. */
  readonly token?: TokenTrustConfig;
  /** Plug-ins; default `[{ name: 'resource' }]`. A later entry of one name replaces the earlier. */
  readonly plugins?: readonly PluginConfig[];
  readonly audit?: {
    /** Days an attempt is kept; default 90. */
    readonly days?: number;
    /** Most attempts kept; default 100 000. */
    readonly attempts?: number;
  };
  readonly limits?: Partial<KbsLimits>;
  /** Pre-attestation of SEV and SEV-ES guests; absent: off. */
  readonly sev?: SevConfig;
}

/** What a service may read from outside: files named in the configuration and https documents. Both give the whole content. */
export interface KbsSources {
  readFile(path: string): Promise<Uint8Array>;
  /** GET over https only; the implementation bounds size (`maxBytes`) and time, and follows no redirect to another scheme. */
  fetch(url: string, limits: { readonly maxBytes: number; readonly timeoutMs: number }): Promise<Uint8Array>;
}

export interface KeyBrokerOptions {
  readonly config: KbsConfig;
  readonly storage: Storage;
  /** Where sessions live, if elsewhere than in `storage` (`session_storage_type`). */
  readonly sessionStorage?: Storage;
  readonly kms: KeyManagement;
  readonly attestation: AttestationBackend;
  /**
   * `true` when `attestation` is in this process: its signer's key is always trusted, and a token that it has just made is
   * believed without a check of its signature. `false` for a service elsewhere. Left out, the key is trusted and every
   * token is checked.
   */
  readonly ownIssuer?: boolean;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
  readonly sources?: KbsSources;
  readonly metrics?: KbsMetrics;
  /** Told of things the operator should see (insecure modes, refresh failures). Never carries a secret. */
  readonly warn?: (finding: Finding) => void;
}

// ── handshake ──────────────────────────────────────────────────────────────

/** What every call may say about its caller, for the audit only. */
export interface CallerInfo {
  /** Remote address as the front door saw it. */
  readonly address?: string;
  readonly userAgent?: string;
}

export interface AuthCall {
  /** The body exactly as received; parsed strictly here. */
  readonly body: Uint8Array;
  readonly caller?: CallerInfo;
}

export interface SessionCookie {
  readonly name: typeof SESSION_COOKIE;
  readonly value: string;
  readonly expires: Date;
  /** `kbs-session-id=<id>; Expires=<IMF-fixdate>`: no other attribute, as clients expect. */
  readonly setCookie: string;
}

export interface AuthReply {
  readonly attempt: AttemptId;
  readonly cookie: SessionCookie;
  /** `Challenge` JSON text (`application/json`). */
  readonly body: string;
}

export interface AttestCall {
  /** Value of the session cookie, if one came. */
  readonly session: string | undefined;
  readonly body: Uint8Array;
  readonly caller?: CallerInfo;
}

export interface AttestReply {
  readonly attempt: AttemptId;
  readonly cookie: SessionCookie;
  /** `{"token":"<compact JWS>"}` (`application/json`). */
  readonly body: string;
}

// ── plug-in requests, resources among them ─────────────────────────────────

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface PluginCall {
  readonly method: Method;
  /** What follows `/kbs/v0/`, percent-decoded as a whole, without query: `resource/default/key/1`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Value of the session cookie, if one came. */
  readonly session?: string | undefined;
  /** The `Authorization` header as received, if one came. */
  readonly authorization?: string | undefined;
  /** Request URI as received, with its query: what the ACL patterns are matched against. */
  readonly uri: string;
  readonly caller?: CallerInfo;
}

export interface PluginReply {
  readonly attempt?: AttemptId;
  readonly body: Uint8Array;
  readonly contentType: 'application/json' | 'text/xml';
}

// ── administration ─────────────────────────────────────────────────────────

/** Proof that the admin check was passed; only {@link AdminGuard.authorize} makes one. */
export interface AdminPrincipal {
  readonly __brand: 'AdminPrincipal';
  /** `sub` of the token, or the mode's name where nobody is authenticated. */
  readonly subject: string;
  readonly role: string;
  readonly issuer?: string;
  readonly address?: string;
}

export interface AdminCall {
  readonly method: string;
  /** Request URI as received, with its query. */
  readonly uri: string;
  /** The URI in full where the request has a short form, such as a resource without its repository: a role must be allowed both. */
  readonly meant?: string;
  readonly authorization: string | undefined;
  readonly caller?: CallerInfo;
}

export interface AdminGuard {
  readonly mode: 'DenyAll' | 'InsecureAllowAll' | 'AuthenticatedAuthorization';
  /** @throws AssayError `admin.credential.present`, `admin.token.trust`, `admin.token.time`, `admin.role.allowed`, `admin.mode.open` */
  authorize(call: AdminCall): Promise<AdminPrincipal>;
}

export interface ResourceDescription {
  /** `repository/type/tag` */
  readonly path: string;
  /** Counts from 1, one higher with each write. */
  readonly version: number;
  readonly bytes: number;
  readonly writtenAt: string;
  readonly writtenBy: string;
}

export interface ResourceVersion extends Omit<ResourceDescription, 'path'> {
  readonly current: boolean;
}

/** One release of a secret: to which attempt and key, when. */
export interface Lease {
  readonly path: string;
  readonly version: number;
  readonly attempt: AttemptId;
  /** RFC 7638 thumbprint (SHA-256, base64url) of the key that the answer was encrypted to. */
  readonly key: string;
  readonly at: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Pass as `after` to go on; absent on the last page. */
  readonly next?: string;
}

/** Secrets, kept sealed, all versions until deleted. */
export interface Resources {
  set(path: string, secret: Uint8Array, by: AdminPrincipal): Promise<ResourceDescription>;
  /** Removes every version. @throws AssayError `resource.object.present` when there is none */
  delete(path: string, by: AdminPrincipal): Promise<void>;
  describe(path: string): Promise<ResourceDescription | undefined>;
  versions(path: string): Promise<readonly ResourceVersion[]>;
  list(options?: {
    readonly repository?: string;
    readonly after?: string;
    readonly limit?: number;
  }): Promise<Page<ResourceDescription>>;
  /** Newest first. */
  leases(path: string, options?: { readonly after?: string; readonly limit?: number }): Promise<Page<Lease>>;
}

export interface PolicyRevision {
  /** Counts from 1. */
  readonly revision: number;
  /** SHA-384 of the text, lower-case hex. */
  readonly digest: string;
  readonly text: string;
  readonly setAt: string;
  readonly setBy: string;
}

/** The resource policy (`data.policy.allow`): compiled when written, an immutable snapshot when read. */
export interface ResourcePolicies {
  /** @throws AssayError `policy.file.parse`; nothing is stored then */
  set(text: string, by: AdminPrincipal): Promise<PolicyRevision & { readonly warnings: readonly Finding[] }>;
  current(): Promise<PolicyRevision>;
  /** Ids as `GET /kbs/v0/resource-policy` lists them: `["resource-policy"]`. */
  ids(): Promise<readonly string[]>;
  /** Newest first. */
  history(): Promise<readonly PolicyRevision[]>;
  /** Decides without releasing anything: for drafts (`text`) and questions about stored tokens' claims. */
  tryOut(input: {
    readonly text?: string;
    readonly claims: unknown;
    readonly plugin: string;
    readonly path: readonly string[];
    readonly query?: Readonly<Record<string, string>>;
  }): Promise<PolicyDecision>;
}

export interface PolicyDecision {
  readonly allow: boolean;
  readonly digest: string;
  readonly findings: readonly Finding[];
}

export interface AdminOperations {
  /** Body of `POST /kbs/v0/resource-policy`: `{"policy":"<base64url, no padding>"}`. */
  setResourcePolicy(body: Uint8Array, by: AdminPrincipal): Promise<void>;
  /** Body of `POST /kbs/v0/attestation-policy`: `{"policy_id":…, "policy":…}`. */
  setAttestationPolicy(body: Uint8Array, by: AdminPrincipal): Promise<void>;
  /** Body of `POST /kbs/v0/reference-value`: an RVPS message. */
  registerReferenceValue(body: Uint8Array, by: AdminPrincipal): Promise<void>;
  /** `GET /kbs/v0/reference-value/<name>`: JSON text, `null` where there is none. */
  referenceValue(name: string, by: AdminPrincipal): Promise<string>;
  /** Records an administrative act that another package carried out (user, reference value over /api …). Never pass a secret. */
  record(act: Omit<AdminAct, 'id' | 'at' | 'by'>, by: AdminPrincipal): Promise<void>;
  acts(options?: { readonly after?: string; readonly limit?: number }): Promise<Page<AdminAct>>;
  /** Administrative calls that were refused, newest first; the last ten thousand, kept as long as attempts. */
  refused(options?: { readonly after?: string; readonly limit?: number }): Promise<Page<RefusedAct>>;
}

/** One administrative act, as the audit keeps it. */
export interface AdminAct {
  readonly id: string;
  readonly at: string;
  readonly by: { readonly subject: string; readonly role: string; readonly address?: string };
  /** `resource.set`, `resource.delete`, `resource-policy.set`, `attestation-policy.set`, `reference-value.register` … */
  readonly act: string;
  readonly object: string;
  /** Digest of what was written, where it is not a secret. */
  readonly digest?: string;
  readonly version?: number;
}

/** An administrative call that was refused: who tried what, kept so that the owner can see it. */
export interface RefusedAct {
  readonly id: string;
  readonly at: string;
  /** `admin.credential.present`, `admin.token.trust`, `admin.token.time`, `admin.role.allowed`, `admin.mode.open` */
  readonly code: string;
  readonly method: string;
  /** Path of the request, without its query, at most 200 characters. */
  readonly path: string;
  readonly summary: string;
  readonly address?: string;
  /** Refusals since the record before that were not kept: they came faster than they are written. */
  readonly omitted?: number;
}

// ── attempts ───────────────────────────────────────────────────────────────

export type AttemptState =
  /** `auth` was answered; no evidence yet. */
  | 'challenged'
  /** A token was issued. */
  | 'attested'
  /** Refused: `codes` says why. */
  | 'refused'
  /** Something necessary could not be checked. */
  | 'undecided';

export interface AttemptSummary {
  readonly attempt: AttemptId;
  readonly state: AttemptState;
  readonly startedAt: string;
  readonly endedAt?: string;
  /** `handshake`; `token` for a request with a token that no handshake of this service issued; `launch` for pre-attestation. */
  readonly kind: 'handshake' | 'token' | 'launch';
  readonly tee?: string;
  readonly protocol?: string;
  readonly address?: string;
  readonly userAgent?: string;
  /** RFC 7638 thumbprint of the attested key. */
  readonly key?: string;
  /** Ids of the roots of the refusal, first one first. */
  readonly codes: readonly string[];
  readonly summary: string;
}

export interface ReleaseRecord {
  readonly id: string;
  readonly at: string;
  readonly decision: 'released' | 'refused' | 'missing' | 'undecided';
  readonly method: string;
  /** `resource/default/key/1` */
  readonly resource: string;
  readonly version?: number;
  readonly policy?: { readonly digest: string };
  readonly findings: readonly Finding[];
}

export interface AttemptDetail extends AttemptSummary {
  /** Same as `verdict.findings`. */
  readonly findings: readonly Finding[];
  /** This service's checks (keys `k1` …) and the Attestation Service's (`f1` …), joined; ours alone where no evidence was looked at. */
  readonly verdict: Verdict;
  /** What was asked for with this attempt's session or token, oldest first: releases, refusals, and attempts to use the session twice. */
  readonly releases: readonly ReleaseRecord[];
  /** There were more: of refusals the first hundred are kept, of releases the newest thousand are shown here. */
  readonly releasesOmitted?: true;
}

export interface AttemptFilter {
  readonly tee?: string;
  readonly state?: AttemptState;
  /** A finding id that is among the roots. */
  readonly code?: string;
  readonly address?: string;
  readonly key?: string;
  readonly since?: Date;
  readonly until?: Date;
  /** Attempt id to go on after (older than). */
  readonly after?: string;
  /** At most 500; default 50. */
  readonly limit?: number;
}

export interface Attempts {
  /** Newest first. */
  list(filter?: AttemptFilter): Promise<Page<AttemptSummary>>;
  get(attempt: string): Promise<AttemptDetail | undefined>;
}

// ── metrics ────────────────────────────────────────────────────────────────

/** Counters at the boundary; the server implements them under upstream's names (`kbs_auth_requests_total` …). */
export interface KbsMetrics {
  authRequest(): void;
  authSuccess(): void;
  authError(): void;
  attestationRequest(): void;
  attestationSuccess(tee: string): void;
  /** The Attestation Service did not accept the evidence. */
  attestationFailure(tee: string): void;
  /** Malformed request or no usable session. */
  attestationError(): void;
  policyEvaluation(): void;
  policyApproval(): void;
  policyViolation(): void;
  policyError(): void;
  resourceRead(): void;
  resourceWrite(): void;
  resourceDelete(): void;
  pluginRequest(plugin: string, seconds: number, ok: boolean): void;
  /** One attempt's outcome, by the id of its first root; bounded by the register. */
  outcome(root: string, tee: string): void;
}

// ── the broker ─────────────────────────────────────────────────────────────

export interface KeyBroker {
  /** `POST /kbs/v0/auth`. @throws AssayError guest codes `request.malformed`, `request.unsupported`, `unavailable` */
  auth(call: AuthCall): Promise<AuthReply>;
  /** `POST /kbs/v0/attest`. @throws AssayError guest codes `session.invalid`, `request.malformed`, `evidence.*`, `appraisal.refused`, `unavailable` */
  attest(call: AttestCall): Promise<AttestReply>;
  /** `<any> /kbs/v0/<plugin>/…`: decides itself whether the call needs admin rights or an attestation token. */
  plugin(call: PluginCall): Promise<PluginReply>;
  /** Name of the plug-ins that are on, for the route table and its documentation. */
  readonly plugins: readonly string[];
  readonly admin: AdminGuard;
  readonly operations: AdminOperations;
  readonly resources: Resources;
  readonly resourcePolicies: ResourcePolicies;
  readonly attempts: Attempts;
  /** Present where pre-attestation of SEV guests is configured. */
  readonly sev?: SevBroker;
  /** Everything that must answer before secrets can be released; empty when ready. */
  readiness(): Promise<readonly Finding[]>;
  /** Frees what is over its time (sessions, attempts) or count (attempts), in the stores it was given; call about once a minute. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

// ── errors ─────────────────────────────────────────────────────────────────

/** The answer to a refused call under `/kbs`, made by `toKbsError`. */
export interface KbsErrorAnswer {
  readonly status: 401 | 404 | 405 | 413 | 429 | 500 | 503;
  readonly body: {
    /** `https://github.com/confidential-containers/kbs/errors/<Kind>` */
    readonly type: string;
    readonly detail: string;
    /** Guest code or, for an administrator, the register's id. */
    readonly code: string;
    readonly attempt?: string;
  };
  /** Seconds, for 429 and 503. */
  readonly retryAfter?: number;
}

/** What `createAdminCredentials` makes: the server stores `publicKeyPem` and the ACL, `assay login` gets the token file. */
export interface AdminCredentials {
  readonly publicKeyPem: string;
  /** Provider and ACL to put into {@link AdminConfig}. */
  readonly config: Extract<AdminConfig, { authorization_mode: 'AuthenticatedAuthorization' }>;
  /** Long-lived EdDSA JWT; secret. */
  readonly token: string;
}

// Functions of the package (each in its own file, exported from the index):
//   openKeyBroker(options: KeyBrokerOptions): Promise<KeyBroker>
//   toKbsError(error: unknown, context?: { attempt?: string }): KbsErrorAnswer       // never throws; unknown errors become `internal`
//   createAdminCredentials(options): AdminCredentials ; writeAdminToken(file, token) // 0600, O_EXCL
