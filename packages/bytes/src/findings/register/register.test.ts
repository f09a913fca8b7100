import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { GUEST_CODES } from '../guest-codes.js';
import { fill } from '../make.js';
import { renderReference } from '../reference.js';
import { FINDING_IDS, registerEntry } from './index.js';

const placeholders = (template: string): string[] =>
  [...template.matchAll(/\{([^}]*)\}/g)].map((match) => match[1] ?? '');
const sample = (template: string): Record<string, string> =>
  Object.fromEntries(placeholders(template).map((name) => [name.replace('~', ''), 'x']));

describe('ids', () => {
  test.each(FINDING_IDS)('%s has three segments and at most 64 characters', (id) => {
    expect(id).toMatch(/^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$/);
    expect(id.length).toBeLessThanOrEqual(64);
  });

  test('needs name registered checks and never run in a circle', () => {
    const visit = (id: string, path: readonly string[]): void => {
      expect(path, `${id} needs itself`).not.toContain(id);
      expect(FINDING_IDS, `${path.at(-1)} needs ${id}`).toContain(id);
      for (const need of registerEntry(id as (typeof FINDING_IDS)[number]).needs ?? []) visit(need, [...path, id]);
    };
    for (const id of FINDING_IDS) visit(id, []);
  });
});

describe.each(FINDING_IDS)('wording of %s', (id) => {
  const entry = registerEntry(id);

  test('title: one lower-case line without a full stop, blame or bare judgement', () => {
    const title = entry.title;
    expect(title).not.toMatch(/[.!?]$/);
    expect(title).not.toMatch(/[\n\r]/);
    expect(title.length).toBeLessThanOrEqual(100);
    expect(title).not.toMatch(/^[A-Z][a-z]/);
    expect(title).not.toMatch(
      /\b(mismatch|invalid|bad|illegal|error|failed to|forged|tampered|attacker|you forgot|please|sorry|unfortunately)\b/i,
    );
  });

  test('remedy: imperative sentences that end, no question, no apology, no placeholder that the title lacks', () => {
    const remedy = entry.remedy;
    expect(remedy).toMatch(/^[A-Z]/);
    expect(remedy).toMatch(/\.$/);
    expect(remedy).not.toMatch(/[?!]$|\b(please|sorry|did you|disable the check|turn off|switch off verification)\b/i);
    const known = new Set(placeholders(entry.title).map((name) => name.replace('~', '')));
    for (const name of placeholders(remedy.replace(/`[^`]*"\{[^}]*\}"[^`]*`/g, '')))
      expect(known).toContain(name.replace('~', ''));
  });

  test('placeholders are plain words and are all filled', () => {
    for (const name of placeholders(entry.title)) expect(name).toMatch(/^[a-z]+~?$/);
    expect(fill(entry.title, sample(entry.title))).not.toMatch(/[{}]|\(unknown\)/);
    expect(fill(entry.remedy, sample(entry.title))).not.toContain('(unknown)');
  });

  test('guest code, status and causes make sense', () => {
    if (entry.guest !== undefined) expect(GUEST_CODES).toHaveProperty([entry.guest]);
    expect(entry.status).toBeGreaterThanOrEqual(200);
    expect(entry.status).toBeLessThan(600);
    for (const cause of entry.causes) expect(cause).not.toMatch(/[.!?]$|\n/);
    if (entry.retry === 'later') expect(['busy', 'unavailable', 'internal', undefined]).toContain(entry.guest);
  });
});

describe('what may reach a guest', () => {
  test('only what it sent itself: no reference value, policy, rule or path in codes that carry detail', () => {
    for (const id of FINDING_IDS) {
      const { guest } = registerEntry(id);
      if (guest === undefined || !['member', 'served', 'part'].includes(GUEST_CODES[guest].carries)) continue;
      expect(id).toMatch(
        /^(request|evidence|binding|eaa|image|resource\.name|ratls|dcap|sgx|tdx|snp|tpm|az|eventlog|cca|nitro|nvidia|csv|se|sev)\b/,
      );
    }
  });
});

test('the reference page is what the register says', () => {
  const page = new URL('../../../../../docs/reference/findings.md', import.meta.url);
  expect(existsSync(page)).toBe(true);
  expect(readFileSync(page, 'utf8')).toBe(renderReference());
});
