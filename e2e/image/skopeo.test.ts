/** Images that Debian's skopeos encrypt are decrypted here, and the reverse. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { describe, expect, test, vi } from 'vitest';
import { makeImage } from '../../packages/oci/src/testing/image.test.helper.js';
import { selfSigned } from '../../packages/ocicrypt/src/certificate.test.helper.js';
import { assay } from '../support/cli.js';
import { peersFor } from '../support/peers.js';
import { layersIn, SKOPEOS, skopeoCopy } from '../support/skopeo.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = temporaryFolder('assay-skopeo-');

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

const image = makeImage(2, at('plain'));

const original = layersIn(image.folder);

const cases = [
  ['JWE for an RSA key', ['jwe:rsa.pub'], ['rsa.key']],
  ['JWE for an EC key', ['jwe:ec.pub'], ['ec.key']],
  ['JWE for two, opened by the second', ['jwe:rsa.pub', 'jwe:ec.pub'], ['ec.key']],
  ['PKCS#7', ['pkcs7:recipient.crt'], ['recipient.key', 'recipient.crt']],
  ['JWE and PKCS#7, opened by PKCS#7', ['jwe:ec.pub', 'pkcs7:recipient.crt'], ['recipient.key', 'recipient.crt']],
] as const;

describe.each(SKOPEOS)('skopeo of Debian %s', (release, program, peers) => {
  const possible = peersFor(`exchange of encrypted images with skopeo of Debian ${release}`, peers);
  const inFolder = (key: string): string =>
    key.replace(/^([a-z0-9]+:)?(.*)$/, (_, kind = '', file) => `${kind}${at(file)}`);
  const flags = (flag: string, keys: readonly string[]): string[] => keys.flatMap((key) => [flag, inFolder(key)]);
  const folderOf = (what: string, name: string): string => at(`${release} ${what} ${name}`.replaceAll(/[ ,]+/g, '-'));
  const layout = (path: string): string => `oci:${path}:v1`;

  test.skipIf(!possible).each(cases)('encrypts, and we decrypt: %s', async (name, to, from) => {
    const [encrypted, plain] = [folderOf('theirs', name), folderOf('opened', name)];
    const made = await skopeoCopy(program, [...flags('--encryption-key', to), layout(image.folder), layout(encrypted)]);
    expect(made, made.err).toMatchObject({ code: 0 });
    expect(layersIn(encrypted)).not.toEqual(original);
    const keys = flags('--decryption-key', from);
    const run = await assay(['image', 'decrypt', layout(encrypted), layout(plain), ...keys]);
    expect(run, run.err).toMatchObject({ code: 0 });
    expect(layersIn(plain)).toEqual(original);
  });

  test.skipIf(!possible).each(cases)('decrypts what we encrypt: %s', async (name, to, from) => {
    const [encrypted, plain] = [folderOf('ours', name), folderOf('read', name)];
    const keys = flags('--encryption-key', to);
    const run = await assay(['image', 'encrypt', layout(image.folder), layout(encrypted), ...keys]);
    expect(run, run.err).toMatchObject({ code: 0 });
    const opened = await skopeoCopy(program, [...flags('--decryption-key', from), layout(encrypted), layout(plain)]);
    expect(opened, opened.err).toMatchObject({ code: 0 });
    expect(layersIn(plain)).toEqual(original);
  });

  test.skipIf(!possible).each([
    ['jwe', 'jwe:rsa.pub', ['ec.key'], 'RSA-OAEP', ['rsa.key']],
    ['pkcs7', 'pkcs7:recipient.crt', ['rsa.key'], undefined, ['recipient.key', 'recipient.crt']],
  ] as const)('does not open %s with the key of somebody else, nor do we', async (kind, to, wrong, alg, right) => {
    const keys = flags('--decryption-key', wrong);
    const [mine, its] = [folderOf('mine', kind), folderOf('its', kind)];
    await assay(['image', 'encrypt', layout(image.folder), layout(mine), ...flags('--encryption-key', [to])]);
    const refused = await skopeoCopy(program, [...keys, layout(mine), layout(folderOf('x', kind))]);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('private key') });
    await skopeoCopy(program, [...flags('--encryption-key', [to]), layout(image.folder), layout(its)]);
    const ours = await assay(['image', 'decrypt', layout(its), layout(folderOf('y', kind)), ...keys]);
    expect(ours).toMatchObject({ code: 1, err: expect.stringContaining(`none opens it; it is for ${kind}`) });
    const given = flags('--decryption-key', right);
    const inspected = await assay(['image', 'inspect', layout(its), ...given, '--json']);
    expect(inspected.json()).toMatchObject({
      images: [
        {
          layers: [
            { encrypted: true, recipients: kind, opens: alg === undefined ? expect.any(Object) : { alg } },
            { encrypted: true },
          ],
        },
      ],
    });
  });
});
