import { describe, expect, test } from 'vitest';
import { AssayError, asAssayError, assayError } from './error.js';
import { GUEST_CODES } from './guest-codes.js';
import { reported } from './make.js';
import { FINDING_IDS } from './register/index.js';

describe('AssayError', () => {
  test('carries title, remedy, code and both statuses', () => {
    const error = assayError('policy.id.known', { params: { id: 'x_cpu', list: 'default_cpu' } });
    expect(error.message).toBe('no policy `x_cpu`; there are default_cpu');
    expect(error.remedy).toBe('Store it: `assay policy set x_cpu FILE`.');
    expect([error.code, error.httpStatus, error.guestCode, error.guestStatus]).toEqual([
      'policy.id.known',
      404,
      'appraisal.refused',
      401,
    ]);
  });

  test('tells a guest only about what it sent', () => {
    const version = assayError('request.version.served', { params: { actual: '9', list: '0.4.0' } });
    expect(version.guestDetail).toBe('client speaks 9; served are 0.4.0');
    const unbound = assayError('binding.report-data.match', {
      params: { actual: 'aa', expected: 'bb', alg: 'sha384', members: 'nonce' },
    });
    expect(unbound.guestDetail).toBeUndefined();
    const hidden = assayError('admin.token.trust', { params: { actual: 'k', n: 1 } });
    expect([hidden.guestCode, hidden.guestDetail]).toEqual(['internal', undefined]);
  });

  test.each(FINDING_IDS)('%s: detail reaches a guest only where its code may carry one', (id) => {
    const secret = 'reference value, policy line 14, /var/lib/path';
    const error = new AssayError(reported(id, secret, { expected: secret, actual: secret }));
    const { carries } = GUEST_CODES[error.guestCode];
    if (!['member', 'served', 'part'].includes(carries)) expect(error.guestDetail).toBeUndefined();
    expect(Object.keys(GUEST_CODES)).toContain(error.guestCode);
  });

  test('a body that is too large is 413 for a guest too', () => {
    expect(assayError('request.body.size', { params: { actual: 3, limit: 2 } }).guestStatus).toBe(413);
  });

  test('an outage says when to try again', () => {
    expect(assayError('rv.query.answers', { params: { address: 'a', ms: 1, reason: 'r' } }).retryAfter).toBe(30);
  });

  test('anything else that is thrown is a defect whose text stays inside', () => {
    const error = asAssayError(new TypeError('secret in here'));
    expect(error.code).toBe('internal.defect.none');
    expect(error.message).not.toContain('secret');
    expect(asAssayError(error)).toBe(error);
  });

  test('an error that a lower layer coded keeps its code, place and words', () => {
    const thrown = Object.assign(new Error('TEE "x" is unknown'), {
      code: 'request.tee.known',
      path: '/tee',
      actual: '"x"',
    });
    const error = asAssayError(thrown);
    expect([error.code, error.message, error.finding.subject, error.finding.actual]).toEqual([
      'request.tee.known',
      'TEE "x" is unknown',
      '/tee',
      '"x"',
    ]);
    expect(error.remedy).toBe('Enable `"x"` or correct the name.');
    expect(asAssayError(Object.assign(new Error('x'), { code: 'ENOENT' })).code).toBe('internal.defect.none');
  });

  test('is a problem document for an authorised caller', () => {
    const error = assayError('policy.id.form', { params: { actual: 'a b', what: 'a space' } });
    expect(error.toProblem('att1')).toEqual({
      type: '/docs/findings#policy.id.form',
      title: 'policy id is well formed',
      status: 400,
      detail: 'policy id `a b`: a space',
      code: 'policy.id.form',
      attempt: 'att1',
      remedy: 'Use letters, digits, `_`, `-` and `.`, at most 128.',
    });
  });
});
