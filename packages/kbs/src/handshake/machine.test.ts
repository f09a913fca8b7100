import { randomBytes } from 'node:crypto';
import type { JsonValue } from '@assay/bytes';
import { AssayError, assayError, assembleVerdict, failed, passed } from '@assay/bytes/findings';
import { formatAttestation, generateTeeKeyPair, parseRequest, signJwt } from '@assay/protocol';
import { describe, expect, test } from 'vitest';
import { keyThumbprint } from '../keys.js';
import { TestBackend } from '../testing/backend.test.helper.js';
import type { AttemptId } from '../types.js';
import { type Event, type State, step } from './machine.js';

const NOW = new Date('2026-11-21T10:00:00Z');
const LATER = new Date('2026-11-21T10:05:00Z');
const NONCE = Buffer.alloc(32, 7).toString('base64');
const keys = generateTeeKeyPair('ECDH-ES+A256KW-P256', randomBytes);
const other = generateTeeKeyPair('ECDH-ES+A256KW-P256', randomBytes);
const p384 = { kty: 'EC', crv: 'P-384', alg: 'ECDH-ES+A256KW', x: 'AA', y: 'AA' };
const key = keyThumbprint(keys.publicKey);
const backend = new TestBackend(() => NOW);

const requested: Event = {
  type: 'requested',
  request: parseRequest({ version: '0.4.0', tee: 'sample', 'extra-params': '' }),
  id: 'a'.repeat(32),
  attempt: '01aryz6s410000000000000000' as AttemptId,
  nonce: NONCE,
  select: undefined,
  now: NOW,
  lifetimeMs: 300_000,
};

const none: State = { phase: 'none' };
const challenged = step(none, requested).state;
if (challenged.phase !== 'challenged') throw new Error('auth leads to a challenge');
const { session } = challenged;
const attested: State = { phase: 'attested', session, attested: { token: 't', key, at: NOW.toISOString() } };

function body(changes: { nonce?: string; pubkey?: JsonValue } = {}): JsonValue {
  const message = formatAttestation('0.4.0', {
    nonce: changes.nonce ?? NONCE,
    teePubkey: keys.publicKey,
    primaryEvidence: {},
  });
  const runtime = (message as unknown as { 'runtime-data': object })['runtime-data'];
  return {
    ...(message as object),
    ...(changes.pubkey === undefined ? {} : { 'runtime-data': { ...runtime, 'tee-pubkey': changes.pubkey } }),
  } as JsonValue;
}

const malformed = assayError('request.body.form', { params: { path: 'attest', member: '', actual: '', expected: '' } });

function presented(content: JsonValue | AssayError, now = NOW): Event {
  return { type: 'presented', body: content, now };
}

function taking(content: JsonValue | AssayError): State {
  return { phase: 'taking', session, body: content };
}

function nonce(value: string | undefined): Event {
  return { type: 'nonce', nonce: value, now: NOW };
}

const accepted = assembleVerdict({
  kind: 'sample',
  at: NOW,
  findings: [passed('binding.report-data.match', 'sample')],
  asked: false,
});
const rejected = assembleVerdict({
  kind: 'sample',
  at: NOW,
  findings: [failed('evidence.json.form', { params: { member: 'svn', actual: 'absent', expected: 'text' } })],
  asked: false,
});

function tokenFor(pubkey: JsonValue | undefined): string {
  return signJwt({ exp: 1, ...(pubkey === undefined ? {} : { 'tee-pubkey': pubkey }) }, backend.key, 'ES256');
}

const evaluating: State = { phase: 'evaluating', session, key };

