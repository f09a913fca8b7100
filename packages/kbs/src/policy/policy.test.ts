import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { ownVerdict } from '../audit/verdict.js';
import { openBench } from '../testing/harness.test.helper.js';
import { decide } from './decide.js';
import { compileAllowPolicy } from './engine.js';
import { POLICY_TEXTS } from './texts.gen.js';

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'policies');
const NOW = new Date('2026-11-21T10:00:00Z');

function allows(text: string, claims: JsonObject, plugin = 'resource', path = ['a', 'b', 'c']): boolean {
  return decide(compileAllowPolicy(text, 'test.rego'), { claims, plugin, path, query: {} }, NOW).allow;
}

const submod = (status: string) => ({ 'ear.status': status });

test('embedded texts are the files', () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.rego'));
  expect(files.map((file) => file.replace('.rego', '')).sort()).toEqual(Object.keys(POLICY_TEXTS).sort());
  for (const [name, text] of Object.entries(POLICY_TEXTS))
    expect(text).toBe(readFileSync(join(FOLDER, `${name}.rego`), 'utf8'));
});

test('each of them compiles without a warning', () => {
  for (const [name, text] of Object.entries(POLICY_TEXTS)) expect(compileAllowPolicy(text, name).warnings).toEqual([]);
});

describe('affirming', () => {
  test.each<[string, JsonObject, boolean]>([
    ['one part, affirming', { submods: { cpu0: submod('affirming') } }, true],
    ['all parts affirming', { submods: { cpu0: submod('affirming'), gpu0: submod('affirming') } }, true],
    ['one part only warning', { submods: { cpu0: submod('affirming'), gpu0: submod('warning') } }, false],
    ['none', { submods: { cpu0: submod('none') } }, false],
    ['no part at all', { submods: {} }, false],
    ['no submods', {}, false],
    ['a part without status', { submods: { cpu0: {} } }, false],
    ['submods of another type', { submods: 'affirming' }, false],
  ])('%s: %s', (_, claims, expected) => {
    expect(allows(POLICY_TEXTS.affirming, claims)).toBe(expected);
    // Any plug-in.
    expect(allows(POLICY_TEXTS.affirming, claims, 'pkcs11')).toBe(expected);
  });
});

test('allow_all and deny_all', () => {
  expect(allows(POLICY_TEXTS.allow_all, {})).toBe(true);
  expect(allows(POLICY_TEXTS.allow_all, {}, 'pkcs11')).toBe(false);
  expect(allows(POLICY_TEXTS.deny_all, { submods: { cpu0: submod('affirming') } })).toBe(false);
});

describe('default', () => {
  const evidence = (inner: JsonObject) => ({ submods: { cpu0: { 'ear.veraison.annotated-evidence': inner } } });
  test.each<[string, JsonObject, boolean]>([
    ['hardware, whatever the status', evidence({ tdx: {}, report_data: 'x' }), true],
    ['sample', evidence({ sample: {} }), false],
    ['sample that is null', evidence({ sample: null }), false],
    ['emulated hardware', evidence({ snp: { emulated: true } }), false],
    [
      'emulated device beside real hardware',
      {
        submods: {
          cpu0: { 'ear.veraison.annotated-evidence': { tdx: {} } },
          gpu0: { 'ear.veraison.annotated-evidence': { nvidia: { emulated: true } } },
        },
      },
      false,
    ],
    ['a token of another issuer, without submods', { tdx: {} }, true],
  ])('%s: %s', (_, claims, expected) => {
    expect(allows(POLICY_TEXTS.default, claims)).toBe(expected);
  });
});

test('v1 without import, and with it', () => {
  expect(allows('package policy\nimport rego.v1\nallow if "a" in data["resource-path"]', {})).toBe(true);
  expect(allows('package policy\nallow if "a" in data["resource-path"]', {})).toBe(true);
});

test('text that does not compile names every place', () => {
  try {
    compileAllowPolicy('package policy\nallow if { x == y }\n', 'draft.rego');
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: 'policy.file.parse' });
    expect((error as { findings: readonly unknown[] }).findings).toHaveLength(2);
    expect((error as Error).message).toMatch(/^draft\.rego:2:12: rego_unsafe_var_error: /);
  }
});

