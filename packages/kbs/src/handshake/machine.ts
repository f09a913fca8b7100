/**
 * The RCAR handshake as a pure state machine: what a state and an event lead to, and what is to be done about it. No clock, no
 * store, no Attestation Service here; {@link ./handshake.js} carries the effects out.
 *
 *     none ──requested──▶ challenged ──presented──▶ taking ──nonce──▶ evaluating ──evaluated──▶ attested
 *                             │                        │                  │                        │ presented: token again
 *                             └── ended, malformed ────┴── used, nonce ───┴── not accepted ──▶ refused
 */

import type { EvaluateRequest, Evaluation } from '@assay/attestation-service';
import type { JsonObject, JsonValue } from '@assay/bytes';
import { AssayError, assayError, distance, type FindingDraft, passed, utc } from '@assay/bytes/findings';
import {
  type HashAlgorithm,
  importTeePubkey,
  type ProtocolVersion,
  parseAttestation,
  protocolTraits,
  type Request,
  type TeePubkey,
} from '@assay/protocol';
import { keyThumbprint } from '../keys.js';
import { asKnownError } from '../protocol-fault.js';
import type { AttemptId } from '../types.js';
import { evidenceEntries } from './evidence.js';
import type { Attested, Session } from './session.js';
import { claimsOf, evaluationFault } from './verdict-fault.js';

export type State =
  | { readonly phase: 'none' }
  | { readonly phase: 'challenged'; readonly session: Session }
  | { readonly phase: 'taking'; readonly session: Session; readonly body: JsonValue | AssayError }
  | {
      readonly phase: 'evaluating';
      readonly session: Session;
      readonly key: string;
      /** Found before the evaluation, which runs all the same: how long an answer takes says nothing about what failed. */
      readonly fault?: AssayError;
    }
  | { readonly phase: 'attested'; readonly session: Session; readonly attested: Attested }
  | { readonly phase: 'refused'; readonly session?: Session };

export type Event =
  | {
      readonly type: 'requested';
      readonly request: Request;
      readonly id: string;
      readonly attempt: AttemptId;
      readonly nonce: string;
      /** Hash to demand, where the TEE needs another than the default. */
      readonly select: HashAlgorithm | undefined;
      readonly now: Date;
      readonly lifetimeMs: number;
    }
  | { readonly type: 'presented'; readonly body: JsonValue | AssayError; readonly now: Date }
  | {
      readonly type: 'nonce';
      /** What was taken; undefined: somebody took it before. */
      readonly nonce: string | undefined;
      readonly now: Date;
    }
  | { readonly type: 'evaluated'; readonly evaluation: Evaluation; readonly now: Date };

type Effect =
  | {
      readonly do: 'challenge';
      readonly session: Session;
      readonly nonce: string;
      readonly select: HashAlgorithm | undefined;
    }
  | { readonly do: 'take-nonce'; readonly session: Session }
  | { readonly do: 'evaluate'; readonly request: EvaluateRequest }
  | { readonly do: 'issue'; readonly session: Session; readonly attested: Attested; readonly claims: JsonObject }
  /** The token that was issued before; nothing is evaluated. */
  | { readonly do: 'repeat'; readonly session: Session; readonly attested: Attested }
  | { readonly do: 'refuse'; readonly error: AssayError };

export interface Step {
  readonly state: State;
  readonly effect: Effect;
  /** Checks that held on the way. */
  readonly findings: readonly FindingDraft[];
}

/** @throws AssayError `internal.defect.none` for an event that its state cannot have: a mistake of the caller */
export function step(state: State, event: Event): Step {
  switch (event.type) {
    case 'requested':
      if (state.phase === 'none') return requested(event);
      break;
    case 'presented':
      return presented(state, event);
    case 'nonce':
      if (state.phase === 'taking') return nonceTaken(state, event);
      break;
    case 'evaluated':
      if (state.phase === 'evaluating') return evaluated(state, event);
      break;
  }
  throw assayError('internal.defect.none', {
    params: { what: `handshake event ${event.type} in phase ${state.phase}` },
  });
}

function requested(event: Extract<Event, { type: 'requested' }>): Step {
  const { request, now } = event;
  const session: Session = {
    id: event.id,
    attempt: event.attempt,
    version: request.version,
    tee: request.tee,
    teeAsSent: request.teeAsSent,
    ...(event.select === undefined ? {} : { hash: event.select }),
    startedAt: now.toISOString(),
    deadline: new Date(now.getTime() + event.lifetimeMs).toISOString(),
  };
  return {
    state: { phase: 'challenged', session },
    effect: { do: 'challenge', session, nonce: event.nonce, select: event.select },
    findings: [
      passed('request.version.served', 'request', request.version),
      passed('request.tee.known', 'request', request.tee),
    ],
  };
}