describe('each state and event leads to one effect', () => {
  test.each<[string, State, Event, string, string?]>([
    ['auth', none, requested, 'challenge'],
    ['attest without a session', none, presented(body()), 'refuse', 'session.id.known'],
    ['attest on a challenge', challenged, presented(body()), 'take-nonce'],
    ['malformed attest takes the nonce all the same', challenged, presented(malformed), 'take-nonce'],
    ['attest at the deadline', challenged, presented(body(), LATER), 'refuse', 'session.time.left'],
    ['attest again', attested, presented(body()), 'repeat'],
    ['attest again, whatever the evidence and nonce', attested, presented(body({ nonce: 'x' })), 'repeat'],
    [
      'attest again with another key',
      attested,
      presented(body({ pubkey: other.publicKey.asReceived })),
      'refuse',
      'session.key.bound',
    ],
    ['attest again, malformed', attested, presented(malformed), 'refuse', 'request.body.form'],
    ['attest again, wrong shape', attested, presented({}), 'refuse', 'request.body.form'],
    ['attest again at the deadline', attested, presented(body(), LATER), 'refuse', 'session.time.left'],
    ['attest while another evaluates', evaluating, presented(body()), 'refuse', 'session.state.order'],
    ['nonce taken', taking(body()), nonce(NONCE), 'evaluate'],
    ['nonce used before', taking(body()), nonce(undefined), 'refuse', 'session.nonce.single'],
    ['nonce used before, malformed body', taking(malformed), nonce(undefined), 'refuse', 'session.nonce.single'],
    ['malformed body', taking(malformed), nonce(NONCE), 'refuse', 'request.body.form'],
    ['another nonce is evaluated before it is refused', taking(body({ nonce: 'x' })), nonce(NONCE), 'evaluate'],
    ['a key that is not served', taking(body({ pubkey: p384 })), nonce(NONCE), 'refuse', 'request.key.supported'],
    ['accepted', evaluating, evaluated(tokenFor(keys.publicKey.asReceived)), 'issue'],
    [
      'accepted for another key',
      evaluating,
      evaluated(tokenFor(other.publicKey.asReceived)),
      'refuse',
      'session.key.bound',
    ],
    ['accepted without a key', evaluating, evaluated(tokenFor(undefined)), 'refuse', 'session.key.bound'],
    ['accepted with what is no token', evaluating, evaluated('x'), 'refuse', 'session.key.bound'],
    ['accepted without a token', evaluating, evaluated(undefined), 'refuse', 'internal.defect.none'],
    [
      'rejected',
      evaluating,
      { type: 'evaluated', evaluation: { verdict: rejected }, now: NOW },
      'refuse',
      'evidence.json.form',
    ],
    [
      'rejected with a token beside it',
      evaluating,
      { type: 'evaluated', evaluation: { verdict: rejected, token: tokenFor(keys.publicKey.asReceived) }, now: NOW },
      'refuse',
      'evidence.json.form',
    ],
    [
      'accepted after a nonce that did not match',
      { ...evaluating, fault: assayError('session.nonce.match', {}) },
      evaluated(tokenFor(keys.publicKey.asReceived)),
      'refuse',
      'session.nonce.match',
    ],
  ])('%s', (_, state, event, effect, code) => {
    const { effect: actual } = step(state, event);
    expect(actual.do).toBe(effect);
    if (actual.do === 'refuse') expect(actual.error.code).toBe(code);
  });

  test.each<[State, Event]>([
    [challenged, requested],
    [none, nonce(NONCE)],
    [challenged, evaluated('t')],
    [attested, nonce(NONCE)],
  ])('%j does not know this event', (state, event) => {
    expect(() => step(state, event)).toThrowError(AssayError);
  });
});

test('the deadline is fixed when the session begins', () => {
  expect(session.deadline).toBe(LATER.toISOString());
  const issued = step(evaluating, {
    ...evaluated(tokenFor(keys.publicKey.asReceived)),
    now: new Date(LATER.getTime() - 1),
  });
  expect(issued.state).toMatchObject({ phase: 'attested', session: { deadline: LATER.toISOString() } });
});

test('a refused repetition leaves the session attested', () => {
  expect(step(attested, presented(malformed)).state).toBe(attested);
});

test('what guests hear: evidence refused is one word, malformed evidence says which part', () => {
  const refusal = step(evaluating, { type: 'evaluated', evaluation: { verdict: rejected }, now: NOW }).effect;
  if (refusal.do !== 'refuse') throw new Error('refused');
  expect(refusal.error.guestCode).toBe('evidence.malformed');
  const incomplete = assembleVerdict({
    kind: 'tdx',
    at: NOW,
    findings: [failed('storage.backend.answers', { params: { backend: 'x', address: 'y', reason: 'z' } })],
    asked: false,
  });
  const outage = step(evaluating, { type: 'evaluated', evaluation: { verdict: incomplete }, now: NOW }).effect;
  if (outage.do !== 'refuse') throw new Error('refused');
  expect(outage.error.guestCode).toBe('unavailable');
});

function evaluated(token: string | undefined): Event & { type: 'evaluated' } {
  return { type: 'evaluated', evaluation: { verdict: accepted, ...(token === undefined ? {} : { token }) }, now: NOW };
}
