/** Images in folders: what a policy says of the folder, an image without a name, and signatures in files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AssayError } from '@assay/bytes/findings';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { createMessage, generateKey, type PrivateKey, type PublicKey, sign as signMessage } from 'openpgp';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  directorySource,
  identityFits,
  type JudgeOptions,
  judgeSignatures,
  lookUpPlace,
  MEDIA_TYPE,
  parseReference,
  readPolicy,
  sha256Digest,
} from '../index.js';
import { temporary } from '../testing/image.test.helper.js';
import { byAcme, json, PAYLOAD_TYPE, payloadOf, signatureOf, stranger } from '../testing/signed.test.helper.js';

const asked = 'quay.io/acme/app:v1';
const reject = [{ type: 'reject' }];
const accept = [{ type: 'insecureAcceptAnything' }];
const refused = (code: string, words = ''): object => ({ code, title: expect.stringContaining(words) });
const read = (value: object) => readPolicy(json({ default: reject, ...value }));

describe('the scope of a folder', () => {
  test('is the longest that fits, of its own transport', () => {
    const scopes = ['/srv/images/app', '/srv/images', '/srv', ''];
    for (const [index, scope] of scopes.entries()) {
      const oci = Object.fromEntries(scopes.slice(index).map((one) => [one, reject]));
      const policy = read({ transports: { oci } });
      expect(lookUpPlace(policy, { transport: 'oci', folder: '/srv/images/app' })?.scope).toBe(`oci:${scope}`);
      expect(lookUpPlace(policy, { transport: 'dir', folder: '/srv/images/app' })).toBeUndefined();
    }
    const beside = read({ transports: { oci: { '/srv/image': reject, '/srv/images/app/x': reject } } });
    expect(lookUpPlace(beside, { transport: 'oci', folder: '/srv/images/app' })).toBeUndefined();
  });

  test.each(['app', './app', '/', '/srv/', '/srv//app', '/srv/../app', '/srv/./app', '/srv/..', 'quay.io/acme'])(
    '%s never fits, and is refused',
    (scope) => {
      for (const transport of ['oci', 'dir']) {
        expect(() => read({ transports: { [transport]: { [scope]: reject } } })).toThrow(
          expect.objectContaining(refused('signature.policy.form', 'no absolute path')),
        );
      }
      expect(read({ transports: { docker: { [scope]: reject } } })).toBeDefined();
    },
  );
});

const digest = sha256Digest(Buffer.from('manifest'));
const place = { transport: 'oci', folder: '/srv/app' } as const;

/** A source that has cosign's signature for this name. */
function signedFor(reference: string): JudgeOptions['source'] {
  const { payload, signature } = signatureOf({ digest, reference });
  const layer = { mediaType: PAYLOAD_TYPE, digest: sha256Digest(payload), size: payload.length };
  const annotations = { 'dev.cosignproject.cosign/signature': signature };
  const file = Buffer.concat([
    Buffer.from('\0sigstore-json\n'),
    json({ mimeType: layer.mediaType, payload: payload.toString('base64'), annotations }),
  ]);
  return {
    name: 'test',
    manifest: () => Promise.reject(new Error('the manifest is not asked for')),
    blob: () => Promise.reject(new Error('no blob is asked for')),
    stored: async (_, number) => (number === 1 ? file : undefined),
  };
}

const judge = (policy: object, change: Partial<JudgeOptions> = {}) =>
  judgeSignatures({
    policy: read(policy),
    place,
    manifestDigest: digest,
    source: signedFor(asked),
    readKey: () => Promise.reject(new Error('no key is named')),
    now: new Date(),
    ...change,
  });

