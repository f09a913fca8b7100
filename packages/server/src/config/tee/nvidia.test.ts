import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestWorld } from '@assay/soft-tee';
import { temporaryFolder } from '@assay/testkit';
import { expect, test } from 'vitest';
import { fatalIssues, renderIssue } from '../issues.js';
import { defaultSettings, loadConfig } from '../load.js';
import { dpuOptions, nvidiaRules } from './nvidia.js';

const folder = temporaryFolder('assay-nvidia-');

function load(text: string) {
  const path = join(folder, 'assay.toml');
  writeFileSync(path, text);
  return loadConfig({ file: path });
}

test('by default devices are verified here, with what NVIDIA has to say, and no DPU is trusted', () => {
  const { nvidia, nvidiadpu } = defaultSettings();
  expect(nvidiaRules(nvidia)).toEqual({ rules: { rim: 'optional', ocsp: 'optional' } });
  expect(dpuOptions(nvidiadpu, [])).toEqual({ roots: [], emulatedRoots: [], rules: { maxCertAge: 3600 } });
  expect(load('').issues).toEqual([]);
});

test.each([
  ['', 'https://nras.attestation.nvidia.com', false],
  ['nras = "https://nras.example:8443/v4/attest"', 'https://nras.example:8443', false],
  ['nras = "http://127.0.0.1:9/v4/attest"', 'http://127.0.0.1:9', true],
  ['nras_issuer = "https://other"', 'https://other', false],
])('remote verification: %s', (line, issuer, emulated) => {
  const { settings } = load(`[nvidia]\nverifier = "remote"\n${line}\n`);
  expect(settings === undefined ? undefined : nvidiaRules(settings.nvidia).remote).toEqual({ issuer, emulated });
});

test('revocation that is not asked for is warned of at start', () => {
  const warned = (text: string) => load(text).issues.map(({ id, key }) => [id, key]);
  expect(warned('[nvidia]\nocsp = "off"\n')).toEqual([['config.value.insecure', 'nvidia.ocsp']]);
  expect(warned('[nvidia]\nocsp = "off"\nverifier = "remote"\n')).toEqual([]);
});

test.each([
  ['[nvidia]\nverifier = "both"', '"local" | "remote"'],
  ['[nvidia]\nrim = "yes"', '"optional" | "required" | "off"'],
  ['[nvidiadpu]\nmax_cert_age = 0', '1 to 31536000'],
])('%s is refused', (line, expected) => {
  const { issues } = load(`${line}\n`);
  expect(fatalIssues(issues).map(renderIssue).join('\n')).toContain(expected);
});

test('the root of DPUs is read once, and a file that is none is named', () => {
  const world = createTestWorld({ now: () => new Date(), random: (n) => new Uint8Array(n) });
  const root = join(folder, 'root.pem');
  writeFileSync(root, world.nvidia.pki.dpu(1n, new Date()).root.pem);
  const { nvidiadpu } = defaultSettings();
  expect(dpuOptions({ ...nvidiadpu, root_ca: root }, [root])).toMatchObject({
    roots: [{ subject: { commonName: 'NVIDIA DPU Root CA' } }],
    emulatedRoots: [{ subject: { commonName: 'NVIDIA DPU Root CA' } }],
  });
  writeFileSync(root, 'x');
  expect(() => dpuOptions({ ...nvidiadpu, root_ca: root }, [])).toThrow('nvidiadpu.root_ca');
});

test('settings of Trustee', () => {
  const { issues, settings } = load(
    [
      '[http_server]',
      'sockets = ["127.0.0.1:8080"]',
      'insecure_http = true',
      '[admin]',
      'authorization_mode = "DenyAll"',
      '[attestation_service]',
      'type = "coco_as_builtin"',
      '[attestation_service.verifier_config.nvidia_verifier]',
      'type = "Remote"',
      'verifier_url = "https://nras.example/v4/attest"',
      '[attestation_service.verifier_config.nvidia_dpu_verifier]',
      'root_ca_cert_path = "/root.pem"',
      'max_cert_age_secs = 60',
    ].join('\n'),
  );
  expect(fatalIssues(issues).map(renderIssue)).toEqual([]);
  expect(settings?.nvidia).toMatchObject({ verifier: 'remote', nras: 'https://nras.example/v4/attest' });
  expect(settings?.nvidiadpu).toEqual({ root_ca: '/root.pem', max_cert_age: 60 });
});
