/** Signatures in OCI layouts: where they are looked for, and what somebody else may have put there. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AssayError } from '@assay/bytes/findings';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  copyImage,
  type Descriptor,
  directoryTarget,
  type JudgeOptions,
  judgeSignatures,
  layoutSource,
  MEDIA_TYPE,
  parseReference,
  readPolicy,
  sha256Digest,
  signatureTag,
} from '../index.js';
import { blobsOf, makeImage, temporary } from '../testing/image.test.helper.js';
import {
  BUNDLE_TYPE,
  bundled,
  byAcme,
  cosigned,
  index,
  json,
  kind,
  put,
  stranger,
  tag,
} from '../testing/signed.test.helper.js';
import { readAtMost, TooLarge } from './read.js';

const asked = 'quay.io/acme/app:v1';
const anyName = { type: 'matchDigest' };

/** A layout of one image. */
function layout() {
  const { folder, manifest: digest } = makeImage();
  const image: Descriptor = { mediaType: MEDIA_TYPE.manifest, digest, size: statSync(pathOf(folder, digest)).size };
  return { folder, digest, image, sigTag: signatureTag(digest) };
}

const pathOf = (folder: string, digest: string): string => join(folder, 'blobs', digest.replace(':', '/'));

const judge = (
  folder: string,
  digest: JudgeOptions['manifestDigest'],
  change: Partial<JudgeOptions> & { requirement?: object } = {},
) => {
  const { requirement = byAcme(), ...more } = change;
  return judgeSignatures({
    policy: readPolicy(json({ default: [requirement] })),
    reference: parseReference(asked),
    place: { transport: 'oci', folder },
    manifestDigest: digest,
    source: layoutSource(folder, 'v1'),
    readKey: () => Promise.reject(new Error('no key is named')),
    now: new Date(),
    ...more,
  });
};

const accepted = { scope: 'default', requirements: [{ type: 'sigstoreSigned' }] };
const refused = (code: string, words = ''): object => ({ code, title: expect.stringContaining(words) });

describe('a signature is found', () => {
  test('under cosign’s tag', async () => {
    const { folder, digest, image, sigTag } = layout();
    await expect(judge(folder, digest)).rejects.toMatchObject(refused('signature.object.present', sigTag.slice(0, 20)));
    index(folder, [image, tag('v1')], [cosigned(folder, { digest }), tag(sigTag)]);
    expect(await judge(folder, digest)).toEqual(accepted);
  });

  test('where `cosign save` writes it, beside an image without a tag', async () => {
    const { folder, digest, image } = layout();
    index(folder, [image, kind('image')], [cosigned(folder, { digest }), kind('sigs')]);
    const source = layoutSource(folder);
    expect(await judge(folder, digest, { source })).toEqual(accepted);
    expect((await source.manifest()).bytes).toEqual(new Uint8Array(readFileSync(pathOf(folder, digest))));
  });

  test('among those of other images', async () => {
    const { folder, digest, image } = layout();
    const others = ['1', '2', '3'].map((n) => cosigned(folder, { digest: `sha256:${n.repeat(64)}` }));
    const entries = others.map((one) => [one, kind('sigs')] as const);
    index(folder, [image, tag('v1')], ...entries);
    await expect(judge(folder, digest)).rejects.toMatchObject(refused('signature.digest.match'));
    index(folder, [image, tag('v1')], ...entries, [cosigned(folder, { digest }), kind('sigs')]);
    expect(await judge(folder, digest)).toEqual(accepted);
  });

  test.each<[string, (parts: ReturnType<typeof layout>, referrer: Descriptor) => void]>([
    [
      'with its type',
      ({ folder, image }, one) => index(folder, [image, tag('v1')], [one, { artifactType: BUNDLE_TYPE }]),
    ],
    ['without its type', ({ folder, image }, one) => index(folder, [image, tag('v1')], [one])],
    ['among the blobs alone', ({ folder, image }) => index(folder, [image, tag('v1')])],
    [
      'in the list of what refers to the image',
      ({ folder, image, digest }, one) => {
        const manifests = [{ ...one, artifactType: BUNDLE_TYPE }];
        const list = put(folder, MEDIA_TYPE.index, json({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }));
        // Not among the blobs that are looked through for it.
        const large = json({
          ...JSON.parse(readFileSync(pathOf(folder, one.digest), 'utf8')),
          annotations: { x: 'x'.repeat(70_000) },
        });
        rmSync(pathOf(folder, one.digest));
        const listed = put(folder, MEDIA_TYPE.manifest, large);
        const again = { ...JSON.parse(readFileSync(pathOf(folder, list.digest), 'utf8')), manifests: [listed] };
        const renewed = put(folder, MEDIA_TYPE.index, json(again));
        index(folder, [image, tag('v1')], [renewed, tag(digest.replace(':', '-'))]);
      },
    ],
  ])('in a bundle that refers to the image: in the index %s', async (_, write) => {
    const parts = layout();
    const { folder, digest } = parts;
    write(parts, bundled(folder, { digest }));
    expect(await judge(folder, digest, { requirement: byAcme(anyName) })).toEqual(accepted);
    // A bundle has no name, and the layout gives the image none either.
    await expect(judge(folder, digest)).rejects.toMatchObject(refused('signature.identity.match', 'no name'));
  });
});

