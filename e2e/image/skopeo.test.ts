/** Images that Debian's skopeo encrypts are decrypted here, and the reverse. */
import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { makeImage } from '../../packages/oci/src/testing/image.test.helper.js';
import { selfSigned } from '../../packages/ocicrypt/src/certificate.test.helper.js';
import { assay } from '../support/cli.js';
import { peersFor } from '../support/peers.js';

const possible = peersFor('exchange of encrypted images with skopeo', { skopeo: '/usr/bin/skopeo' });
const folder = mkdtempSync(join(tmpdir(), 'assay-skopeo-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });

function writeKeys(name: string, publicKey: KeyObject, privateKey: KeyObject): void {
  writeFileSync(at(`${name}.pub`), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(at(`${name}.key`), privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

writeKeys('rsa', rsa.publicKey, rsa.privateKey);
writeKeys('ec', ec.publicKey, ec.privateKey);
const identity = selfSigned('recipient');
writeFileSync(at('recipient.crt'), identity.certificate.toString());
writeFileSync(at('recipient.key'), identity.key.export({ type: 'pkcs8', format: 'pem' }));
writeFileSync(at('policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');

const image = makeImage(2, at('plain'));

function skopeo(...args: string[]): void {
  execFileSync('skopeo', ['--policy', at('policy.json'), 'copy', '-q', ...args], { stdio: 'pipe' });
}

const layersOf = (location: string): readonly string[] => {
  const root = location.replace(/^oci:(.*):v1$/, '$1');
  const index = JSON.parse(readFileSync(join(root, 'index.json'), 'utf8'));
  const manifest = readFileSync(join(root, 'blobs', index.manifests[0].digest.replace(':', '/')), 'utf8');
  return JSON.parse(manifest).layers.map(({ digest }: { digest: string }) => digest);
};

const cases = [
  ['JWE for an RSA key', ['jwe:rsa.pub'], ['rsa.key']],
  ['JWE for an EC key', ['jwe:ec.pub'], ['ec.key']],
  ['JWE for two, opened by the second', ['jwe:rsa.pub', 'jwe:ec.pub'], ['ec.key']],
  ['PKCS#7', ['pkcs7:recipient.crt'], ['recipient.key', 'recipient.crt']],
  ['JWE and PKCS#7, opened by PKCS#7', ['jwe:ec.pub', 'pkcs7:recipient.crt'], ['recipient.key', 'recipient.crt']],
] as const;

describe.skipIf(!possible)('skopeo', () => {
  const inFolder = (key: string): string =>
    key.replace(/^([a-z0-9]+:)?(.*)$/, (_, kind = '', file) => `${kind}${at(file)}`);
  const flags = (flag: string, keys: readonly string[]): string[] => keys.flatMap((key) => [flag, inFolder(key)]);

  test.each(cases)('encrypts, and we decrypt: %s', async (name, to, from) => {
    const [encrypted, plain] = [`oci:${at(`s-${name}`)}:v1`, `oci:${at(`p-${name}`)}:v1`].map((l) =>
      l.replaceAll(' ', '_'),
    );
    skopeo(...flags('--encryption-key', to), `oci:${image.folder}:v1`, encrypted ?? '');
    const run = await assay(['image', 'decrypt', encrypted ?? '', plain ?? '', ...flags('--decryption-key', from)]);
    expect(run, run.err).toMatchObject({ code: 0 });
    expect(layersOf(plain ?? '')).toEqual(layersOf(`oci:${image.folder}:v1`));
  });

  test.each(cases)('decrypts what we encrypt: %s', async (name, to, from) => {
    const [encrypted, plain] = [`oci:${at(`e-${name}`)}:v1`, `oci:${at(`d-${name}`)}:v1`].map((l) =>
      l.replaceAll(' ', '_'),
    );
    const run = await assay([
      'image',
      'encrypt',
      `oci:${image.folder}:v1`,
      encrypted ?? '',
      ...flags('--encryption-key', to),
    ]);
    expect(run, run.err).toMatchObject({ code: 0 });
    skopeo(...flags('--decryption-key', from), encrypted ?? '', plain ?? '');
    expect(layersOf(plain ?? '')).toEqual(layersOf(`oci:${image.folder}:v1`));
  });

  test('neither opens with the key of somebody else, and ours says for whom the layer is', async () => {
    const encrypted = `oci:${at('other')}:v1`;
    await assay(['image', 'encrypt', `oci:${image.folder}:v1`, encrypted, '--encryption-key', `jwe:${at('rsa.pub')}`]);
    const theirs = spawnSync('skopeo', [
      '--policy',
      at('policy.json'),
      'copy',
      '--decryption-key',
      at('ec.key'),
      encrypted,
      `dir:${at('x')}`,
    ]);
    expect(theirs.status).not.toBe(0);
    const ours = await assay(['image', 'decrypt', encrypted, `dir:${at('y')}`, '--decryption-key', at('ec.key')]);
    expect(ours.code).toBe(1);
    expect(ours.err).toContain('none opens it; it is for jwe');
    const inspected = await assay(['image', 'inspect', encrypted, '--decryption-key', at('rsa.key'), '--json']);
    expect(inspected.json()).toMatchObject({
      images: [{ layers: [{ encrypted: true, recipients: 'jwe', opens: { alg: 'RSA-OAEP' } }, { encrypted: true }] }],
    });
  });
});
