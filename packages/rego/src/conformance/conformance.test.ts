import { readFileSync } from 'node:fs';
import { vectorsArea } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { CONFORMANCE_SUITES, type ConformanceCase, runRegoConformance } from '../node.js';

const dir = vectorsArea('rego');
const document = readFileSync(new URL('../../CONFORMANCE.md', import.meta.url), 'utf8');

describe.skipIf(dir === undefined)('conformance corpus', () => {
  const reports: ConformanceCase[] = [];

  test('runs', { timeout: 180_000 }, () => {
    reports.push(...runRegoConformance(dir ?? ''));
    expect(reports.length).toBeGreaterThan(0);
  });

  test.each(['v1', 'v0', 'compile', 'attestation'])('%s passes completely', (suite) => {
    const cases = reports.filter((r) => r.id.startsWith(`${suite}/`));
    expect(cases.length).toBeGreaterThan(20);
    expect(cases.filter((r) => !r.pass).map((r) => r.id)).toEqual([]);
  });

  test('regorus passes to at least 97 %', () => {
    const cases = reports.filter((r) => r.id.startsWith('regorus/'));
    expect(cases.length).toBeGreaterThan(300);
    expect(cases.filter((r) => r.pass).length / cases.length).toBeGreaterThanOrEqual(0.97);
  });

  test('CONFORMANCE.md lists exactly the cases that are not passed, and counts them right', () => {
    const listed = [...document.matchAll(/^\| `([^`]+#\d+)` \|/gm)].map((m) => m[1]);
    expect(new Set(listed)).toEqual(new Set(reports.filter((r) => !r.pass).map((r) => r.id)));
    for (const suite of CONFORMANCE_SUITES) {
      const cases = reports.filter((r) => r.id.startsWith(`${suite}/`));
      expect(document).toContain(`| ${suite} | ${cases.length} | ${cases.filter((r) => r.pass).length} |`);
    }
  });

  test('takes topics, and reports what the engine made of each case', () => {
    const seen: string[] = [];
    const found = runRegoConformance(dir ?? '', { areas: ['v1/every'], onCase: (report) => seen.push(report.id) });
    expect(found.length).toBeGreaterThan(5);
    expect(seen).toEqual(found.map((report) => report.id));
    expect(seen.every((id) => /^v1\/every\/[^#]+#\d+$/.test(id))).toBe(true);
  });
});
