/** A plug-in request: an administrator's, or an attested guest's that the resource policy decides about. */
import type { JsonValue } from '@assay/bytes';
import { type AssayError, assayError, type FindingDraft, passed, type Verdict } from '@assay/bytes/findings';
import {
  encryptJwe,
  INIT_DATA_CLAIMS_POINTER,
  type JweForm,
  jsonAt,
  jweFormWithoutSession,
  protocolTraits,
} from '@assay/protocol';
import type { Operation } from '@assay/storage';
import type { AuditLog } from '../audit/log.js';
import { ownVerdict, rootIds } from '../audit/verdict.js';
import { type KbsOperation, refusal } from '../errors.js';
import type { SessionStore, TokenOrigin } from '../handshake/session-store.js';
import type { Plugin, PluginAnswer, PluginRequest } from '../plugins/plugin.js';
import { decide } from '../policy/decide.js';
import type { ResourcePolicyStore } from '../policy/store.js';
import { asKnownError } from '../protocol-fault.js';
import type { AttestedKey, TokenVerifier, VerifiedToken } from '../token/verifier.js';
import type {
  AdminGuard,
  AttemptId,
  AttemptSummary,
  KbsMetrics,
  Lease,
  PluginCall,
  PluginReply,
  ReleaseRecord,
} from '../types.js';
import { type Credential, findCredential, isCredential } from './credential.js';

export interface ReleaseOptions {
  readonly plugins: ReadonlyMap<string, Plugin>;
  readonly admin: AdminGuard;
  readonly sessions: SessionStore;
  readonly tokens: TokenVerifier;
  readonly policies: ResourcePolicyStore;
  readonly audit: AuditLog;
  readonly metrics: KbsMetrics;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
}

/** What one guest's request has come to know, for its record. */
interface Course {
  attempt: AttemptId;
  /** Whether an attempt of this id is stored already. */
  known: boolean;
  readonly findings: FindingDraft[];
  readonly resource: string;
  readonly call: PluginCall;
  policyDigest?: string;
  token?: VerifiedToken;
}

export class Release {
  readonly #options: ReleaseOptions;

  constructor(options: ReleaseOptions) {
    this.#options = options;
  }

