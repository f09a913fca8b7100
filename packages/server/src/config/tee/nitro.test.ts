import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { expect, test } from 'vitest';
import { fatalIssues, renderIssue } from '../issues.js';
import { defaultSettings, loadConfig } from '../load.js';
import { nitroRules } from './nitro.js';

const folder = temporaryFolder('assay-nitro-');

function load(text: string) {
  const path = join(folder, 'assay.toml');
  writeFileSync(path, text);
  return loadConfig({ file: path });
}

test('without settings the rules are the verifier’s own', () => {
  expect(nitroRules(defaultSettings().nitro)).toEqual({ debugAllowed: false, reportData: 'user_data', clockSkew: 60 });
});

test('rules', () => {
  const { settings } = load('[nitro]\ndebug_allowed = true\nreport_data = "nonce"\nclock_skew = 0\n');
  expect(settings === undefined ? undefined : nitroRules(settings.nitro)).toEqual({
    debugAllowed: true,
    reportData: 'nonce',
    clockSkew: 0,
  });
});

test('debug mode is warned of at start', () => {
  expect(load('[nitro]\ndebug_allowed = true\n').issues.map(({ id, key }) => [id, key])).toEqual([
    ['config.value.insecure', 'nitro.debug_allowed'],
  ]);
});

test.each([
  ['report_data = "public_key"', '"user_data" | "nonce"'],
  ['clock_skew = 3601', '0 to 3600'],
  ['clock_skew = -1', '0 to 3600'],
  ['debug = true', '`nitro.debug` is not a setting'],
])('refuses %s', (line, message) => {
  expect(
    fatalIssues(load(`[nitro]\n${line}\n`).issues)
      .map(renderIssue)
      .join('\n'),
  ).toContain(message);
});