describe('of what refers to the image is refused', () => {
  const requirement = byAcme(anyName);
  test.each<[string, (folder: string, digest: string) => Descriptor, string]>([
    [
      'what is by somebody else',
      (folder, digest) => bundled(folder, { digest, by: stranger.privateKey }),
      'signature.key.match',
    ],
    [
      'what is about another image',
      (folder, digest) => bundled(folder, { digest: `sha256:${'1'.repeat(64)}` }, { subject: { digest } }),
      'signature.digest.match',
    ],
    [
      'what refers to another image',
      (folder, digest) => bundled(folder, { digest }, { subject: { digest: `sha256:${'1'.repeat(64)}` } }),
      'signature.object.present',
    ],
    [
      'what refers to none',
      (folder, digest) => bundled(folder, { digest }, { subject: undefined }),
      'signature.object.present',
    ],
    [
      'another kind',
      (folder, digest) => bundled(folder, { digest }, { artifactType: 'x/y' }),
      'signature.object.present',
    ],
    [
      'no kind',
      (folder, digest) => bundled(folder, { digest }, { artifactType: undefined }),
      'signature.object.present',
    ],
  ])('%s', async (_, make, code) => {
    const { folder, digest, image } = layout();
    const bad = make(folder, digest);
    index(folder, [image, tag('v1')], [bad]);
    await expect(judge(folder, digest, { requirement })).rejects.toMatchObject({ code });
    // A good one beside it is enough.
    bundled(folder, { digest });
    expect(await judge(folder, digest, { requirement })).toEqual(accepted);
  });

  test('one behind more than are looked at', async () => {
    const { folder, digest, image } = layout();
    const other = (n: number) => bundled(folder, { digest, by: stranger.privateKey }, { annotations: { n: `${n}` } });
    const bad = Array.from({ length: 128 }, (_, n) => [other(n)] as const);
    index(folder, [image, tag('v1')], ...bad, [bundled(folder, { digest })]);
    await expect(judge(folder, digest, { requirement })).rejects.toMatchObject({ code: 'signature.key.match' });
    index(folder, [image, tag('v1')], [bundled(folder, { digest })], ...bad);
    expect(await judge(folder, digest, { requirement })).toEqual(accepted);
  });

  test('nothing but it, whatever else lies about', async () => {
    const { folder, digest, image } = layout();
    const lost = { ...image, digest: `sha256:${'1'.repeat(64)}` as Descriptor['digest'] };
    const list = put(
      folder,
      MEDIA_TYPE.index,
      json({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [lost] }),
    );
    const listTag = tag(digest.replace(':', '-'));
    index(
      folder,
      [image, tag('v1')],
      [lost, { artifactType: BUNDLE_TYPE }],
      [list, listTag],
      [lost, listTag],
      [image, listTag],
    );
    for (const content of ['{', '{}', '[]', '{"subject":1}', '{"subject":{}}', '\xff']) {
      put(folder, 'text/plain', Buffer.from(content, 'latin1'));
    }
    // A name that is no digest, and a folder.
    writeFileSync(join(folder, 'blobs/sha256/README'), '{"subject":{}}');
    mkdirSync(join(folder, 'blobs/sha256', '2'.repeat(64)));
    await expect(judge(folder, digest, { requirement })).rejects.toMatchObject({ code: 'signature.object.present' });
    bundled(folder, { digest });
    expect(await judge(folder, digest, { requirement })).toEqual(accepted);
  });

  test('what is named as another kind in the index, and found all the same', async () => {
    const { folder, digest, image } = layout();
    index(folder, [image, tag('v1')], [bundled(folder, { digest }), { artifactType: 'x/y' }]);
    expect(await judge(folder, digest, { requirement })).toEqual(accepted);
  });
});

