import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageTags } from '@assay/evidence/se';
import { createTestWorld, seFiles } from '@assay/soft-tee';
import { temporaryFolder } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { fatalIssues, renderIssue } from '../issues.js';
import { defaultSettings, loadConfig } from '../load.js';
import { csvOptions } from './csv.js';
import { seMaterials } from './se.js';

const folder = temporaryFolder('assay-csv-se-');
const world = createTestWorld({ now: () => new Date(), random: randomBytes });
const write = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const load = (text: string) => loadConfig({ file: write('assay.toml', text) });

describe('csv', () => {
  test('without settings the rules are strict', () => {
    const { csv } = defaultSettings();
    expect(csv.hygon_kds).toBe('https://cert.hygon.cn');
    expect(csvOptions(csv)).toEqual({ rules: { debugAllowed: false, requiredPolicy: [] } });
  });

  test('rules and emulated roots', () => {
    const hrk = write('hrk.cert', world.hygon.hrk());
    const { issues, settings } = load(
      `[csv]\ndebug_allowed = true\nrequired_policy = ["csv3", "nosend"]\nemulated_hrks = ["${hrk}"]\n`,
    );
    expect(csvOptions((settings ?? defaultSettings()).csv)).toEqual({
      rules: { debugAllowed: true, requiredPolicy: ['csv3', 'nosend'] },
      emulatedRoots: [{ name: 'emulated HRK hrk.cert', bytes: world.hygon.hrk(), emulated: true }],
    });
    // What is loosened is said at start.
    expect(issues.map(({ key }) => key)).toEqual(['csv.debug_allowed', 'csv.emulated_hrks']);
  });

  test('a flag that is none is refused', () => {
    const { issues, settings } = load('[csv]\nrequired_policy = ["debug"]\n');
    expect(settings).toBeUndefined();
    expect(fatalIssues(issues).map(renderIssue).join()).toContain('csv.required_policy');
  });

  test.each([
    ['is not there', '/nowhere/hrk.cert'],
    ['is no root certificate', write('short.cert', new Uint8Array(831))],
  ])('a root that %s is told', (_, path) => {
    const settings = { ...defaultSettings().csv, emulated_hrks: [path] };
    expect(() => csvOptions(settings)).toThrow(expect.objectContaining({ code: 'config.file.form' }));
  });
});

describe('se', () => {
  const files = seFiles(world);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const crls = join(folder, 'crls');
  mkdirSync(join(crls, 'below'), { recursive: true });
  for (const [index, crl] of files.crls.entries()) write(`crls/${index}.crl`, crl);
  // Kubernetes mounts have such a link beside the files.
  write('crls/..data', 'x');
  const settings = {
    host_key_documents: [write('hkd.crt', files.hostKeyDocument)],
    certificates: files.certificates.map((pem, index) => write(`${index}.crt`, pem)),
    crls: [crls],
    root_ca: [write('root.crt', files.root)],
    image_headers: [write('hdr.bin', files.imageHeader)],
    measurement_key: write('key.pem', privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()),
  };

  test('without settings there is nothing, and no key is made', () => {
    expect(seMaterials(defaultSettings().se, [])).toMatchObject({ hostKeyDocuments: [], crls: [], imageTags: [] });
  });

  test('files and folders are read', () => {
    const materials = seMaterials(settings, []);
    expect(materials.hostKeyDocuments.map(({ name }) => name)).toEqual(['hkd.crt']);
    expect(materials.certificates).toHaveLength(2);
    expect(materials.crls).toHaveLength(3);
    expect(materials.imageTags).toEqual([imageTags(files.imageHeader)]);
    expect(materials.seal().size).toBe(256);
    expect(materials.seal()).toBe(materials.seal());
  });

  test.each([
    ['host_key_documents', ['/nowhere']],
    ['root_ca', settings.image_headers],
    ['image_headers', settings.root_ca],
    ['measurement_key', '/nowhere'],
    ['measurement_key', settings.host_key_documents[0]],
  ])('a mistake in %s is told', (key, value) => {
    const wrong = { ...settings, [key]: value };
    expect(() => seMaterials(wrong, [])).toThrow(expect.objectContaining({ code: 'config.file.form' }));
    expect(() => seMaterials(wrong, [])).toThrow(`se.${key}`);
  });

  test('what is in a key file is never repeated', () => {
    const path = write('odd.pem', '-----BEGIN PRIVATE KEY-----\nc2VjcmV0c2VjcmV0\n-----END PRIVATE KEY-----\n');
    expect(() => seMaterials({ ...settings, measurement_key: path }, [])).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('c2VjcmV0') }),
    );
  });
});
