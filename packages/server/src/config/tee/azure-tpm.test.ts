import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { fatalIssues, renderIssue } from '../issues.js';
import { defaultSettings, loadConfig } from '../load.js';
import type { Settings } from '../schema.js';
import { azureRules } from './azure.js';
import { tpmRules } from './tpm.js';

const folder = temporaryFolder('assay-azure-tpm-');
const roots = join(folder, 'roots.pem');
// Self-signed, its key thrown away.
const ROOT = `-----BEGIN CERTIFICATE-----
MIIBjzCCATWgAwIBAgIUUoc0JUSO6gnFlJBYUttqhF3jTNAwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRQUsgcm9vdCBvZiBhIHRlc3QwIBcNMjYxMTIyMDI1MjA0WhgP
MjEyNjEwMjkwMjUyMDRaMBwxGjAYBgNVBAMMEUFLIHJvb3Qgb2YgYSB0ZXN0MFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEc1do2u+iDCtlICqL6M8yoTARdtSzlUrJ
uUu+YKzv0Nrnr+4LJ0xRCLYUM4C9TKNh5lggejg16rIUQtA032+WYqNTMFEwHQYD
VR0OBBYEFNbgDnQT4oL/JSPQene5qv59XrHAMB8GA1UdIwQYMBaAFNbgDnQT4oL/
JSPQene5qv59XrHAMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIg
KjTT8//voQYifltblopGXPEonjL0Cpfp/PgP+zuK4qgCIQDKZ8+j8OAOUYhmGwSn
ovvIALQ4np2MTuK4FxY+X3lqSA==
-----END CERTIFICATE-----
`;
writeFileSync(roots, ROOT);

function load(text: string) {
  const path = join(folder, 'assay.toml');
  writeFileSync(path, text);
  return loadConfig({ file: path });
}

function settingsOf(text: string): Settings {
  const { settings, issues } = load(text);
  if (settings === undefined) throw new Error(issues.map(renderIssue).join('\n'));
  return settings;
}

test('without settings no key is trusted, and the rules are the verifiers’ own', () => {
  const { azure, tpm } = defaultSettings();
  expect(tpmRules(tpm)).toEqual({ akRoots: [], untrustedAk: 'refuse', requiredPcrs: [] });
  expect(azureRules(azure)).toEqual({ akRoots: [], requiredPcrs: [], leastVersion: 0 });
});

test('rules of tpm and azure', () => {
  const { azure, tpm } = settingsOf(`[tpm]
ak_roots = ["${roots}"]
untrusted_ak = "policy"
required_pcrs = ["0", "7", "23"]

[azure]
ak_roots = ["${roots}"]
required_pcrs = ["11"]
minimum_version = 2
`);
  expect(tpmRules(tpm)).toMatchObject({ untrustedAk: 'policy', requiredPcrs: [0, 7, 23] });
  expect(tpmRules(tpm).akRoots?.map(({ subject }) => subject.commonName)).toEqual(['AK root of a test']);
  expect(azureRules(azure)).toMatchObject({ requiredPcrs: [11], leastVersion: 2 });
  expect(azureRules(azure).akRoots).toHaveLength(1);
});

describe('what is no rule is refused at start', () => {
  test.each([
    ['tpm', 'required_pcrs = ["24"]'],
    ['tpm', 'required_pcrs = ["07"]'],
    ['tpm', 'untrusted_ak = "accept"'],
    ['azure', 'minimum_version = 3'],
    ['azure', 'maximum_vmpl = 1'],
  ])('[%s] %s', (section, line) => {
    const { issues } = load(`[${section}]\n${line}\n`);
    expect(fatalIssues(issues).length).toBeGreaterThan(0);
  });

  test.each([
    ['tpm.ak_roots', (path: string) => tpmRules({ ...defaultSettings().tpm, ak_roots: [path] })],
    ['azure.ak_roots', (path: string) => azureRules({ ...defaultSettings().azure, ak_roots: [path] })],
  ])('%s names a file of certificates', (key, rules) => {
    for (const path of [join(folder, 'none.pem'), join(folder, 'assay.toml')]) {
      expect(() => rules(path)).toThrow(expect.objectContaining({ code: 'config.file.form' }));
      expect(() => rules(path)).toThrow(key);
    }
  });
});

test('trust in keys that nothing vouches for is said at start', () => {
  const { issues } = load('[tpm]\nuntrusted_ak = "policy"\n');
  expect(issues.map(renderIssue).join('\n')).toContain('tpm.untrusted_ak');
  expect(fatalIssues(issues)).toEqual([]);
});