describe('a hostile layout', () => {
  test.each<[string, (parts: ReturnType<typeof layout>) => Descriptor, string, string]>([
    [
      'the signature of another image',
      ({ folder }) => cosigned(folder, { digest: `sha256:${'1'.repeat(64)}` }),
      'signature.digest.match',
      '',
    ],
    [
      'another name',
      ({ folder, digest }) => cosigned(folder, { digest, reference: 'quay.io/acme/other:v1' }),
      'signature.identity.match',
      '',
    ],
    [
      'another signer',
      ({ folder, digest }) => cosigned(folder, { digest, by: stranger.privateKey }),
      'signature.key.match',
      '',
    ],
    ['no signature', ({ folder }) => cosigned(folder), 'signature.object.form', 'holds none'],
    ['the image itself', ({ image }) => image, 'signature.object.form', 'holds none'],
    [
      'an index',
      ({ folder }) =>
        put(folder, MEDIA_TYPE.index, json({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [] })),
      'signature.object.present',
      'the index under',
    ],
    [
      'a manifest that is not there',
      ({ image }) => ({ ...image, digest: `sha256:${'1'.repeat(64)}` as Descriptor['digest'] }),
      'image.content.present',
      'ENOENT',
    ],
    [
      'a manifest that is said to be huge',
      ({ folder, digest }) => ({ ...cosigned(folder, { digest }), size: 5 * 2 ** 20 }),
      'image.manifest.form',
      `${5 * 2 ** 20} bytes`,
    ],
    [
      'a manifest that is huge',
      ({ folder, digest }) => {
        const signed = cosigned(folder, { digest });
        truncateSync(pathOf(folder, signed.digest), 3 * 2 ** 30);
        return signed;
      },
      'image.manifest.form',
      `${3 * 2 ** 30} bytes`,
    ],
    [
      'a manifest that was changed',
      ({ folder, digest }) => {
        const signed = cosigned(folder, { digest });
        writeFileSync(pathOf(folder, signed.digest), '{}');
        return signed;
      },
      'image.manifest.digest',
      '',
    ],
    [
      'a payload that is not there',
      ({ folder, digest }) => {
        const before = new Set(blobsOf(folder));
        const signed = cosigned(folder, { digest });
        const hex = signed.digest.slice('sha256:'.length);
        for (const blob of blobsOf(folder))
          if (!before.has(blob) && blob !== hex) rmSync(join(folder, 'blobs/sha256', blob));
        return signed;
      },
      'image.content.present',
      'ENOENT',
    ],
    [
      'a payload that is huge',
      ({ folder }) => cosigned(folder, { digest: 'x'.repeat(70_000) }),
      'signature.object.form',
      'its payload has 70',
    ],
  ])('has %s under the tag', async (_, make, code, words) => {
    const parts = layout();
    const { folder, digest, image, sigTag } = parts;
    const bad = make(parts);
    index(folder, [image, tag('v1')], [bad, tag(sigTag)]);
    await expect(judge(folder, digest)).rejects.toMatchObject(refused(code, words));
    // Named twice, it is no better; a good one beside it is enough, whichever is first.
    index(folder, [image, tag('v1')], [bad, tag(sigTag)], [bad, tag(sigTag)]);
    await expect(judge(folder, digest)).rejects.toMatchObject({ code });
    const good = cosigned(folder, { digest });
    index(folder, [image, tag('v1')], [bad, tag(sigTag)], [good, tag(sigTag)]);
    expect(await judge(folder, digest)).toEqual(accepted);
  });

  test('has two signatures in one manifest, of which one is good', async () => {
    const { folder, digest, image, sigTag } = layout();
    const other = { digest, by: stranger.privateKey };
    index(folder, [image, tag('v1')], [cosigned(folder, other, { digest }), tag(sigTag)]);
    expect(await judge(folder, digest)).toEqual(accepted);
    index(folder, [image, tag('v1')], [cosigned(folder, other, { digest: `sha256:${'1'.repeat(64)}` }), tag(sigTag)]);
    await expect(judge(folder, digest)).rejects.toMatchObject({ code: 'signature.digest.match' });
  });

  test('has more signatures than are looked at', async () => {
    const { folder, digest, image } = layout();
    const bad = Array.from({ length: 128 }, (_, n) => cosigned(folder, { digest, reference: `quay.io/acme/x:${n}` }));
    const entries = bad.map((one) => [one, kind('sigs')] as const);
    index(folder, [image, tag('v1')], ...entries, [cosigned(folder, { digest }), kind('sigs')]);
    await expect(judge(folder, digest)).rejects.toMatchObject({ code: 'signature.identity.match' });
    index(folder, [image, tag('v1')], ...entries.slice(1), [cosigned(folder, { digest }), kind('sigs')]);
    expect(await judge(folder, digest)).toEqual(accepted);
  });

  test('names two images by one tag, or gives a signature the tag of the image', async () => {
    const { folder, digest, image } = layout();
    const signed = cosigned(folder, { digest });
    index(folder, [image, tag('v1')], [signed, tag('v1')]);
    await expect(judgeTop(folder)).rejects.toMatchObject(refused('image.reference.form', '2 images of one tag'));
    index(folder, [signed, tag('v1')]);
    await expect(judge(folder, signed.digest)).rejects.toMatchObject({ code: 'signature.object.present' });
  });

  test.skipIf(process.platform === 'win32')('has a FIFO where a manifest should be', async () => {
    const { folder, digest, image, sigTag } = layout();
    const signed = cosigned(folder, { digest });
    rmSync(pathOf(folder, signed.digest));
    execFileSync('mkfifo', [pathOf(folder, signed.digest)]);
    index(folder, [image, tag('v1')], [signed, tag(sigTag)]);
    await expect(judge(folder, digest)).rejects.toMatchObject(refused('image.content.present', 'ENOTFILE'));
    execFileSync('mkfifo', [join(folder, 'blobs/sha256', '1'.repeat(64))]);
    await expect(judge(folder, digest)).rejects.toMatchObject({ code: 'image.content.present' });
  });
});