describe('why not', () => {
  const evidence = (inner: JsonObject, status = 'affirming') => ({
    submods: { cpu0: { 'ear.status': status, 'ear.veraison.annotated-evidence': inner } },
  });
  const explained = (text: string, claims: JsonObject) => {
    const question = { claims, plugin: 'resource', path: ['default', 'key', '1'], query: {} };
    const { findings } = decide(compileAllowPolicy(text, 'resource-policy.rego'), question, NOW);
    return ownVerdict({ kind: 'release', at: NOW, findings });
  };

  test.each<[string, string, JsonObject, string, string]>([
    [
      'sample evidence under the default policy',
      POLICY_TEXTS.default,
      evidence({ sample: {} }),
      'evidence.sample.allowed',
      ':11: not sample',
    ],
    [
      'emulated evidence under the default policy',
      POLICY_TEXTS.default,
      evidence({ tdx: { emulated: true } }),
      'evidence.emulated.policy',
      ':12: not emulated',
    ],
    [
      'status',
      POLICY_TEXTS.affirming,
      evidence({ tdx: {} }, 'warning'),
      'policy.tier.accepted',
      ':9: every submod in input.submods { submod…',
    ],
    ['denied by a constant', POLICY_TEXTS.deny_all, evidence({}), 'policy.rule.unmet', ': allow is false'],
    [
      'a claim that is not there',
      'package policy\nallow if input.submods.cpu0.nothing',
      evidence({}),
      'policy.claim.present',
      ':2: input.submods.cpu0.nothing',
    ],
    [
      'a name mistyped',
      'package policy\nalow = true',
      evidence({}),
      'policy.rule.present',
      ': it has no rule allow in package policy',
    ],
  ])('%s', (_, text, claims, root, words) => {
    const verdict = explained(text, claims);
    const first = verdict.findings.find((one) => one.key === verdict.roots[0]);
    expect(first?.id).toBe(root);
    const refused = verdict.findings.find((one) => one.id === 'resource.policy.allows');
    expect(refused?.role).toBe('consequence');
    expect(refused?.title).toBe(`resource/default/key/1 not released: resource-policy.rego${words}`);
  });

  test('what keeps a part from affirming is named', () => {
    const submod = {
      'ear.status': 'contraindicated',
      'ear.trustworthiness-vector': { hardware: 97, executables: 33, configuration: 2, 'file-system': 0 },
    };
    const verdict = explained(POLICY_TEXTS.affirming, {
      submods: { cpu0: { 'ear.status': 'affirming' }, gpu0: submod },
    });
    expect(verdict.summary).toBe('gpu0 is contraindicated: hardware = 97, executables = 33');
  });

  test('hex compared with base64 is called what it is', () => {
    const digest = 'a1f3930413247bb38cfc171579ea3c12d5fe4901f0c792f63fd75d98f1ef827c23500644e0e692e6be917f9050d3d38c';
    const wrong = Buffer.from(digest, 'hex').toString('base64');
    const path = 'input.submods.cpu0["ear.veraison.annotated-evidence"].snp.measurement';
    const verdict = explained(
      `package policy\nallow if ${path} == "${wrong}"`,
      evidence({ snp: { measurement: digest } }),
    );
    expect(verdict.findings.find((one) => one.key === verdict.roots[0])?.id).toBe('policy.compare.encoding');
  });
});

test('a policy whose types never fit runs as in the field, and who sets it is told', async () => {
  const bench = await openBench();
  const text = 'package policy\ndefault allow := false\nallow if { x := 1; x == "1" }';
  const { warnings } = await bench.broker.resourcePolicies.set(text, bench.admin);
  expect(warnings).toMatchObject([{ id: 'policy.compare.type', outcome: 'warn', subject: expect.any(String) }]);
  expect(allows(text, {})).toBe(false);
  await bench.close();
});

test('a policy is in force once it is set, also where a read of the former one is under way', async () => {
  const bench = await openBench();
  const { resourcePolicies: policies } = bench.broker;
  await policies.set('package policy\nallow = true', bench.admin);
  const get = bench.storage.get.bind(bench.storage);
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  bench.storage.get = async (ns, key) => {
    const entry = await get(ns, key);
    if (ns === 'kbs') {
      bench.storage.get = get;
      await held;
    }
    return entry;
  };
  bench.clock.now = new Date(bench.clock.now.getTime() + 2000);
  const early = policies.current();
  await new Promise((resolve) => setImmediate(resolve));
  await policies.set('package policy\nallow = false', bench.admin);
  const joined = policies.current();
  release();
  await early;
  expect((await joined).text).toContain('false');
  expect((await policies.current()).text).toContain('false');
  await bench.close();
});
