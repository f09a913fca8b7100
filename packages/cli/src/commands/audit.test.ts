import { describe, expect, test } from 'vitest';
import type { Terminal } from '../terminal/style.js';
import { explain, refusedLines } from './audit.js';

const out: Terminal = { width: 80, colour: false, unicode: true, write: () => undefined };

describe('refused calls', () => {
  const call = {
    at: '2026-11-02T10:00:00.000Z',
    code: 'admin.credential.present',
    method: 'OPTIONS',
    path: `/kbs/v0/${'a'.repeat(200)}`,
    summary: 'no credential',
    address: '2001:0db8:0000:0000:0000:ff00:0042:8329',
  };

  test('fit 80 columns, with what was called and how many are not listed', () => {
    const lines = refusedLines(out, [
      { ...call, omitted: 12 },
      { ...call, path: '/kbs/v0/resource-policy' },
    ]).split('\n');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(lines).toEqual([
      'AT                        CODE                      METHOD',
      '2026-11-02T10:00:00.000Z  admin.credential.present  OPTIONS',
      expect.stringMatching(/^ {2}2001:0db8:0000:0000:0000:ff00:0042:8329 \/kbs\/v0\/a+…$/),
      '  12 before it were not kept: they came too fast',
      '2026-11-02T10:00:00.000Z  admin.credential.present  OPTIONS',
      '  2001:0db8:0000:0000:0000:ff00:0042:8329 /kbs/v0/resource-policy',
      '',
    ]);
  });

  test('cannot move the cursor or add lines', () => {
    const text = refusedLines(out, [{ ...call, path: '/\u001b[2J\r\n/x' }]);
    for (const moving of ['\u001b', '\r']) expect(text).not.toContain(moving);
    expect(text.split('\n')).toHaveLength(4);
  });
});

test('an attempt says when its list of releases is not whole', () => {
  const attempt = {
    attempt: '01jd',
    state: 'attested',
    startedAt: '2026-11-02T10:00:00.000Z',
    codes: [],
    summary: '',
    findings: [],
    releases: [],
  };
  expect(explain(out, attempt)).not.toContain('There may be more');
  const text = explain(out, { ...attempt, releasesOmitted: true });
  expect(text).toMatch(/\nreleases\nThere may be more: /);
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});
