import { describe, expect, test } from 'vitest';
import { failed } from '../make.js';
import type { Verdict } from '../model.js';
import { assembleVerdict } from '../verdict.js';
import { acceptedVerdict, crowdedVerdict, encodingVerdict, measurementVerdict } from './fixtures.test.helper.js';
import { renderJson, viewFor } from './json.js';
import { MOST_LINES, renderTerminal } from './terminal.js';

const VERDICTS: readonly (readonly [string, () => Verdict])[] = [
  ['measurement', measurementVerdict],
  ['encoding', encodingVerdict],
  ['accepted', acceptedVerdict],
  ['crowded', crowdedVerdict],
];
// biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for terminal escapes
const ESCAPES = /\u001b\[[0-9]+m/g;

describe.each(VERDICTS)('%s', (name, make) => {
  test('at 80 columns', async () => {
    await expect(renderTerminal(make())).toMatchFileSnapshot(`golden/${name}.txt`);
  });

  test('in ASCII at 60 columns', async () => {
    const text = renderTerminal(make(), { columns: 20, unicode: false });
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
    await expect(text).toMatchFileSnapshot(`golden/${name}.ascii.txt`);
  });

  test('as JSON', async () => {
    await expect(`${renderJson(make())}\n`).toMatchFileSnapshot(`golden/${name}.json.txt`);
  });

  test('colour only repeats what is there', () => {
    const coloured = renderTerminal(make(), { color: true });
    expect(coloured).toMatch(ESCAPES);
    expect(coloured.replace(ESCAPES, '').replace(/ +\n/g, '\n')).toBe(renderTerminal(make()));
    expect(renderTerminal(make())).not.toMatch(ESCAPES);
  });

  test.each([60, 80, 100])('no prose beyond %i columns, at most 40 lines', (columns) => {
    const lines = renderTerminal(make(), { columns }).trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(MOST_LINES);
    for (const line of lines)
      if (line.includes('because') || line.includes(' do ')) expect(line.length).toBeLessThanOrEqual(columns);
  });

  test('--all lists every finding', () => {
    const text = renderTerminal(make(), { mode: 'all' });
    for (const finding of make().findings) expect(text).toContain(finding.id);
  });
});

test('--why shows one finding with everything, --full shortens nothing', () => {
  const verdict = measurementVerdict();
  const root = verdict.findings.find((finding) => finding.id === 'rv.match.any');
  expect(renderTerminal(verdict, { why: 'rv.match.any' })).toContain(String(root?.actual));
  expect(renderTerminal(verdict)).not.toContain(String(root?.actual));
  expect(renderTerminal(verdict, { full: true })).toContain(String(root?.actual));
  expect(renderTerminal(verdict, { why: 'f99' })).toBe('no finding f99 in this verdict\n');
});

test('a remedy goes on after its label, and its later sentences begin as written', () => {
  const finding = failed('evidence.json.form', {
    params: { member: 'a', actual: 'b', expected: 'c' },
    remedy: 'Refuse. For a development guest, allow it. Or ask its owner. Nothing else helps.',
  });
  const text = renderTerminal(assembleVerdict({ kind: 'sample', at: new Date(0), asked: true, findings: [finding] }));
  expect(text).toContain('do        refuse. For a development guest, allow it. Nothing else helps\n');
  expect(text).toContain('or        ask its owner\n');
});

test('text from evidence cannot move the cursor or add lines', () => {
  const verdict = assembleVerdict({
    kind: 'sample\u001b[2J',
    at: new Date(0),
    asked: true,
    findings: [
      failed('evidence.json.form', {
        params: { member: 'a\nb\u001b]0;x\u0007', actual: '\u202e', expected: 'text' },
        actual: '\u001b[31m',
        source: 'line\r\nbreak',
      }),
    ],
  });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for terminal escapes
  expect(renderTerminal(verdict)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
});

describe('audiences', () => {
  test('the host sees what it can act on, without policies, claims and reference values', () => {
    const verdict = viewFor({ ...measurementVerdict(), claims: { snp: {} }, policies: [] }, 'host');
    expect(verdict.findings).toEqual([]);
    expect(verdict).not.toHaveProperty('claims');
    expect(JSON.stringify(verdict)).not.toContain('snp_launch_measurement');
    const initData = failed('binding.init-data.match', {
      params: { register: 'HOST_DATA', actual: '00', expected: '11', alg: 'sha256' },
    });
    const seen = viewFor(assembleVerdict({ kind: 'snp', at: new Date(0), asked: true, findings: [initData] }), 'host');
    expect(seen.findings.map((finding) => finding.id)).toEqual(['binding.init-data.match']);
  });

  test('the owner sees everything', () => {
    const verdict = measurementVerdict();
    expect(viewFor(verdict, 'owner')).toBe(verdict);
  });
});