describe('an image without a name', () => {
  const here = (...requirements: readonly object[]): object => ({ transports: { oci: { '/srv': requirements } } });

  test.each<[object | undefined, string]>([
    [undefined, 'matchRepoDigestOrExact'],
    [{ type: 'matchExact' }, 'matchExact'],
    [{ type: 'matchRepository' }, 'matchRepository'],
    [{ type: 'matchRepoDigestOrExact' }, 'matchRepoDigestOrExact'],
    [{ type: 'remapIdentity', prefix: 'quay.io', signedPrefix: 'quay.io' }, 'remapIdentity'],
  ])('has none that %j could compare, and is told so', async (identity, type) => {
    await expect(judge(here(byAcme(identity)))).rejects.toMatchObject({
      code: 'signature.identity.known',
      title: `oci:/srv/app has no name; ${type} would compare it with \`${asked}\``,
      remedy: expect.stringContaining('exactReference'),
    });
    if (identity !== undefined) expect(identityFits(identity as never, undefined, asked)).toBe(false);
  });

  test.each<[object, boolean]>([
    [{ type: 'exactReference', dockerReference: asked }, true],
    [{ type: 'exactReference', dockerReference: 'quay.io/acme/app:v2' }, false],
    [{ type: 'exactRepository', dockerRepository: 'quay.io/acme/app' }, true],
    [{ type: 'exactRepository', dockerRepository: 'quay.io/acme/other' }, false],
    [{ type: 'matchDigest' }, true],
  ])('is accepted as the policy names it: %j: %s', async (identity, fits) => {
    const judged = judge(here(byAcme(identity)));
    if (fits) expect(await judged).toMatchObject({ scope: 'oci:/srv', requirements: [{ type: 'sigstoreSigned' }] });
    else await expect(judged).rejects.toMatchObject(refused('signature.identity.match', 'wants `quay.io/acme/'));
  });

  test('has the default where the policy says nothing of its folder, whatever it says of registries', async () => {
    await expect(judge({ transports: { docker: { '': accept }, dir: { '': accept } } })).rejects.toMatchObject(
      refused('signature.policy.accepts', 'oci:/srv/app: scope `default` says reject'),
    );
    expect(await judge({ default: accept, transports: { docker: { '': reject } } })).toMatchObject({
      scope: 'default',
    });
    await expect(judge({}, { place: undefined })).rejects.toMatchObject(refused('signature.policy.accepts', digest));
  });

  test('has no place where OpenPGP signatures would lie by its name', async () => {
    const { stored: _, ...source } = signedFor(asked);
    const { publicKey } = await generateKey({ userIDs: [{ name: 'a' }], format: 'object' });
    const keyData = Buffer.from(publicKey.write()).toString('base64');
    const lookaside = () => {
      throw new Error('not asked for');
    };
    await expect(
      judge(here({ type: 'signedBy', keyType: 'GPGKeys', keyData }), { source, lookaside }),
    ).rejects.toMatchObject(
      refused('signature.object.present', 'oci:/srv/app has no OpenPGP signature at the place for its name'),
    );
  });
});

describe('an image that is given a name', () => {
  const reference = parseReference(asked);

  test('is one of a registry', async () => {
    expect(await judge({ transports: { docker: { 'quay.io/acme': [byAcme()] } } }, { reference })).toEqual({
      scope: 'quay.io/acme',
      requirements: [{ type: 'sigstoreSigned' }],
    });
    await expect(judge({}, { reference })).rejects.toMatchObject(
      refused('signature.policy.accepts', `${asked}: scope`),
    );
  });

  test('must also be what the policy wants of its folder', async () => {
    const docker = { 'quay.io/acme': [byAcme()] };
    await expect(judge({ transports: { docker, oci: { '': reject } } }, { reference })).rejects.toMatchObject(
      refused('signature.policy.accepts', 'scope `oci:` says reject'),
    );
    expect(await judge({ transports: { docker, oci: { '/srv': accept } } }, { reference })).toMatchObject({
      scope: 'quay.io/acme, oci:/srv',
      requirements: [{ type: 'sigstoreSigned' }, { type: 'insecureAcceptAnything' }],
    });
    // What is allowed of the folder takes nothing from what the name wants.
    await expect(
      judge({ transports: { docker: { 'quay.io/acme': reject }, oci: { '': accept } } }, { reference }),
    ).rejects.toMatchObject({ code: 'signature.policy.accepts' });
  });
});