  async plugin(call: PluginCall): Promise<PluginReply> {
    const { plugins, metrics } = this.#options;
    const [name = '', ...rest] = call.path.split('/');
    const plugin = plugins.get(name);
    if (plugin === undefined) throw refusal(unknownPlugin(call, name), { operation: 'plugin' });
    // `trustee-attester --path a/b/c` of Trustee v0.21 asks for `resource//a/b/c`.
    const named = rest[0] === '' && rest.length > 1 ? rest.slice(1) : rest;
    // Whoever decides is asked about what is meant, not about how it was written.
    const path = plugin.wholePath?.(named) ?? named;
    const request: PluginRequest = { method: call.method, path, query: call.query, body: call.body };
    const started = performance.now();
    let ok = false;
    try {
      const reply = await (plugin.requiresAdmin(request)
        ? this.#asAdmin(plugin, request, call)
        : this.#asGuest(plugin, request, call));
      ok = true;
      return reply;
    } finally {
      metrics.pluginRequest(plugin.name, (performance.now() - started) / 1000, ok);
    }
  }

  async #asAdmin(plugin: Plugin, request: PluginRequest, call: PluginCall): Promise<PluginReply> {
    const { method, uri, authorization, caller } = call;
    const whole = [plugin.name, ...request.path].join('/');
    const principal = await this.#options.admin.authorize({
      method,
      uri,
      authorization,
      ...(whole === call.path ? {} : { meant: `/kbs/v0/${whole}${uri.slice(pathOf(uri).length)}` }),
      ...(caller === undefined ? {} : { caller }),
    });
    try {
      const { body } = await plugin.handle(request, { kind: 'admin', principal });
      return { body, contentType: 'text/xml' };
    } catch (thrown) {
      throw refusal(asKnownError(thrown), { operation: 'plugin-admin' });
    }
  }

  async #asGuest(plugin: Plugin, request: PluginRequest, call: PluginCall): Promise<PluginReply> {
    const { audit } = this.#options;
    const course: Course = {
      attempt: audit.newAttempt(),
      known: false,
      findings: [],
      resource: [plugin.name, ...request.path].join('/').slice(0, 1024),
      call,
    };
    try {
      const { credential, token, origin } = await this.#authenticate(course);
      const key = plugin.encrypted(request) ? this.#boundKey(course, credential, origin, token) : undefined;
      await this.#askPolicy(course, plugin, request, token);
      const initData = jsonAt(token.claims, INIT_DATA_CLAIMS_POINTER) ?? undefined;
      const answer = await plugin.handle(request, { kind: 'attested', initData });
      const body = key === undefined ? answer.body : this.#seal(answer, key, origin);
      await this.#recordRelease(course, answer, key);
      return {
        attempt: course.attempt,
        body,
        contentType: key === undefined ? 'text/xml' : 'application/json',
      };
    } catch (thrown) {
      throw await this.#refuse(course, thrown);
    }
  }

  /** Finds the token, verifies it in full (a session's too), and finds out which attempt it belongs to. */
  async #authenticate(
    course: Course,
  ): Promise<{ credential: Credential; token: VerifiedToken; origin: TokenOrigin | undefined }> {
    const { sessions, tokens, now } = this.#options;
    const { call } = course;
    const found = await findCredential(sessions, call.session, call.authorization, now());
    const session = found.session;
    if (session !== undefined) this.#belongsTo(course, session.attempt);
    if (!isCredential(found)) throw found.error;
    course.findings.push(passed('token.header.present', session === undefined ? 'Bearer' : 'session'));
    const token = await tokens.verify(found.token);
    course.token = token;
    course.findings.push(passed('token.signature.valid', 'token'), passed('token.time.left', 'token'));
    if (session !== undefined) {
      const origin: TokenOrigin = {
        attempt: session.attempt,
        version: session.version,
        ...(found.boundKey === undefined ? {} : { key: found.boundKey }),
      };
      return { credential: found, token, origin };
    }
    const origin = await sessions.tokenOrigin(token.digest);
    if (origin !== undefined) this.#belongsTo(course, origin.attempt);
    return { credential: found, token, origin };
  }

  #belongsTo(course: Course, attempt: AttemptId): void {
    course.attempt = attempt;
    course.known = true;
  }

  /** The key that the answer is encrypted to: the token's, which must be the one that the handshake attested. */
  #boundKey(
    course: Course,
    credential: Credential,
    origin: TokenOrigin | undefined,
    token: VerifiedToken,
  ): AttestedKey {
    const key = this.#options.tokens.attestedKey(token);
    course.findings.push(passed('token.key.present', 'token', key.thumbprint));
    const bound = credential.boundKey ?? origin?.key;
    if (bound !== undefined && bound !== key.thumbprint) {
      throw assayError('session.key.bound', {
        params: { expected: bound, proof: `used ${key.thumbprint.slice(0, 8)}…${key.thumbprint.slice(-4)}` },
        subject: 'session',
        expected: bound,
        actual: key.thumbprint,
        guestCode: 'token.refused',
      });
    }
    if (bound !== undefined) course.findings.push(passed('session.key.bound', 'session', bound));
    return key;
  }

  async #askPolicy(course: Course, plugin: Plugin, request: PluginRequest, token: VerifiedToken): Promise<void> {
    const { policies, metrics, now } = this.#options;
    metrics.policyEvaluation();
    const { policy, revision } = await policies.snapshot();
    course.policyDigest = revision.digest;
    const question = { claims: token.claims, plugin: plugin.name, path: request.path, query: request.query };
    const decided = decide(policy, question, now());
    if (decided.allow) metrics.policyApproval();
    else if (decided.refusal?.code !== 'policy.eval.completes') metrics.policyViolation();
    if (decided.undecided) metrics.policyError();
    const { refusal: denied } = decided;
    course.findings.push(...decided.findings.filter((finding) => finding !== denied?.finding));
    if (denied !== undefined) throw denied;
  }

  #seal(answer: PluginAnswer, key: AttestedKey, origin: TokenOrigin | undefined): Uint8Array {
    const form: JweForm =
      origin?.version === undefined ? jweFormWithoutSession(key.key) : protocolTraits(origin.version).jweForm;
    const jwe = encryptJwe(key.key, answer.body, { form, random: this.#options.random });
    return Buffer.from(JSON.stringify(jwe));
  }

  async #recordRelease(course: Course, answer: PluginAnswer, key: AttestedKey | undefined): Promise<void> {
    const { secret, version } = answer;
    if (secret !== undefined) course.findings.push(passed('resource.object.present', secret));
    const lease: Omit<Lease, 'at' | 'attempt'> | undefined =
      secret === undefined || version === undefined || key === undefined
        ? undefined
        : { path: secret, version, key: key.thumbprint };
    await this.#append(course, 'released', lease, version);
  }

  /** Stores the refusal with its findings and gives it back with the attempt. */
  async #refuse(course: Course, thrown: unknown): Promise<Error> {
    const error = asKnownError(thrown);
    course.findings.push(...(error.code === 'token.header.present' ? (error.findings as readonly FindingDraft[]) : []));
    course.findings.push(error.finding);
    const operation: KbsOperation = 'plugin';
    const undecided = error.guestCode === 'unavailable' || error.guestCode === 'internal';
    const decision = undecided ? 'undecided' : error.code === 'resource.object.present' ? 'missing' : 'refused';
    try {
      await this.#append(course, decision);
    } catch (failed) {
      return refusal(asKnownError(failed), { operation, attempt: course.attempt });
    }
    return refusal(error, { operation, attempt: course.attempt });
  }

  async #append(
    course: Course,
    decision: ReleaseRecord['decision'],
    lease?: Omit<Lease, 'at' | 'attempt'>,
    version?: number,
  ): Promise<void> {
    const { audit, now, metrics } = this.#options;
    const { attempt, call, findings, policyDigest } = course;
    const verdict = ownVerdict({ kind: 'release', attempt, at: now(), findings });
    const codes = rootIds(verdict);
    if (decision !== 'released') metrics.outcome(codes[0] ?? 'internal.defect.none', 'release');
    const release = {
      decision,
      method: call.method,
      resource: course.resource,
      ...(version === undefined ? {} : { version }),
      ...(policyDigest === undefined ? {} : { policy: { digest: policyDigest } }),
      findings: verdict.findings,
    };
    const operations = await audit.releaseOperations(attempt, release, lease);
    if (course.known) await audit.commit(operations);
    else await this.#recordFirst(course, decision, verdict, operations);
  }

  /** First use of a token that no handshake here issued, or a request without one: an attempt of its own, in one write. */
  async #recordFirst(
    course: Course,
    decision: ReleaseRecord['decision'],
    verdict: Verdict,
    release: readonly Operation[],
  ): Promise<void> {
    const { audit, sessions, now } = this.#options;
    const { attempt, call, token, findings } = course;
    const at = now();
    const summary: AttemptSummary = {
      attempt,
      state: token !== undefined ? 'attested' : decision === 'undecided' ? 'undecided' : 'refused',
      startedAt: at.toISOString(),
      endedAt: at.toISOString(),
      kind: 'token',
      ...(call.caller?.address === undefined ? {} : { address: call.caller.address }),
      ...(call.caller?.userAgent === undefined ? {} : { userAgent: call.caller.userAgent.slice(0, 200) }),
      codes: token === undefined ? rootIds(verdict) : [],
      summary: token === undefined ? verdict.summary : `token of ${issuerOf(token.claims['iss'])}`,
    };
    const about = token === undefined ? findings : findings.filter((one) => one.id.startsWith('token.'));
    const own = ownVerdict({ kind: 'token', attempt, at, findings: about });
    const operations = [...audit.attemptOperations(summary, own), ...release];
    if (token === undefined) return audit.commit(operations);
    await sessions.rememberToken(token.digest, { attempt }, new Date((token.expiresAt + 120) * 1000), operations);
    course.known = true;
  }
}

function pathOf(uri: string): string {
  return uri.split('?', 1)[0] ?? uri;
}

function issuerOf(iss: JsonValue | undefined): string {
  return typeof iss === 'string' ? iss.slice(0, 100) : 'an unnamed issuer';
}

function unknownPlugin(call: PluginCall, name: string): AssayError {
  return assayError('request.path.known', {
    params: { method: call.method, path: `/kbs/v0/${call.path}`.slice(0, 80) },
    subject: name.slice(0, 40),
  });
}