test.each<[string, (folder: string) => void, string, string]>([
  [
    'of another version',
    (folder) => writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}'),
    'image.manifest.form',
    'its version',
  ],
  [
    'whose marker is no JSON',
    (folder) => writeFileSync(join(folder, 'oci-layout'), '{'),
    'image.manifest.form',
    'its version',
  ],
  [
    'whose marker is huge',
    (folder) => writeFileSync(join(folder, 'oci-layout'), ' '.repeat(5000)),
    'image.manifest.form',
    '5000 bytes',
  ],
  ['without a marker', (folder) => rmSync(join(folder, 'oci-layout')), 'image.content.present', 'ENOENT'],
  [
    'whose index is a manifest',
    (folder) => writeFileSync(join(folder, 'index.json'), manifestIn(folder)),
    'image.manifest.form',
    'it is no index',
  ],
  [
    'whose index is huge',
    (folder) => truncateSync(join(folder, 'index.json'), 3 * 2 ** 30),
    'image.manifest.form',
    'bytes',
  ],
  ['without an index', (folder) => rmSync(join(folder, 'index.json')), 'image.content.present', 'ENOENT'],
])('a layout %s is refused', async (_, break_, code, words) => {
  const { folder } = layout();
  break_(folder);
  await expect(judgeTop(folder)).rejects.toMatchObject(refused(code, words));
});

