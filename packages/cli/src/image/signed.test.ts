/** Signatures of images in folders, as the commands ask for them. */
import { existsSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { layoutSource, MEDIA_TYPE, sha256Digest, signatureTag } from '@assay/oci';
import { temporaryFolder } from '@assay/testkit';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { makeImage } from '../../../oci/src/testing/image.test.helper.js';
import {
  acme,
  bundled,
  byAcme,
  cosigned,
  index,
  json,
  kind,
  signatureOf,
  stranger,
  tag,
} from '../../../oci/src/testing/signed.test.helper.js';
import { EXIT } from '../exit.js';
import { pullImage } from './copy.js';
import { runImage } from './run.js';
import { verifyImage, verifySignatures } from './verify.js';

const folder = temporaryFolder('assay-signed-');
const at = (name: string): string => join(folder, name);
const asked = 'quay.io/acme/app:v1';
const inRepository = { type: 'exactRepository', dockerRepository: 'quay.io/acme/app' };

let policies = 0;
function policy(value: object): string {
  policies += 1;
  writeFileSync(at(`policy-${policies}.json`), json({ default: [{ type: 'reject' }], ...value }));
  return at(`policy-${policies}.json`);
}
const forDocker = policy({ transports: { docker: { 'quay.io/acme': [byAcme()] } } });
const forFolders = policy({ transports: { oci: { '': [byAcme(inRepository)] }, dir: { '': [byAcme(inRepository)] } } });
const byDefault = policy({ default: [byAcme()] });

/** What a command prints on its standard output, as JSON. */
async function printed(act: () => Promise<unknown>): Promise<unknown> {
  let text = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  await act().finally(() => spy.mockRestore());
  return JSON.parse(text);
}

afterEach(() => {
  process.exitCode = undefined;
});

function image() {
  const made = makeImage(1);
  const blob = join(made.folder, 'blobs', made.manifest.replace(':', '/'));
  const descriptor = { mediaType: MEDIA_TYPE.manifest, digest: made.manifest, size: statSync(blob).size };
  return { folder: made.folder, digest: made.manifest, descriptor, place: `oci:${made.folder}:v1` };
}

function signed(by = acme.privateKey) {
  const made = image();
  const signature = cosigned(made.folder, { digest: made.digest, reference: asked, by });
  index(made.folder, [made.descriptor, tag('v1')], [signature, tag(signatureTag(made.digest))]);
  return made;
}

describe('an image in a layout', () => {
  test('is verified, under a name and without', async () => {
    const { place, digest } = signed();
    const named = { signaturePolicy: forDocker, reference: asked, json: true };
    expect(await printed(() => verifyImage(place, named))).toEqual({
      verdict: 'accept',
      scope: 'quay.io/acme',
      digest,
      requirements: [{ type: 'sigstoreSigned' }],
    });
    expect(await printed(() => verifyImage(place, { signaturePolicy: forFolders, json: true }))).toMatchObject({
      scope: 'oci:',
    });
    await expect(verifyImage(place, { signaturePolicy: forDocker })).rejects.toMatchObject({
      code: 'signature.policy.accepts',
    });
    await expect(verifyImage(place, { signaturePolicy: byDefault })).rejects.toMatchObject({
      code: 'signature.identity.known',
      remedy: expect.stringContaining('--reference NAME'),
    });
  });

  test('has the scope of the folder that it lies in, whatever link leads there', async () => {
    const { place, folder: real } = signed();
    const link = at('link');
    symlinkSync(real, link);
    const here = policy({ transports: { oci: { [real]: [byAcme(inRepository)], [link]: [{ type: 'reject' }] } } });
    for (const one of [place, `oci:${link}:v1`]) {
      expect(await printed(() => verifyImage(one, { signaturePolicy: here, json: true }))).toMatchObject({
        scope: `oci:${real}`,
      });
    }
  });

  test('by a bundle that refers to it, as `cosign save` has it', async () => {
    const { folder: layout, digest, descriptor } = image();
    index(layout, [descriptor, kind('image')]);
    const anyName = policy({ transports: { oci: { '': [byAcme({ type: 'matchDigest' })] } } });
    const verify = () => printed(() => verifyImage(`oci:${layout}`, { signaturePolicy: anyName, json: true }));
    await expect(verify()).rejects.toMatchObject({ code: 'signature.object.present' });
    bundled(layout, { digest });
    expect(await verify()).toMatchObject({ verdict: 'accept', digest });
  });

  test('is of the digest in its name', async () => {
    const { place, digest } = signed();
    const verify = (of: string) =>
      printed(() =>
        verifyImage(place, { signaturePolicy: forDocker, reference: `quay.io/acme/app@${of}`, json: true }),
      );
    expect(await verify(digest)).toMatchObject({ verdict: 'accept' });
    await expect(verify(sha256Digest(Buffer.from('another')))).rejects.toMatchObject({ code: 'image.manifest.digest' });
  });

  test('is pulled and run when its signature is good', async () => {
    const { place, digest } = signed();
    const flags = { signaturePolicy: forFolders, json: true };
    const target = at('pulled');
    expect(await printed(() => pullImage(place, `oci:${target}:v1`, flags))).toMatchObject({ digest });
    const bundle = at('bundle');
    const ran = () => runImage(place, [], { ...flags, bundle, runtime: '/none' });
    expect(await printed(ran)).toMatchObject({ signatures: 'oci:', bundle, runtime: null });
    expect(existsSync(join(bundle, 'config.json'))).toBe(true);
  });

  test.each<[string, () => string, string]>([
    ['none', () => image().place, 'signature.object.present'],
    ['that of somebody else', () => signed(stranger.privateKey).place, 'signature.key.match'],
    [
      'that of another image',
      () => {
        const { folder: layout, digest, descriptor, place } = image();
        const other = cosigned(layout, { digest: sha256Digest(Buffer.from('other')), reference: asked });
        index(layout, [descriptor, tag('v1')], [other, tag(signatureTag(digest))]);
        return place;
      },
      'signature.digest.match',
    ],
  ])('is neither pulled nor run with %s', async (_, make, code) => {
    const place = make();
    const flags = { signaturePolicy: forFolders, json: true };
    await expect(pullImage(place, `oci:${at('refused')}:v1`, flags)).rejects.toMatchObject({ code });
    await expect(runImage(place, [], { ...flags, bundle: at('refused') })).rejects.toMatchObject({ code });
    expect(existsSync(at('refused'))).toBe(false);
  });
});

test('a folder that is not there is told as one', async () => {
  for (const place of [`oci:${at('nowhere')}:v1`, `dir:${at('nowhere')}`]) {
    await expect(verifyImage(place, { signaturePolicy: forFolders })).rejects.toMatchObject({
      code: 'image.content.present',
    });
  }
});

test('an image of a registry has its own name, and is not judged under another', async () => {
  const source = layoutSource(signed().folder, 'v1');
  const verify = (reference: object) =>
    verifySignatures('docker://evil.example/app:v1', source, { signaturePolicy: forDocker, ...reference });
  await expect(verify({})).rejects.toMatchObject({ code: 'signature.policy.accepts' });
  await expect(verify({ reference: asked })).rejects.toMatchObject({
    exit: EXIT.usage,
    message: expect.stringContaining('--reference names an image in a folder'),
  });
});

test('an image in a directory is verified by the files beside it', async () => {
  const directory = at('directory');
  const { place, digest } = image();
  await printed(() => pullImage(place, `dir:${directory}`, { json: true }));
  const verify = (more: object) =>
    printed(() => verifyImage(`dir:${directory}`, { signaturePolicy: forFolders, json: true, ...more }));
  await expect(verify({})).rejects.toMatchObject({ code: 'signature.object.present' });
  const { payload, signature } = signatureOf({ digest, reference: asked });
  const annotations = { 'dev.cosignproject.cosign/signature': signature };
  const mimeType = 'application/vnd.dev.cosign.simplesigning.v1+json';
  const document = json({ mimeType, payload: payload.toString('base64'), annotations });
  writeFileSync(join(directory, 'signature-1'), Buffer.concat([Buffer.from('\0sigstore-json\n'), document]));
  expect(await verify({})).toMatchObject({ scope: 'dir:', digest });
  expect(await verify({ signaturePolicy: forDocker, reference: asked })).toMatchObject({ scope: 'quay.io/acme' });
  // Without --lookaside, which a directory can do without.
  const gpg = policy({ default: [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: at('none.gpg') }] });
  await expect(verify({ signaturePolicy: gpg, reference: asked })).rejects.toMatchObject({ code: 'ENOENT' });
});