function presented(state: State, event: Extract<Event, { type: 'presented' }>): Step {
  if (state.phase === 'none') return refused(undefined, assayError('session.id.known', { subject: 'session' }));
  if (state.phase !== 'challenged' && state.phase !== 'attested') {
    const facts = { params: { request: 'attest', state: state.phase }, subject: 'session' };
    return refused(state.session, assayError('session.state.order', facts));
  }
  const { session } = state;
  const ended = timeFault(session, event.now);
  if (ended !== undefined) return refused(session, ended);
  if (state.phase === 'attested') return repeated(state, event.body);
  return {
    state: { phase: 'taking', session, body: event.body },
    effect: { do: 'take-nonce', session },
    findings: [passed('session.id.known', 'session'), passed('session.time.left', 'session')],
  };
}

/** The same client asks again: same cookie, same key. Whoever names another key is somebody else. */
function repeated(state: Extract<State, { phase: 'attested' }>, body: JsonValue | AssayError): Step {
  const { session, attested } = state;
  if (body instanceof AssayError) return refused(session, body, state);
  let actual: string;
  try {
    actual = keyThumbprint(parseAttestation(session.version, body).teePubkey);
  } catch (thrown) {
    return refused(session, asKnownError(thrown), state);
  }
  if (actual !== attested.key) {
    const error = assayError('session.key.bound', {
      params: { expected: attested.key, proof: `used ${actual.slice(0, 8)}…${actual.slice(-4)}` },
      subject: 'session',
      expected: attested.key,
      actual,
    });
    return refused(session, error, state);
  }
  return {
    state,
    effect: { do: 'repeat', session, attested },
    findings: [passed('session.key.bound', 'session', actual)],
  };
}

function nonceTaken(state: Extract<State, { phase: 'taking' }>, event: Extract<Event, { type: 'nonce' }>): Step {
  const { session, body } = state;
  if (event.nonce === undefined) {
    const error = assayError('session.nonce.single', {
      params: {
        time: `an earlier call of the session opened ${utc(new Date(session.startedAt))}`,
        attempt: session.attempt,
      },
      subject: 'session',
    });
    return refused(session, error);
  }
  if (body instanceof AssayError) return refused(session, body);
  try {
    const attestation = parseAttestation(session.version, body);
    const echoes = protocolTraits(session.version).nonceEcho;
    const fault =
      echoes && attestation.nonce !== event.nonce
        ? assayError('session.nonce.match', {
            subject: 'runtime-data',
            source: `nonce issued with this session at ${session.startedAt}`,
          })
        : undefined;
    requireAnswerable(attestation.teePubkey, session.version);
    const key = keyThumbprint(attestation.teePubkey);
    const request: EvaluateRequest = {
      attempt: session.attempt,
      entries: evidenceEntries(session, event.nonce, attestation),
      policyIds: ['default'],
    };
    return {
      state: { phase: 'evaluating', session, key, ...(fault === undefined ? {} : { fault }) },
      effect: { do: 'evaluate', request },
      findings: [
        passed('session.nonce.single', 'session'),
        passed('request.body.form', 'attest'),
        ...(echoes && fault === undefined ? [passed('session.nonce.match', 'runtime-data')] : []),
        passed('request.key.supported', 'tee-pubkey', key),
      ],
    };
  } catch (thrown) {
    return refused(session, asKnownError(thrown));
  }
}

/** A key that no answer could be encrypted to is refused now, not when the first secret is asked for. */
function requireAnswerable(pubkey: TeePubkey, version: ProtocolVersion): void {
  const { alg } = importTeePubkey(pubkey);
  if (protocolTraits(version).jweForm === 2 || alg === 'RSA1_5') return;
  throw assayError('request.key.supported', {
    params: { actual: `for ${alg} in protocol version ${version}`, list: 'RSA1_5' },
    subject: 'tee-pubkey',
    actual: alg,
    expected: 'RSA1_5',
  });
}

function evaluated(state: Extract<State, { phase: 'evaluating' }>, event: Extract<Event, { type: 'evaluated' }>): Step {
  const { session, key } = state;
  const { evaluation } = event;
  const claims = claimsOf(evaluation);
  const fault = state.fault ?? evaluationFault(evaluation, claims, key);
  if (fault !== undefined) return refused(session, fault);
  const attested: Attested = { token: evaluation.token ?? '', key, at: event.now.toISOString() };
  return {
    state: { phase: 'attested', session, attested },
    effect: { do: 'issue', session, attested, claims },
    findings: [passed('session.key.bound', 'token', key)],
  };
}

function refused(session: Session | undefined, error: AssayError, stay?: State): Step {
  return {
    state: stay ?? { phase: 'refused', ...(session === undefined ? {} : { session }) },
    effect: { do: 'refuse', error },
    findings: [],
  };
}

/** `session.time.left`, or undefined while the session lives. */
export function timeFault(session: Session, now: Date): AssayError | undefined {
  const deadline = new Date(session.deadline);
  if (now.getTime() < deadline.getTime()) return undefined;
  const lifetime = deadline.getTime() - Date.parse(session.startedAt);
  return assayError('session.time.left', {
    params: {
      time: utc(deadline),
      distance: distance(now.getTime() - deadline.getTime()),
      lifetime: distance(lifetime),
    },
    subject: 'session',
    expected: `before ${utc(deadline)}`,
    actual: utc(now),
  });
}
