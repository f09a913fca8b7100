/** Carries out what the state machine asks for: the store, the Attestation Service, the audit and the counters. */
import { createHash } from 'node:crypto';
import type { AttestationBackend, Evaluation } from '@assay/attestation-service';
import type { JsonObject } from '@assay/bytes';
import { AssayError, assayError, type FindingDraft } from '@assay/bytes/findings';
import {
  formatChallenge,
  type HashAlgorithm,
  isTee,
  parseRequest,
  protocolTraits,
  type Request,
} from '@assay/protocol';
import type { AuditLog } from '../audit/log.js';
import { joinVerdicts, ownVerdict, rootIds } from '../audit/verdict.js';
import { KbsRefusal, refusal } from '../errors.js';
import { newSessionId } from '../ids.js';
import { asKnownError, parseBody, reading } from '../protocol-fault.js';
import type {
  AttemptId,
  AttemptState,
  AttemptSummary,
  AttestCall,
  AttestReply,
  AuthCall,
  AuthReply,
  CallerInfo,
  KbsLimits,
  KbsMetrics,
  ServedVersion,
} from '../types.js';
import { sessionCookie, sessionIdOf } from './cookie.js';
import { type State, type Step, step, timeFault } from './machine.js';
import type { Attested, Session } from './session.js';
import type { SessionStore } from './session-store.js';

const NONCE_BYTES = 32;

export interface HandshakeOptions {
  readonly sessions: SessionStore;
  readonly attestation: AttestationBackend;
  readonly audit: AuditLog;
  readonly metrics: KbsMetrics;
  readonly now: () => Date;
  readonly random: (bytes: number) => Uint8Array;
  readonly lifetimeMs: number;
  readonly versions: readonly ServedVersion[];
  readonly limits: KbsLimits;
  /** Told of a token whose claims the signer in this process gave; undefined: every token is verified when it is used. */
  readonly issued: ((token: string, digest: string, claims: JsonObject) => void) | undefined;
}

/** What one call has come to know, for its record. */
interface Course {
  readonly attempt: AttemptId;
  readonly startedAt: Date;
  readonly caller: CallerInfo | undefined;
  readonly findings: FindingDraft[];
  session?: Session;
  request?: Request;
  key?: string;
  evaluation?: Evaluation;
}