test('a blob that is no file is not waited for', async () => {
  const { folder, image } = layout();
  const source = layoutSource(folder, 'v1');
  rmSync(pathOf(folder, image.digest));
  mkdirSync(pathOf(folder, image.digest));
  await expect(source.blob(image)).rejects.toMatchObject(refused('image.content.present', 'EISDIR'));
});

// A file there is said to be empty, and is not.
test.skipIf(process.platform !== 'linux')('a file that grows while it is read is too large', async () => {
  await expect(readAtMost('/proc/self/status', 0)).rejects.toBeInstanceOf(TooLarge);
});

/** Manifest of the first entry of an index. */
const manifestIn = (folder: string): Buffer => {
  const [entry] = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')).manifests;
  return readFileSync(pathOf(folder, entry.digest));
};

const judgeTop = (folder: string) => layoutSource(folder, 'v1').manifest();

describe('what was verified is what is copied', () => {
  test('though another image takes its tag meanwhile', async () => {
    const { folder, digest, image, sigTag } = layout();
    index(folder, [image, tag('v1')], [cosigned(folder, { digest }), tag(sigTag)]);
    const source = layoutSource(folder, 'v1');
    await source.manifest();
    const other = makeImage(1, folder);
    expect(await judge(folder, digest, { source, requirement: { type: 'insecureAcceptAnything' } })).toBeDefined();
    const copied = await copyImage({ source, target: directoryTarget(temporary()) });
    expect(copied.digest).toBe(digest);
    expect((await copyImage({ source: layoutSource(folder, 'v1'), target: directoryTarget(temporary()) })).digest).toBe(
      other.manifest,
    );
  });
});

test('fuzz: a changed index never lets in what is not signed, and never throws anything but a finding', async () => {
  const { folder, digest, image, sigTag } = layout();
  const signed = cosigned(folder, { digest, by: stranger.privateKey });
  const other = cosigned(folder, { digest: sha256Digest(Buffer.from('other')) });
  index(
    folder,
    [image, tag('v1')],
    [signed, tag(sigTag)],
    [other, kind('sigs')],
    [image, { artifactType: BUNDLE_TYPE }],
  );
  const file = join(folder, 'index.json');
  const seed = readFileSync(file);
  const edit = fc.tuple(fc.nat(seed.length - 1), fc.integer({ min: 0x20, max: 0x7e }));
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
      const bytes = Buffer.from(seed);
      for (const [at, value] of edits) bytes[at] = value;
      writeFileSync(file, bytes);
      await expect(judge(folder, digest)).rejects.toBeInstanceOf(AssayError);
    }),
    { numRuns: fuzzRuns(60) },
  );
});

test('an image is chosen without a tag where all else are signatures of it', async () => {
  const { folder, digest, image, sigTag } = layout();
  const signed = cosigned(folder, { digest });
  index(
    folder,
    [image],
    [signed, tag(sigTag)],
    [signed, tag(`${sigTag.slice(0, -3)}att`)],
    [signed, kind('atts')],
    [bundled(folder, { digest }), { artifactType: BUNDLE_TYPE }],
  );
  expect((await layoutSource(folder).manifest()).bytes.length).toBe(image.size);
  // An index, as `cosign save` marks it.
  const list = put(
    folder,
    MEDIA_TYPE.index,
    json({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [image] }),
  );
  index(folder, [list, kind('imageIndex')], [signed, kind('sigs')]);
  expect((await layoutSource(folder).manifest()).mediaType).toBe(MEDIA_TYPE.index);
  // A signature that is alone is what there is.
  index(folder, [signed, tag(sigTag)]);
  expect((await layoutSource(folder).manifest()).bytes.length).toBe(signed.size);
  index(folder, [image], [signed]);
  await expect(layoutSource(folder).manifest()).rejects.toMatchObject(
    refused('image.reference.form', 'no tag that says'),
  );
});
