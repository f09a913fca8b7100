import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { fatalIssues, renderIssue } from '../issues.js';
import { defaultSettings, loadConfig } from '../load.js';
import type { Settings } from '../schema.js';
import { ccaOptions } from './cca.js';

const folder = temporaryFolder('assay-cca-');

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}
const load = (text: string) => loadConfig({ file: file('assay.toml', text) });
function settingsOf(text: string): Settings {
  const { settings, issues } = load(text);
  if (settings === undefined) throw new Error(issues.map(renderIssue).join('\n'));
  return settings;
}

const pkey = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' });
const instance = `01${'bb'.repeat(32)}`;
const anchors = file(
  'anchors.json',
  JSON.stringify([{ pkey, 'implementation-id': 'aa'.repeat(32), 'instance-id': instance }]),
);
const references = file('references.json', JSON.stringify({ platform: [], realm: [] }));

test('by default no machine is trusted, and nothing is warned of', () => {
  expect(ccaOptions(defaultSettings().cca)).toEqual({ rules: { referenceMismatch: 'refuse' } });
  expect(loadConfig({}).issues).toEqual([]);
});

test('stores are read', () => {
  const options = ccaOptions(
    settingsOf(`[cca]\ntrust_anchors = "${anchors}"\nreference_values = "${references}"\n`).cca,
  );
  expect(options).toMatchObject({
    anchors: [{ instanceId: instance }],
    rules: { references: { platform: [], realm: [] }, referenceMismatch: 'refuse' },
  });
  expect(options).not.toHaveProperty('emulatedAnchors');
});

test('emulated keys are another list, and are warned of', () => {
  const text = `[cca]\nemulated_trust_anchors = "${anchors}"\n`;
  const options = ccaOptions(settingsOf(text).cca);
  expect(options).toMatchObject({ emulatedAnchors: [{ instanceId: instance }] });
  expect(options).not.toHaveProperty('anchors');
  expect(load(text).issues.map(({ id, key }) => [id, key])).toEqual([
    ['config.value.insecure', 'cca.emulated_trust_anchors'],
  ]);
});

test('a mismatch that only warns is said at start, where there is something to differ from', () => {
  const text = `[cca]\nreference_mismatch = "warn"\n`;
  expect(load(text).issues).toEqual([]);
  const both = load(`${text}reference_values = "${references}"\n`);
  expect(both.issues.map(({ key }) => key)).toEqual(['cca.reference_mismatch']);
  expect(both.settings === undefined ? undefined : ccaOptions(both.settings.cca).rules).toMatchObject({
    referenceMismatch: 'warn',
  });
});

describe('files that are not as they have to be', () => {
  const broken = file('broken.json', '[{"pkey":{}}]');
  test.each([
    ['trust_anchors', join(folder, 'absent.json'), 'ENOENT'],
    ['trust_anchors', broken, 'entry 1: implementation-id is not a text'],
    ['emulated_trust_anchors', broken, 'entry 1: implementation-id is not a text'],
    ['reference_values', anchors, 'the store is not an object'],
  ])('%s: %s', (key, path, said) => {
    const { cca } = settingsOf(`[cca]\n${key} = "${path}"\n`);
    expect(() => ccaOptions(cca)).toThrow(expect.objectContaining({ code: 'config.file.form' }));
    expect(() => ccaOptions(cca)).toThrow(`cca.${key}`);
    try {
      ccaOptions(cca);
    } catch (error) {
      expect(
        JSON.stringify(
          (error as { cause: unknown }).cause,
          Object.getOwnPropertyNames((error as { cause: object }).cause),
        ),
      ).toContain(said);
    }
  });
});

describe('Veraison', () => {
  const key = file('veraison.json', JSON.stringify(pkey));
  const url = 'veraison = "https://veraison.example"';

  test('its key is pinned', () => {
    const { cca } = settingsOf(`[cca]\n${url}\nveraison_key = "${key}"\n`);
    expect(ccaOptions(cca)).toMatchObject({ veraison: { curve: 'P-384' } });
  });

  test.each([
    ['an address alone', url, 'cca.veraison_key'],
    ['a key alone', `veraison_key = "${key}"`, 'cca.veraison'],
    ['a key that is none', `${url}\nveraison_key = "${anchors}"`, 'a JWK is wanted'],
    ['an address that is none', `veraison = "veraison.example"\nveraison_key = "${key}"`, 'cca.veraison'],
    ['an address of a file', `veraison = "file:///x"\nveraison_key = "${key}"`, 'cca.veraison'],
    ['a key that is absent', `${url}\nveraison_key = "${join(folder, 'absent.json')}"`, 'a JWK is wanted'],
  ])('%s is refused', (_, lines, said) => {
    const { cca } = settingsOf(`[cca]\n${lines}\n`);
    expect(() => ccaOptions(cca)).toThrow(expect.objectContaining({ code: 'config.file.form' }));
    expect(() => ccaOptions(cca)).toThrow(said.startsWith('cca') ? said : 'cca.veraison_key');
  });
});

test.each([
  ['reference_mismatch = "ignore"', '"refuse" | "warn"'],
  ['trust_anchors = ["a"]', 'string is wanted'],
  ['ta_store = "a"', '`cca.ta_store` is not a setting'],
])('refuses %s', (line, message) => {
  expect(
    fatalIssues(load(`[cca]\n${line}\n`).issues)
      .map(renderIssue)
      .join('\n'),
  ).toContain(message);
});
