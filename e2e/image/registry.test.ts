/** Images in a real registry: pushed encrypted, pulled and decrypted; and read by Debian's skopeo. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CopyResult,
  copyImage,
  layoutSource,
  layoutTarget,
  parseReference,
  readCredentials,
  registrySource,
  registryTarget,
} from '@assay/oci';
import { jweUnwrapper, jweWrapper } from '@assay/ocicrypt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeImage, temporary } from '../../packages/oci/src/testing/image.test.helper.js';
import { peersFor } from '../support/peers.js';
import { REGISTRY_PEERS, startRegistry, type TestRegistry } from '../support/registry.js';

const possible = peersFor('pushing to and pulling from a registry', { ...REGISTRY_PEERS, skopeo: '/usr/bin/skopeo' });
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const encrypt = {
  wrappers: [jweWrapper([{ key: pair.publicKey, algorithm: 'ECDH-ES+A256KW' }])],
  random: (length: number) => new Uint8Array(randomBytes(length)),
};
const insecure = { insecure: true };

describe.skipIf(!possible)('a registry', () => {
  let open: TestRegistry;
  let guarded: TestRegistry;
  const image = makeImage(3);

  beforeAll(async () => {
    open = await startRegistry();
    // Password `secret` of `user`, as htpasswd -B writes it.
    guarded = await startRegistry('user:$2y$05$rhYNYvVGQf7hL21RRz3D1Ovx9iZm9ZdTrn0P1U6d4D6SiTsn4WdkK\n');
  });
  afterAll(async () => {
    await open?.stop();
    await guarded?.stop();
  });

  const push = async (reference: string, options = {}, action = {}): Promise<CopyResult> => {
    const target = registryTarget(parseReference(reference), { ...insecure, ...options });
    return copyImage({ source: layoutSource(image.folder, 'v1'), target, ...action }).finally(() => target.close());
  };
  const pull = async (reference: string, options = {}, action = {}): Promise<CopyResult> => {
    const source = await registrySource(parseReference(reference), { ...insecure, ...options });
    return copyImage({ source, target: layoutTarget(temporary(), 'v1'), ...action }).finally(() => source.close());
  };

  test('gives back what was pushed, by tag and by digest', async () => {
    const name = `${open.host}/team/plain`;
    expect(await push(`${name}:v1`)).toMatchObject({ digest: image.manifest });
    expect(await pull(`${name}:v1`)).toMatchObject({ digest: image.manifest });
    expect(await pull(`${name}@${image.manifest}`)).toMatchObject({ digest: image.manifest });
    // A second push finds every blob there.
    expect(await push(`${name}:v2`)).toMatchObject({ digest: image.manifest });
  });

  test('holds encrypted layers, which are decrypted on the way back, here and by skopeo', async () => {
    const name = `${open.host}/team/secret:v1`;
    const pushed = await push(name, {}, { encrypt });
    expect(pushed.layers.every(({ mediaType }) => mediaType.endsWith('+encrypted'))).toBe(true);
    const decrypt = { unwrappers: [jweUnwrapper([pair.privateKey])] };
    expect(await pull(name, {}, { decrypt })).toMatchObject({ digest: image.manifest });
    const key = join(temporary(), 'key.pem');
    writeFileSync(key, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const folder = temporary();
    const flags = ['--insecure-policy', 'copy', '-q', '--src-tls-verify=false', '--decryption-key', key];
    execFileSync('skopeo', [...flags, `docker://${name}`, `oci:${folder}:v1`], { stdio: 'pipe' });
    const theirs = await copyImage({ source: layoutSource(folder, 'v1'), target: layoutTarget(temporary(), 'x') });
    expect(theirs.layers.map(({ digest }) => digest)).toEqual(
      (await pull(name, {}, { decrypt })).layers.map(({ digest }) => digest),
    );
  });

  test('gives an image that skopeo pushed', async () => {
    const name = `${open.host}/team/theirs:v1`;
    execFileSync(
      'skopeo',
      ['--insecure-policy', 'copy', '-q', '--dest-tls-verify=false', `oci:${image.folder}:v1`, `docker://${name}`],
      { stdio: 'pipe' },
    );
    expect((await pull(name)).layers).toHaveLength(3);
  });

  test('that asks who one is lets in who says it', async () => {
    const name = `${guarded.host}/team/image:v1`;
    const file = (password: string) =>
      readCredentials(
        Buffer.from(
          JSON.stringify({ auths: { [guarded.host]: { auth: Buffer.from(`user:${password}`).toString('base64') } } }),
        ),
        'config.json',
      );
    await expect(push(name)).rejects.toMatchObject({ code: 'image.registry.answers' });
    await expect(push(name, { credentials: file('wrong') })).rejects.toThrow('401, not authorised');
    const credentials = file('secret');
    expect(await push(name, { credentials })).toMatchObject({ digest: image.manifest });
    expect(await pull(name, { credentials })).toMatchObject({ digest: image.manifest });
    const error = await pull(name, { credentials: file('wr0ng') }).catch((thrown) => thrown);
    expect(JSON.stringify(error.finding)).not.toContain('wr0ng');
  });

  test('without the image, or that is not there, is told by name', async () => {
    await expect(pull(`${open.host}/team/none:v1`)).rejects.toMatchObject({ code: 'image.content.present' });
    await expect(pull('127.0.0.1:47999/team/none:v1', { attempts: 2 })).rejects.toThrow(
      '127.0.0.1:47999: nothing listens there (ECONNREFUSED)',
    );
  });

  test('is found by its mirror first, and by itself when the mirror has not', async () => {
    await push(`${open.host}/mirrored/app:v1`);
    const rule = (mirror: string) => ({
      search: [],
      rules: [
        {
          prefix: 'origin.example',
          location: '',
          insecure: false,
          blocked: false,
          mirrors: [{ location: mirror, insecure: true }],
        },
      ],
    });
    const registries = rule(`${open.host}/mirrored`);
    expect(await pull('origin.example/app:v1', { registries, insecure: false })).toMatchObject({
      digest: image.manifest,
    });
    const nowhere = {
      ...rule('127.0.0.1:47999/x'),
      rules: [{ ...rule('127.0.0.1:47999/x').rules[0], location: `${open.host}/mirrored`, insecure: true }],
    };
    expect(await pull('origin.example/app:v1', { registries: nowhere, insecure: false, attempts: 1 })).toMatchObject({
      digest: image.manifest,
    });
  });
});