describe('signatures in files', () => {
  const manifest = json({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { mediaType: MEDIA_TYPE.config, digest, size: 8 },
    layers: [],
  });
  const top = sha256Digest(manifest);
  let signer: { privateKey: PrivateKey; publicKey: PublicKey };
  let other: typeof signer;
  beforeAll(async () => {
    const pair = (name: string) =>
      generateKey({ userIDs: [{ name }], format: 'object' }) as unknown as Promise<typeof signer>;
    [signer, other] = await Promise.all([pair('signer'), pair('other')]);
  });

  const folderWith = (files: Readonly<Record<string, Uint8Array | string>>): string => {
    const folder = temporary();
    writeFileSync(join(folder, 'manifest.json'), manifest);
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    return folder;
  };
  const openpgp = async (by: PrivateKey, payload = payloadOf(top, asked, 'atomic container signature')) =>
    (await signMessage({
      message: await createMessage({ binary: new Uint8Array(payload) }),
      signingKeys: by,
      format: 'binary',
    })) as Uint8Array;
  const cosign = (change: object = {}, signing: Partial<Parameters<typeof signatureOf>[0]> = {}): Buffer => {
    const { payload, signature } = signatureOf({ digest: top, ...signing });
    const annotations = { 'dev.cosignproject.cosign/signature': signature };
    const document = { mimeType: PAYLOAD_TYPE, payload: payload.toString('base64'), annotations, ...change };
    return Buffer.concat([Buffer.from('\0sigstore-json\n'), json(document)]);
  };
  const inFolder = (folder: string, requirement: object, change: Partial<JudgeOptions> = {}) =>
    judgeSignatures({
      policy: readPolicy(json({ default: [requirement] })),
      reference: parseReference(asked),
      place: { transport: 'dir', folder },
      manifestDigest: top,
      source: directorySource(folder),
      readKey: () => Promise.reject(new Error('no key is named')),
      now: new Date(),
      ...change,
    });
  const bySigner = () => ({
    type: 'signedBy',
    keyType: 'GPGKeys',
    keyData: Buffer.from(signer.publicKey.write()).toString('base64'),
  });

  test('of OpenPGP are found, with and without the mark of their form', async () => {
    const good = await openpgp(signer.privateKey);
    const fingerprint = signer.publicKey.getFingerprint().toUpperCase();
    for (const file of [good, Buffer.concat([Buffer.from('\0simple-signing\n'), good])]) {
      expect(await inFolder(folderWith({ 'signature-1': file }), bySigner())).toMatchObject({
        requirements: [{ type: 'signedBy', signer: fingerprint }],
      });
    }
    await expect(inFolder(folderWith({}), bySigner())).rejects.toMatchObject(
      refused('signature.object.present', `has no OpenPGP signature at dir:`),
    );
    // Behind a gap nothing is looked for.
    await expect(inFolder(folderWith({ 'signature-2': good }), bySigner())).rejects.toMatchObject({
      code: 'signature.object.present',
    });
    const elsewhere = await openpgp(signer.privateKey, payloadOf(digest, asked, 'atomic container signature'));
    await expect(inFolder(folderWith({ 'signature-1': elsewhere }), bySigner())).rejects.toMatchObject({
      code: 'signature.digest.match',
    });
  });

  test('of both kinds lie beside each other, and beside what is none', async () => {
    const files = {
      'signature-1': 'no signature',
      'signature-2': cosign(),
      'signature-3': await openpgp(other.privateKey),
      'signature-4': await openpgp(signer.privateKey),
    };
    const folder = folderWith(files);
    expect(await inFolder(folder, bySigner())).toMatchObject({ requirements: [{ type: 'signedBy' }] });
    expect(await inFolder(folder, byAcme())).toMatchObject({ requirements: [{ type: 'sigstoreSigned' }] });
    // One of the other kind is no reason.
    const alone = folderWith({ 'signature-1': files['signature-2'] });
    await expect(inFolder(alone, bySigner())).rejects.toMatchObject({ code: 'signature.object.present' });
    const broken = folderWith({ 'signature-1': '\0?\n', 'signature-2': await openpgp(other.privateKey) });
    await expect(inFolder(broken, bySigner())).rejects.toMatchObject(refused('signature.object.form', 'not known'));
  });

  test('lie in the folder of the name, too', async () => {
    const base = temporary();
    const apart = join(base, `acme/app@${top.replace(':', '=')}`);
    mkdirSync(apart, { recursive: true });
    writeFileSync(join(apart, 'signature-1'), await openpgp(signer.privateKey));
    const folder = folderWith({ 'signature-1': await openpgp(other.privateKey) });
    await expect(inFolder(folder, bySigner())).rejects.toMatchObject({ code: 'signature.key.match' });
    expect(await inFolder(folder, bySigner(), { lookaside: () => base })).toMatchObject({ scope: 'default' });
  });

  test('are of a member of an index, where they bear its digest', async () => {
    const hex = digest.slice('sha256:'.length);
    const folder = folderWith({ [`${hex}.signature-1`]: cosign({}, { digest }), 'signature-1': cosign() });
    expect(await inFolder(folder, byAcme(), { manifestDigest: digest })).toMatchObject({ scope: 'default' });
    const without = folderWith({ 'signature-1': cosign({}, { digest }) });
    await expect(inFolder(without, byAcme(), { manifestDigest: digest })).rejects.toMatchObject({
      code: 'signature.object.present',
    });
  });

  test.each<[string, () => Uint8Array | string, string]>([
    ['nothing', () => '', 'signature.object.present'],
    ['no form', () => '\0sigstore-json', 'signature.object.form'],
    ['an unknown form', () => '\0notation\n{}', 'signature.object.form'],
    ['a form that is no text', () => Buffer.from([0, 0xff, 0x0a]), 'signature.object.form'],
    ['a long form', () => `\0${'x'.repeat(70)}\n{}`, 'signature.object.form'],
    ['an OpenPGP signature', () => 'no zero byte', 'signature.object.present'],
    ['no JSON', () => '\0sigstore-json\n{', 'signature.bundle.form'],
    ['no payload', () => cosign({ payload: undefined }), 'signature.bundle.form'],
    ['a payload that is no base64', () => cosign({ payload: '?' }), 'signature.bundle.form'],
    ['annotations that are no object', () => cosign({ annotations: [] }), 'signature.bundle.form'],
    ['an annotation that is no text', () => cosign({ annotations: { x: 1 } }), 'signature.bundle.form'],
    ['no annotations', () => cosign({ annotations: {} }), 'signature.key.match'],
    ['another media type', () => cosign({ mimeType: 'text/plain' }), 'signature.object.form'],
    ['no media type', () => cosign({ mimeType: undefined }), 'signature.bundle.form'],
    ['too much', () => Buffer.alloc(1024 * 1024 + 1), 'image.manifest.form'],
    ['another image', () => cosign({}, { digest }), 'signature.digest.match'],
    ['another name', () => cosign({}, { reference: 'quay.io/acme/x:v1' }), 'signature.identity.match'],
    ['another signer', () => cosign({}, { by: stranger.privateKey }), 'signature.key.match'],
  ])('with %s are refused', async (_, file, code) => {
    const bad = file();
    await expect(inFolder(folderWith({ 'signature-1': bad }), byAcme())).rejects.toMatchObject({ code });
    expect(await inFolder(folderWith({ 'signature-1': bad, 'signature-2': cosign() }), byAcme())).toBeDefined();
  });

  test('fuzz: a changed one is refused with a finding, or is the same signature', async () => {
    const seed = cosign();
    const edits = fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    const changed = edits.map((list) => {
      const bytes = Uint8Array.from(seed);
      for (const [at, value] of list) bytes[at] = value;
      return bytes;
    });
    const named = fc
      .uint8Array({ maxLength: 200 })
      .map((rest) => Buffer.concat([Buffer.from('\0sigstore-json\n'), rest]));
    const requirement = byAcme();
    const source = directorySource(folderWith({}));
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, named, fc.uint8Array({ maxLength: 200 })), async (bytes) => {
        const stored = async (_: string, number: number) => (number === 1 ? bytes : undefined);
        await inFolder('/nowhere', requirement, { source: { ...source, stored } }).then(
          ({ requirements }) => expect(requirements).toHaveLength(1),
          (error: unknown) => expect(error).toBeInstanceOf(AssayError),
        );
      }),
      { numRuns: fuzzRuns(200) },
    );
  });

  test('are looked at up to a number', async () => {
    const bad = cosign({}, { by: stranger.privateKey });
    const names = Array.from({ length: 128 }, (_, n) => [`signature-${n + 1}`, bad] as const);
    const files = { ...Object.fromEntries(names), 'signature-129': cosign() };
    await expect(inFolder(folderWith(files), byAcme())).rejects.toMatchObject({ code: 'signature.key.match' });
    expect(await inFolder(folderWith({ ...files, 'signature-128': cosign() }), byAcme())).toBeDefined();
  });

  test('are of the manifest that was read first', async () => {
    const folder = folderWith({ 'signature-1': cosign() });
    const source = directorySource(folder);
    const first = await source.manifest();
    writeFileSync(join(folder, 'manifest.json'), json({ ...JSON.parse(manifest.toString()), annotations: {} }));
    expect(await source.manifest()).toBe(first);
    expect(sha256Digest((await directorySource(folder).manifest()).bytes)).not.toBe(top);
    expect(await inFolder(folder, byAcme(), { source, manifestDigest: sha256Digest(first.bytes) })).toBeDefined();
  });
});