export class Handshake {
  readonly #options: HandshakeOptions;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  async auth(call: AuthCall): Promise<AuthReply> {
    const { metrics, now, random, lifetimeMs, audit } = this.#options;
    metrics.authRequest();
    const startedAt = now();
    const course: Course = { attempt: audit.newAttempt(), startedAt, caller: call.caller, findings: [] };
    try {
      const request = this.#readRequest(call);
      course.request = request;
      const { nonce, select } = await this.#challenge(request);
      const { effect, findings } = step(
        { phase: 'none' },
        {
          type: 'requested',
          request,
          id: newSessionId(random),
          attempt: course.attempt,
          nonce,
          select,
          now: startedAt,
          lifetimeMs,
        },
      );
      if (effect.do !== 'challenge') throw unexpected(effect.do);
      course.findings.push(...findings);
      const { session } = effect;
      course.session = session;
      const summary = this.#summary(course, 'challenged', [], 'waiting for evidence');
      const verdict = this.#verdict(course);
      await this.#options.sessions.open(session, nonce, this.#options.audit.attemptOperations(summary, verdict));
      metrics.authSuccess();
      return {
        attempt: course.attempt,
        cookie: sessionCookie(session),
        body: JSON.stringify(formatChallenge(session.version, nonce, select)),
      };
    } catch (thrown) {
      metrics.authError();
      throw await this.#refuse(course, 'auth', thrown);
    }
  }

  async attest(call: AttestCall): Promise<AttestReply> {
    const { metrics, now, sessions, audit } = this.#options;
    metrics.attestationRequest();
    const startedAt = now();
    const course: Course = { attempt: audit.newAttempt(), startedAt, caller: call.caller, findings: [] };
    try {
      const id = sessionIdOf(call.session);
      if (call.session === undefined) throw assayError('session.cookie.present', { subject: 'session' });
      const stored = id === undefined ? undefined : await sessions.get(id);
      const state = toState(stored);
      // Megabytes are not parsed for a session that is unknown or has ended: the answer does not depend on them.
      const lives = stored !== undefined && timeFault(stored.session, startedAt) === undefined;
      const body = lives ? this.#readBody(call) : assayError('session.id.known', { subject: 'session' });
      const first = step(state, { type: 'presented', body, now: startedAt });
      if (stored === undefined) return await this.#proceed(first, course);
      return await this.#proceed(first, resume(course, stored.session));
    } catch (thrown) {
      if (thrown instanceof KbsRefusal) throw thrown;
      metrics.attestationError();
      throw await this.#refuse(course, 'attest', thrown);
    }
  }

  /** Runs the machine until it answers. */
  async #proceed(first: Step, course: Course): Promise<AttestReply> {
    const { sessions, attestation, metrics, now } = this.#options;
    let current = first;
    /** Whether this call holds the nonce, and with it the outcome of the attempt. */
    let holds = false;
    try {
      for (;;) {
        course.findings.push(...current.findings);
        const { effect, state } = current;
        switch (effect.do) {
          case 'take-nonce': {
            const nonce = await sessions.takeNonce(effect.session);
            holds = nonce !== undefined;
            current = step(state, { type: 'nonce', nonce, now: now() });
            break;
          }
          case 'evaluate':
            if (state.phase === 'evaluating') course.key = state.key;
            course.evaluation = await attestation.evaluate(effect.request);
            current = step(state, { type: 'evaluated', evaluation: course.evaluation, now: now() });
            break;
          case 'issue':
            await this.#issue(course, effect.session, effect.attested, effect.claims);
            metrics.attestationSuccess(effect.session.tee);
            return reply(effect.session, effect.attested);
          case 'repeat':
            return reply(effect.session, effect.attested);
          case 'refuse':
            throw effect.error;
          default:
            throw unexpected(effect.do);
        }
      }
    } catch (thrown) {
      this.#count(course, thrown);
      throw await this.#refuse(course, 'attest', thrown, holds);
    }
  }

  async #issue(course: Course, session: Session, attested: Attested, claims: JsonObject): Promise<void> {
    const { sessions, audit, issued } = this.#options;
    const verdict = this.#verdict(course);
    const summary = this.#summary(course, 'attested', [], verdict.summary);
    const token = { digest: sha256(attested.token), expiresAt: expiryOf(claims, session) };
    await sessions.attested(session, attested, token, audit.attemptOperations(summary, verdict));
    if (course.evaluation?.claims !== undefined) issued?.(attested.token, token.digest, claims);
  }

  /**
   * Records a refusal and gives it back with its attempt. The outcome of an attempt belongs to the call that took its nonce; what
   * others try with the same session is added to it as an event and changes nothing.
   */
  async #refuse(course: Course, operation: 'auth' | 'attest', thrown: unknown, owns = true): Promise<Error> {
    const { audit, metrics } = this.#options;
    const error = asKnownError(thrown);
    course.findings.push(error.finding);
    const verdict = this.#verdict(course);
    const codes = rootIds(verdict);
    const undecided =
      verdict.verdict === 'incomplete' || error.guestCode === 'unavailable' || error.guestCode === 'internal';
    const state: AttemptState = undecided ? 'undecided' : 'refused';
    metrics.outcome(codes[0] ?? error.code, course.session?.tee ?? course.request?.tee ?? 'unknown');
    try {
      if (owns || course.session === undefined) {
        await audit.writeAttempt(this.#summary(course, state, codes, verdict.summary), verdict);
      } else {
        const release = {
          decision: undecided ? ('undecided' as const) : ('refused' as const),
          method: 'POST',
          resource: 'attest',
          findings: verdict.findings,
        };
        await audit.commit(await audit.releaseOperations(course.attempt, release));
      }
    } catch (failed) {
      // The refusal stands without its record; the store's own failure is what the operator must hear of.
      return refusal(asKnownError(failed), { operation, attempt: course.attempt });
    }
    return refusal(error, { operation, attempt: course.attempt });
  }

  #verdict(course: Course) {
    const { evaluation, findings } = course;
    if (evaluation === undefined) {
      const kind = course.session?.tee ?? course.request?.tee ?? 'handshake';
      return ownVerdict({ kind, attempt: course.attempt, at: this.#options.now(), findings });
    }
    // A refusal for what the Attestation Service found is in its verdict already.
    const own = findings.filter(
      (draft) =>
        draft.outcome === 'pass' ||
        !evaluation.verdict.findings.some((one) => one.id === draft.id && one.outcome === 'fail'),
    );
    return joinVerdicts(own, evaluation.verdict);
  }

  #summary(course: Course, state: AttemptState, codes: readonly string[], summary: string): AttemptSummary {
    const { session, request, caller, key } = course;
    const tee = session?.tee ?? request?.tee;
    const protocol = session?.version ?? request?.version;
    return {
      attempt: course.attempt,
      state,
      startedAt: session?.startedAt ?? course.startedAt.toISOString(),
      ...(state === 'challenged' ? {} : { endedAt: this.#options.now().toISOString() }),
      kind: 'handshake',
      ...(tee === undefined ? {} : { tee }),
      ...(protocol === undefined ? {} : { protocol }),
      ...(caller?.address === undefined ? {} : { address: caller.address }),
      ...(caller?.userAgent === undefined ? {} : { userAgent: caller.userAgent.slice(0, 200) }),
      ...(key === undefined ? {} : { key }),
      codes,
      summary,
    };
  }

  /** As upstream counts: failures are the Attestation Service's, errors malformed requests and missing sessions, an ended session neither. */
  #count(course: Course, thrown: unknown): void {
    const { metrics } = this.#options;
    const code = thrown instanceof AssayError ? thrown.code : 'internal.defect.none';
    if (code === 'session.time.left' || code === 'session.nonce.match') return;
    if (course.evaluation !== undefined && course.session !== undefined) metrics.attestationFailure(course.session.tee);
    else metrics.attestationError();
  }

  #readRequest(call: AuthCall): Request {
    const { limits, versions } = this.#options;
    const body = parseBody(call.body, 'auth', { bytes: limits.authBytes, depth: limits.jsonDepth });
    const request = reading(() => parseRequest(body));
    if (!versions.includes(request.version)) {
      const list = versions.join(', ');
      throw assayError('request.version.served', {
        params: { actual: request.version, list },
        actual: request.version,
        expected: list,
      });
    }
    return request;
  }

  #readBody(call: AttestCall) {
    const { limits } = this.#options;
    try {
      return parseBody(call.body, 'attest', { bytes: limits.attestBytes, depth: limits.jsonDepth });
    } catch (thrown) {
      return asKnownError(thrown);
    }
  }

  /** A random nonce, or the verifier's own challenge where the TEE has one (IBM SE), whose hash is then SHA-512. */
  async #challenge(request: Request): Promise<{ nonce: string; select: HashAlgorithm | undefined }> {
    const own = await this.#options.attestation.challenge(request.tee, JSON.stringify(request.extraParams));
    if (own === '') {
      return { nonce: Buffer.from(this.#options.random(NONCE_BYTES)).toString('base64'), select: undefined };
    }
    const supported = request.supportedHashAlgorithms;
    if (supported === undefined || !protocolTraits(request.version).hashNegotiation)
      return { nonce: own, select: undefined };
    if (!supported.includes('sha512')) {
      throw assayError('request.body.form', {
        params: {
          path: 'auth',
          member: '/extra-params/supported-hash-algorithms',
          actual: supported.join(', '),
          expected: `a list with sha512, which ${isTee(request.tee) ? request.tee : 'this TEE'} needs`,
        },
      });
    }
    return { nonce: own, select: 'sha512' };
  }
}

function toState(stored: { session: Session; attested?: Attested } | undefined): State {
  if (stored === undefined) return { phase: 'none' };
  const { session, attested } = stored;
  return attested === undefined ? { phase: 'challenged', session } : { phase: 'attested', session, attested };
}

/** The call belongs to the session's attempt. */
function resume(course: Course, session: Session): Course {
  return { ...course, attempt: session.attempt, session };
}

function reply(session: Session, attested: Attested): AttestReply {
  return {
    attempt: session.attempt,
    cookie: sessionCookie(session),
    body: JSON.stringify({ token: attested.token }),
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** When the token's origin may be forgotten: the token's end, or the session's where the token does not say. */
function expiryOf({ exp }: JsonObject, session: Session): Date {
  const deadline = Date.parse(session.deadline);
  return new Date(
    typeof exp === 'number' && Number.isSafeInteger(exp * 1000) ? Math.max(deadline, (exp + 120) * 1000) : deadline,
  );
}

function unexpected(effect: string): AssayError {
  return assayError('internal.defect.none', { params: { what: `handshake effect ${effect} where none is due` } });
}
