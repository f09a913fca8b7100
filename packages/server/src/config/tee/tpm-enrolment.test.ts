import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { expect, test } from 'vitest';
import { createServerCertificate } from '../../http/self-signed.js';
import { fatalIssues, renderIssue } from '../issues.js';
import { defaultSettings, loadConfig } from '../load.js';
import { ekRoots } from './tpm-enrolment.js';

const folder = temporaryFolder('assay-tpm-');
const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

test('without settings nobody can enrol a key', () => {
  expect(defaultSettings().tpm).toMatchObject({
    enrolment: 'off',
    ek_roots: [],
    trusted_eks: [],
    enrolment_days: 365,
    aks_per_ek: 16,
  });
});

test.each([
  ['enrolment = "everybody"', 'tpm.enrolment'],
  ['trusted_eks = ["AB"]', 'SHA-256 in 64 hex digits, lower case is wanted'],
  ['enrolment_days = 0', 'tpm.enrolment_days'],
  ['aks_per_ek = 0', 'tpm.aks_per_ek'],
])('refuses %s', (line, message) => {
  const { settings, issues } = loadConfig({ file: file('assay.toml', `[tpm]\n${line}\n`) });
  expect(settings).toBeUndefined();
  expect(fatalIssues(issues).map(renderIssue).join('\n')).toContain(message);
});

test('CAs of TPM makers are read from their files', () => {
  const random = (length: number): Uint8Array => new Uint8Array(length).fill(7);
  const { certificate } = createServerCertificate({ hosts: ['maker'], now: new Date(), random });
  const one = file('one.pem', certificate);
  const two = file('two.pem', certificate + certificate);
  expect(ekRoots({ ek_roots: [one, two] })).toHaveLength(3);
  expect(ekRoots({ ek_roots: [] })).toEqual([]);
});

test.each([
  ['none.pem', undefined, 'ENOENT'],
  ['empty.pem', '', 'empty.pem'],
  [
    'key.pem',
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'pem', type: 'spki' }),
    'PUBLIC KEY',
  ],
])('a file without certificates is refused: %s', (name, content, why) => {
  const path = content === undefined ? join(folder, name) : file(name, String(content));
  const reading = () => ekRoots({ ek_roots: [path] });
  expect(reading).toThrow(expect.objectContaining({ code: 'config.file.form' }));
  expect(reading).toThrow('tpm.ek_roots');
  expect(reading).toThrow(why);
});
