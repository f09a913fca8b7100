import { AssayError, assayError, FINDING_IDS, failed, registerEntry } from '@assay/bytes/findings';
import { describe, expect, test } from 'vitest';
import { type KbsOperation, KbsRefusal, refusal, toKbsError } from './errors.js';
import type { AttemptId } from './types.js';

const attempt = '01aryz6s410000000000000000' as AttemptId;

function answer(error: AssayError, operation: KbsOperation, endpoint?: string) {
  return toKbsError(refusal(error, { operation, attempt, ...(endpoint === undefined ? {} : { endpoint }) }));
}

test('type, detail, code and attempt stand in this order', () => {
  const { body } = answer(assayError('token.header.present', {}), 'plugin');
  expect(JSON.stringify(body)).toBe(
    `{"type":"https://github.com/confidential-containers/kbs/errors/TokenNotFound","detail":"Attestation Token not found","code":"token.refused","attempt":"${attempt}"}`,
  );
});

describe('every row of the register, for a guest', () => {
  test.each(FINDING_IDS.map((id) => [id]))('%s', (id) => {
    const draft = { id, outcome: 'fail' as const, title: 'MARKED title', ...guestCode(id) };
    for (const operation of ['auth', 'attest', 'plugin'] as const) {
      const { status, body, retryAfter } = answer(new AssayError(draft, { details: { x: 'MARKED' } }), operation);
      expect([401, 404, 413, 429, 500, 503]).toContain(status);
      // Only what is about the guest's own message may be repeated to it.
      const mayCarry = ['request.malformed', 'request.unsupported', 'evidence.malformed'].includes(body.code);
      if (!mayCarry) expect(JSON.stringify(body)).not.toContain('MARKED');
      expect(body.code).toBe(registerEntry(id).guest ?? 'internal');
      expect(retryAfter === undefined).toBe(status !== 429 && status !== 503);
    }
  });
});

test.each<[AssayError, KbsOperation, number, string, string]>([
  [
    assayError('resource.policy.allows', { params: { resource: 'a', location: 'b', why: 'c' } }),
    'plugin',
    401,
    'PolicyDeny',
    'Access denied by policy',
  ],
  [
    assayError('resource.object.present', { params: { resource: 'a', nearest: 'b' } }),
    'plugin',
    404,
    'PluginInternalError',
    'Plugin internal error',
  ],
  [
    assayError('token.signature.valid', { params: { kid: 'x' } }),
    'plugin',
    401,
    'TokenVerifierError',
    'Token Verifier error',
  ],
  [
    assayError('request.path.known', { params: { method: 'GET', path: 'x' }, subject: 'zz' }),
    'plugin',
    404,
    'PluginNotFound',
    'Plugin zz not found',
  ],
  [
    assayError('request.path.known', { params: { method: 'GET', path: '/kbs/v0' } }),
    'plugin',
    404,
    'PluginNotFound',
    'Plugin not found',
  ],
  [
    assayError('session.id.known', {}),
    'attest',
    401,
    'AttestationError',
    'Attestation error: RCAR handshake Attest failed',
  ],
  [
    assayError('admin.credential.present', { params: { method: 'POST', path: '/x' } }),
    'admin-access',
    401,
    'AdminAuthAccess',
    'admin access denied for endpoint /x: Failed to parse HTTP Auth Bearer header',
  ],
  [
    assayError('policy.body.form', { params: { what: 'not base64url' } }),
    'resource-policy',
    401,
    'ParsePolicyError',
    'Failed to parse policy: policy is not base64url',
  ],
])('%s as %s', (error, operation, status, kind, detail) => {
  const result = answer(error, operation, '/x');
  expect(result.status).toBe(status);
  expect(result.body).toMatchObject({ type: `https://github.com/confidential-containers/kbs/errors/${kind}`, detail });
});

test('errors that come from before the broker have a kind too', () => {
  const large = assayError('request.body.size', { params: { actual: 3, limit: 2 } });
  expect(toKbsError(large, { attempt: 'a' })).toMatchObject({
    status: 413,
    body: { code: 'request.malformed', attempt: 'a' },
  });
  const busy = assayError('request.rate.limit', { params: { n: 1, interval: 's', address: 'x', limit: 1 } });
  expect(toKbsError(busy)).toMatchObject({ status: 429, retryAfter: 10, body: { code: 'busy' } });
});

test('what is no AssayError is a defect, and says nothing', () => {
  for (const thrown of [new TypeError('MARKED'), 'MARKED', undefined, { message: 'MARKED' }]) {
    const result = toKbsError(thrown);
    expect(result).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(JSON.stringify(result)).not.toContain('MARKED');
  }
});

test('the first context stays', () => {
  const inner = refusal(assayError('session.id.known', {}), { operation: 'attest', attempt });
  expect(refusal(inner, { operation: 'plugin' })).toBe(inner);
  expect(inner).toBeInstanceOf(KbsRefusal);
  expect(inner.findings).toEqual([]);
  expect(failed('session.id.known', {}).id).toBe(inner.code);
});

function guestCode(id: (typeof FINDING_IDS)[number]) {
  const { guest } = registerEntry(id);
  return guest === undefined ? {} : { guest_code: guest };
}
