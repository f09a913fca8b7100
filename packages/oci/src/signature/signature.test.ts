import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assayError } from '@assay/bytes/findings';
import { fuzzRuns, vectorsArea } from '@assay/testkit';
import fc from 'fast-check';
import { createMessage, generateKey, type PrivateKey, type PublicKey, revokeKey, sign as signMessage } from 'openpgp';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Descriptor,
  identityFits,
  lookasideBase,
  lookUpScope,
  MEDIA_TYPE,
  parseReference,
  readCosignKey,
  readKeyring,
  readLookaside,
  readManifest,
  readPolicy,
  type SignatureTrust,
  type SignedIdentity,
  sha256Digest,
  verifyCosign,
  verifySimpleSignature,
} from '../index.js';
import { authority, pemOf } from '../sigstore/world.test.helper.js';

const digest = sha256Digest(Buffer.from('manifest'));
const image = { reference: parseReference('quay.io/acme/app:v1'), manifestDigest: digest };
const exact: SignedIdentity = { type: 'matchRepoDigestOrExact' };
const payloadOf = (type: string, changes: { reference?: string; digest?: string } = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      critical: {
        type,
        image: { 'docker-manifest-digest': changes.digest ?? digest },
        identity: { 'docker-reference': changes.reference ?? 'quay.io/acme/app:v1' },
      },
      optional: {},
    }),
  );

const byKey = (...keys: KeyObject[]): SignatureTrust => ({
  signer: { kind: 'keys', keys },
  logs: [],
  now: new Date(),
});

describe('identities', () => {
  const other = `sha256:${'1'.repeat(64)}`;
  test.each<[SignedIdentity, string, string, boolean]>([
    [{ type: 'matchExact' }, 'quay.io/a:v1', 'quay.io/a:v1', true],
    [{ type: 'matchExact' }, 'quay.io/a:v1', 'quay.io/a:v2', false],
    [{ type: 'matchExact' }, 'quay.io/a:latest', 'quay.io/a', false],
    [{ type: 'matchExact' }, `quay.io/a@${other}`, 'quay.io/a:v1', false],
    [{ type: 'matchExact' }, `quay.io/a@${other}`, `quay.io/a@${other}`, true],
    [exact, 'quay.io/a:v1', 'quay.io/a:v1', true],
    [exact, 'quay.io/a:v1', 'quay.io/a', false],
    [exact, `quay.io/a@${other}`, 'quay.io/a:v7', true],
    [exact, `quay.io/a@${other}`, 'quay.io/b:v7', false],
    [{ type: 'matchRepository' }, 'quay.io/a:v1', 'quay.io/a', true],
    [{ type: 'matchRepository' }, 'quay.io/a:v1', 'quay.io/ab', false],
    [{ type: 'matchRepository' }, 'alpine', 'docker.io/library/alpine:3', true],
    [{ type: 'exactReference', dockerReference: 'quay.io/b:v1' }, 'x/y:1', 'quay.io/b:v1', true],
    [{ type: 'exactReference', dockerReference: 'quay.io/b' }, 'x/y:1', 'quay.io/b', false],
    [{ type: 'exactReference', dockerReference: 'NO' }, 'x/y:1', 'NO', false],
    [{ type: 'exactRepository', dockerRepository: 'quay.io/b' }, 'x/y:1', 'quay.io/b:v3', true],
    [{ type: 'exactRepository', dockerRepository: 'quay.io/b' }, 'x/y:1', 'quay.io/c:v3', false],
    [
      { type: 'remapIdentity', prefix: 'mirror.example/hub', signedPrefix: 'docker.io' },
      'mirror.example/hub/team/x:1',
      'docker.io/team/x:1',
      true,
    ],
    [
      { type: 'remapIdentity', prefix: 'docker.io', signedPrefix: 'quay.io' },
      'docker.iox/team/x:1',
      'quay.iox/team/x:1',
      false,
    ],
    [
      { type: 'remapIdentity', prefix: 'a.example', signedPrefix: 'b.example' },
      'a.example:5000/x:1',
      'b.example:5000/x:1',
      false,
    ],
    [
      { type: 'remapIdentity', prefix: 'mirror.example', signedPrefix: 'acme' },
      'mirror.example/x:1',
      'docker.io/acme/x:1',
      false,
    ],
    [
      { type: 'remapIdentity', prefix: 'mirror.example', signedPrefix: 'docker.io' },
      'mirror.example/x:1',
      'docker.io/library/x:1',
      false,
    ],
    [{ type: 'remapIdentity', prefix: 'a.example/x', signedPrefix: 'UPPER' }, 'a.example/x:1', 'a.example/x:1', false],
    [exact, 'quay.io/a:v1', 'not a reference', false],
  ])('%j: image %s, signature %s: %s', (identity, asked, signed, fits) => {
    expect(identityFits(identity, parseReference(asked), signed)).toBe(fits);
  });
});

describe('policies', () => {
  const read = (value: unknown) => readPolicy(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
  const reject = [{ type: 'reject' }];
  const signed = { type: 'signedBy', keyType: 'GPGKeys', keyPath: '/k' };
  const inDocker = (requirement: unknown) => ({ default: reject, transports: { docker: { '': [requirement] } } });

  test.each<[string, unknown]>([
    ['no JSON', '{'],
    ['no default', { transports: {} }],
    ['an empty list', { default: [] }],
    ['a default that is no list', { default: { type: 'reject' } }],
    ['a scope that is no list', { default: reject, transports: { docker: { x: { length: 1 } } } }],
    ['an empty list of a scope', { default: reject, transports: { docker: { x: [] } } }],
    ['an unknown key', { default: reject, foo: 1 }],
    ['an unknown key of a requirement', inDocker({ type: 'reject', foo: 1 })],
    ['an unknown type', inDocker({ type: 'accept' })],
    ['no type', inDocker({})],
    ['a requirement that is no object', inDocker('reject')],
    ['a transport that is no object', { default: reject, transports: { docker: [] } }],
    ['another kind of key', inDocker({ ...signed, keyType: 'X509' })],
    ['no key', inDocker({ type: 'signedBy', keyType: 'GPGKeys' })],
    ['two keys', inDocker({ ...signed, keyData: 'x' })],
    ['an empty path', inDocker({ ...signed, keyPath: '' })],
    ['a list for a path', inDocker({ ...signed, keyPath: ['x'] })],
    ['a text for paths', inDocker({ type: 'signedBy', keyType: 'GPGKeys', keyPaths: 'x' })],
    ['keyless signing', inDocker({ type: 'sigstoreSigned', fulcio: {} })],
    ['an unknown identity', inDocker({ ...signed, signedIdentity: { type: 'any' } })],
    [
      'an identity with a member of another',
      inDocker({ ...signed, signedIdentity: { type: 'matchExact', prefix: 'x' } }),
    ],
    ['an identity without its member', inDocker({ ...signed, signedIdentity: { type: 'exactReference' } })],
    ['an identity that is no object', inDocker({ ...signed, signedIdentity: 'matchExact' })],
    ['an identity of null', inDocker({ ...signed, signedIdentity: null })],
    ['transports of null', { default: reject, transports: null }],
    ['a key twice', '{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}'],
    [
      'a scope twice',
      '{"default":[{"type":"reject"}],"transports":{"docker":{"x":[{"type":"reject"}],"x":[{"type":"insecureAcceptAnything"}]}}}',
    ],
    ...(
      [
        ['a reference without a tag', { type: 'exactReference', dockerReference: 'quay.io/b' }],
        ['a reference that is none', { type: 'exactReference', dockerReference: 'quay.io/B:v1' }],
        ['a repository that is none', { type: 'exactRepository', dockerRepository: 'quay.io//b' }],
        ['a prefix that is none', { type: 'remapIdentity', prefix: 'quay.io/B', signedPrefix: 'docker.io' }],
        ['a prefix with a tag', { type: 'remapIdentity', prefix: 'quay.io/a:v1', signedPrefix: 'docker.io' }],
        ['a prefix with a slash at its end', { type: 'remapIdentity', prefix: 'quay.io/', signedPrefix: 'docker.io' }],
      ] as const
    ).map(
      ([name, signedIdentity]) =>
        [`an identity of ${name}`, inDocker({ ...signed, signedIdentity })] as [string, unknown],
    ),
  ])('with %s are refused', (_, policy) => {
    expect(() => read(policy)).toThrow(expect.objectContaining({ code: 'signature.policy.form' }));
  });

  test('without a default are told so', () => {
    expect(() => read({ transports: {} })).toThrow('`default` is missing');
  });

  test('the most specific scope decides', () => {
    const scopes = [
      'a.b.example:8443/x/y:1',
      'a.b.example:8443/x/y',
      'a.b.example:8443/x',
      'a.b.example:8443',
      '*.b.example',
      '*.example',
      '',
    ];
    const asked = parseReference('a.b.example:8443/x/y:1');
    for (const [index, scope] of scopes.entries()) {
      const docker = Object.fromEntries(scopes.slice(index).map((one) => [one, reject]));
      expect(lookUpScope(read({ default: reject, transports: { docker } }), asked).scope).toBe(scope);
    }
    expect(lookUpScope(read({ default: reject }), asked)).toEqual({ scope: 'default', requirements: reject });
    const wildcard = read({ default: reject, transports: { docker: { '*.b.example': reject } } });
    expect(lookUpScope(wildcard, parseReference('b.example/x')).scope).toBe('default');
  });

  test.each([
    { type: 'exactReference', dockerReference: 'alpine:3' },
    { type: 'exactReference', dockerReference: `quay.io/b@${digest}` },
    { type: 'exactRepository', dockerRepository: 'alpine' },
    { type: 'remapIdentity', prefix: 'docker.io', signedPrefix: 'docker.io/library' },
    { type: 'remapIdentity', prefix: 'a.example:5000/x', signedPrefix: 'localhost/y' },
  ])('may have an identity of %j', (signedIdentity) => {
    expect(read(inDocker({ ...signed, signedIdentity }))).toBeDefined();
  });

  test('keys and identities are kept', () => {
    const policy = read(
      inDocker({
        type: 'sigstoreSigned',
        keyPaths: ['kbs:///a/b/c', '/x'],
        signedIdentity: { type: 'matchRepository' },
      }),
    );
    expect(lookUpScope(policy, image.reference).requirements).toEqual([
      {
        type: 'sigstoreSigned',
        signer: { kind: 'keys', keys: { paths: ['kbs:///a/b/c', '/x'], data: [] } },
        identity: { type: 'matchRepository' },
      },
    ]);
  });
});

describe('places of signatures', () => {
  const file = (name: string, text: string) => ({ name, text });
  test('are merged; the same again is no contradiction', () => {
    const a = 'docker:\n  quay.io/acme:\n    lookaside: file:///a\ndefault-docker:\n  sigstore: https://d\n';
    const config = readLookaside([file('a', a), file('b', a), file('c', '')]);
    expect(lookasideBase(config, parseReference('quay.io/acme/x'))).toBe('file:///a');
    expect(lookasideBase(config, parseReference('quay.io/other'))).toBe('https://d');
  });

  test('without a URL say nothing', () => {
    const said = file('1', 'docker:\n  quay.io:\n    lookaside: file:///a\n');
    const silent = file('2', 'docker:\n  quay.io: {}\n  other.example:\n    sigstore: null\n');
    for (const files of [
      [said, silent],
      [silent, said],
    ]) {
      expect([...readLookaside(files).docker]).toEqual([['quay.io', 'file:///a']]);
    }
    const none = readLookaside([silent, file('3', 'default-docker: {}\n')]);
    expect(lookasideBase(none, parseReference('quay.io/x'))).toBeUndefined();
  });

  test.each([
    ['two defaults', 'default-docker:\n  sigstore: file:///a\n', 'default-docker:\n  sigstore: file:///b\n'],
    ['a default, and none', 'default-docker:\n  sigstore: file:///a\n', 'default-docker: {}\n'],
    ['one namespace twice', 'docker:\n  x:\n    sigstore: file:///a\n', 'docker:\n  x:\n    sigstore: file:///b\n'],
    ['no mapping', '- a\n', ''],
    ['an unknown key', 'dokcer: {}\n', ''],
    ['no URL', 'docker:\n  x:\n    sigstore: /a\n', ''],
    ['a key twice', 'docker: {}\ndocker: {}\n', ''],
    ['an alias', 'docker: &a {}\ndefault-docker: *a\n', ''],
    ['no YAML', '{', ''],
    ['more than a mebibyte', `# ${'x'.repeat(1024 * 1024)}\n`, ''],
  ])('with %s are refused', (_, first, second) => {
    expect(() => readLookaside([file('1.yaml', first), file('2.yaml', second)])).toThrow(
      expect.objectContaining({ code: 'signature.policy.form' }),
    );
  });
});

describe('cosign', () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const type = 'cosign container image signature';
  const key = readCosignKey(pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'k');

  const layerOf = (payload: Buffer, by = pair.privateKey): Descriptor => ({
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    digest: sha256Digest(payload),
    size: payload.length,
    annotations: { 'dev.cosignproject.cosign/signature': sign('sha256', payload, by).toString('base64') },
  });

  async function judge(
    parts: readonly (readonly [Buffer, Descriptor])[],
    identity: SignedIdentity | undefined = exact,
  ) {
    const config = { mediaType: MEDIA_TYPE.config, digest, size: 1 };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: parts.map(([, layer]) => layer) }));
    const manifest = readManifest(bytes);
    if (manifest.kind !== 'manifest') throw new Error('an index');
    const payload = async (layer: Descriptor) => parts[manifest.layers.indexOf(layer)]?.[0] ?? Buffer.alloc(0);
    return verifyCosign({ manifest, payload, trust: byKey(key), image, identity });
  }
  const good = payloadOf(type);
  const part = (payload: Buffer, layer = layerOf(payload)): readonly [Buffer, Descriptor] => [payload, layer];

  test('one signature that fits is enough, whatever stands beside it', async () => {
    const others = [
      part(payloadOf(type, { digest: `sha256:${'2'.repeat(64)}` })),
      part(good, layerOf(good, stranger.privateKey)),
      part(good, { ...layerOf(good), annotations: {} }),
      part(good, { ...layerOf(good), annotations: { 'dev.cosignproject.cosign/signature': '!' } }),
    ];
    await expect(judge([...others, part(good)])).resolves.toMatchObject({ signatures: 5 });
  });

  const changed = (change: object): Buffer => {
    const payload = JSON.parse(payloadOf(type).toString());
    return Buffer.from(JSON.stringify({ ...payload, critical: { ...payload.critical, ...change } }));
  };

  test('a signature that cannot be fetched does no harm beside a good one, and is told where there is none', async () => {
    const lost = payloadOf(type, { reference: 'x/lost:1' });
    const config = { mediaType: MEDIA_TYPE.config, digest, size: 1 };
    const verifyAll = (...layers: readonly Descriptor[]) => {
      const manifest = readManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers })));
      if (manifest.kind !== 'manifest') throw new Error('an index');
      const payload = async (layer: Descriptor): Promise<Uint8Array> => {
        if (layer.digest === sha256Digest(good)) return good;
        throw assayError('image.content.present', { params: { where: 'w', what: layer.digest, reason: 'not found' } });
      };
      return verifyCosign({ manifest, payload, trust: byKey(key), image, identity: exact });
    };
    expect(await verifyAll(layerOf(lost), layerOf(good))).toMatchObject({ signatures: 2 });
    await expect(verifyAll(layerOf(lost))).rejects.toMatchObject({ code: 'image.content.present' });
  });

  test.each<[string, () => readonly (readonly [Buffer, Descriptor])[], string]>([
    [
      'another manifest',
      () => [part(payloadOf(type, { digest: `sha256:${'2'.repeat(64)}` }))],
      'signature.digest.match',
    ],
    ['another name', () => [part(payloadOf(type, { reference: 'quay.io/acme/other:v1' }))], 'signature.identity.match'],
    ['another type', () => [part(payloadOf('atomic container signature'))], 'signature.object.form'],
    ['another key', () => [part(good, layerOf(good, stranger.privateKey))], 'signature.key.match'],
    [
      'a payload that is not what was signed',
      () => [part(payloadOf(type, { reference: 'x/y:1' }), layerOf(good))],
      'image.manifest.digest',
    ],
    ['no payload', () => [part(Buffer.from('{}'))], 'signature.object.form'],
    [
      'a payload without a digest',
      () => [part(Buffer.from(JSON.stringify({ critical: { type } })))],
      'signature.object.form',
    ],
    ['no JSON', () => [part(Buffer.from('{'))], 'signature.object.form'],
    [
      'a digest that is no text',
      () => [part(changed({ image: { 'docker-manifest-digest': 1 } }))],
      'signature.object.form',
    ],
    [
      'a digest of MD5',
      () => [part(changed({ image: { 'docker-manifest-digest': 'md5:00' } }))],
      'signature.object.form',
    ],
    [
      'a reference that is no text',
      () => [part(changed({ identity: { 'docker-reference': 1 } }))],
      'signature.object.form',
    ],
    ['no signature', () => [part(good, { ...layerOf(good), mediaType: 'text/plain' })], 'signature.object.form'],
    ['something more that is critical', () => [part(changed({ until: '2026-01-01' }))], 'signature.object.form'],
    [
      'something more of the image',
      () => [part(changed({ image: { 'docker-manifest-digest': digest, platform: 'arm64' } }))],
      'signature.object.form',
    ],
    [
      'something more of the name',
      () => [part(changed({ identity: { 'docker-reference': 'quay.io/acme/app:v1', 'not-for': 'production' } }))],
      'signature.object.form',
    ],
    [
      'something beside what is critical and what is optional',
      () => [part(Buffer.from(JSON.stringify({ ...JSON.parse(good.toString()), revoked: true })))],
      'signature.object.form',
    ],
    [
      'a digest twice',
      () => [
        part(
          Buffer.from(
            good
              .toString()
              .replace('"docker-manifest-digest":', `"docker-manifest-digest":"${digest}","docker-manifest-digest":`),
          ),
        ),
      ],
      'signature.object.form',
    ],
  ])('a signature of %s is refused', async (_, parts, code) => {
    await expect(judge(parts())).rejects.toMatchObject({ code });
  });

  test.each([{ creator: 'x', timestamp: 1 }, null, undefined])('what is optional may be %j', async (optional) => {
    const payload = Buffer.from(JSON.stringify({ ...JSON.parse(good.toString()), optional }));
    await expect(judge([part(payload)])).resolves.toBeDefined();
  });

  test('without an identity names are not compared', async () => {
    const renamed = payloadOf(type, { reference: 'x/y:1' });
    await expect(judge([part(renamed)])).rejects.toMatchObject({ code: 'signature.identity.match' });
    const config = { mediaType: MEDIA_TYPE.config, digest, size: 1 };
    const manifest = readManifest(
      Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: [layerOf(renamed)] })),
    );
    if (manifest.kind !== 'manifest') throw new Error('an index');
    await expect(
      verifyCosign({ manifest, payload: async () => renamed, trust: byKey(key), image, identity: undefined }),
    ).resolves.toBeDefined();
  });

  test('keys are PEM, or base64 of PEM', () => {
    const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    expect(readCosignKey(Buffer.from(pem).toString('base64'), 'k').equals(key)).toBe(true);
    for (const text of ['', 'x', Buffer.from('x').toString('base64'), '-----BEGIN PUBLIC KEY-----']) {
      expect(() => readCosignKey(text, 'k')).toThrow('no public key in PEM');
    }
    // Whatever stands around it.
    expect(readCosignKey(`cosign.pub of acme\n${pem}\n`, 'k').equals(key)).toBe(true);
  });

  const spki = (one: KeyObject): string => one.export({ type: 'spki', format: 'pem' }).toString();

  test('keys are those that cosign signs with', () => {
    for (const one of [
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      generateKeyPairSync('ec', { namedCurve: 'P-521' }),
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
      generateKeyPairSync('ed25519'),
    ]) {
      expect(readCosignKey(spki(one.publicKey), 'k').equals(one.publicKey)).toBe(true);
    }
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    expect(readCosignKey(rsa.export({ type: 'pkcs1', format: 'pem' }).toString(), 'k').equals(rsa)).toBe(true);
  });

  test.each<[string, () => string, string]>([
    ['a private key', () => pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'is a PRIVATE KEY'],
    ['a certificate', () => pemOf(authority('acme').der), 'is a CERTIFICATE'],
    ['two keys', () => spki(pair.publicKey) + spki(stranger.publicKey), 'has 2 blocks'],
    ['a weak RSA key', () => spki(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey), 'RSA of 1024 bits'],
    [
      'a curve that cosign has not',
      () => spki(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey),
      'EC on secp256k1',
    ],
    ['a key that signs nothing', () => spki(generateKeyPairSync('x25519').publicKey), 'x25519'],
    [
      'a key of DSA',
      () => spki(generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 }).publicKey),
      'dsa',
    ],
  ])('%s is no key of a policy', (_, text, words) => {
    expect(() => readCosignKey(text(), 'k')).toThrow(
      expect.objectContaining({ code: 'signature.policy.form', title: expect.stringContaining(words) }),
    );
  });
});

const vectors = vectorsArea('signature');

test.skipIf(vectors === undefined)(
  'a signature over SHA-1, of the days when tools still made them, is taken by wish alone',
  async () => {
    const bytes = (name: string): Uint8Array => readFileSync(join(vectors ?? '', 'gc', name));
    const keyring = await readKeyring(bytes('pubring.gpg'), 'pubring.gpg');
    const old = {
      reference: parseReference('quay.io/ali_os_security/alpine:latest'),
      manifestDigest: 'sha256:69704ef328d05a9f806b6b8502915e6a0a4faa4d72018dc42343f511490daf8a',
    };
    const now = new Date('2026-11-21T22:00:00Z');
    const judge = (options: object) =>
      verifySimpleSignature(bytes('signature-1'), keyring, old, exact, { now, ...options });
    await expect(judge({})).rejects.toMatchObject({ code: 'signature.hash.accepted' });
    expect(await judge({ allowSha1: true })).toMatchObject({ hash: 'SHA-1' });
  },
);

describe('simple signing', () => {
  const type = 'atomic container signature';
  const made = new Date('2026-01-01T00:00:00Z');
  const now = new Date('2026-06-01T00:00:00Z');
  let signer: { privateKey: PrivateKey; publicKey: PublicKey };
  let stranger: { privateKey: PrivateKey; publicKey: PublicKey };

  const keyPair = (name: string) =>
    generateKey({
      userIDs: [{ name }],
      type: 'ecc',
      curve: 'ed25519Legacy',
      date: made,
      keyExpirationTime: 365 * 86_400,
      format: 'object',
    } as never) as unknown as Promise<typeof signer>;
  beforeAll(async () => {
    [signer, stranger] = await Promise.all([keyPair('signer'), keyPair('stranger')]);
  });

  const signedBy = async (
    key: PrivateKey,
    payload = payloadOf(type),
    date = new Date('2026-05-01T00:00:00Z'),
  ): Promise<Uint8Array> =>
    (await signMessage({
      message: await createMessage({ binary: new Uint8Array(payload) }),
      signingKeys: key,
      date,
      format: 'binary',
    })) as Uint8Array;

  const judge = async (signature: Uint8Array, options: object = {}, keys: readonly PublicKey[] = [signer.publicKey]) =>
    verifySimpleSignature(signature, keys, image, exact, { now, ...options });

  test('a good one passes, from a binary and an armoured keyring', async () => {
    const signature = await signedBy(signer.privateKey);
    for (const bytes of [signer.publicKey.write(), Buffer.from(signer.publicKey.armor())]) {
      const keys = await readKeyring(new Uint8Array(bytes), 'ring');
      expect(await judge(signature, {}, keys)).toMatchObject({
        keyExpired: false,
        payload: { dockerReference: 'quay.io/acme/app:v1' },
      });
    }
    await expect(readKeyring(Buffer.from('x'), 'ring')).rejects.toMatchObject({ code: 'signature.policy.form' });
  });

  test('another signer, another manifest, another name, another type', async () => {
    await expect(judge(await signedBy(stranger.privateKey))).rejects.toMatchObject({ code: 'signature.key.match' });
    for (const [payload, code] of [
      [payloadOf(type, { digest: `sha256:${'2'.repeat(64)}` }), 'signature.digest.match'],
      [payloadOf(type, { reference: 'x/y:1' }), 'signature.identity.match'],
      [payloadOf('cosign container image signature'), 'signature.object.form'],
    ] as const) {
      await expect(judge(await signedBy(signer.privateKey, payload))).rejects.toMatchObject({ code });
    }
  });

  test('a changed message does not verify', async () => {
    const signature = await signedBy(signer.privateKey);
    const at = Buffer.from(signature).indexOf('acme');
    const changed = Uint8Array.from(signature);
    changed[at] = 'x'.charCodeAt(0);
    await expect(judge(changed)).rejects.toMatchObject({ code: 'signature.key.match' });
  });

  test('keys that expired, were revoked, or sign in the future', async () => {
    const signature = await signedBy(signer.privateKey);
    const later = new Date('2028-01-01T00:00:00Z');
    await expect(judge(signature, { now: later })).rejects.toMatchObject({ code: 'signature.key.time' });
    await expect(judge(signature, { now: later, allowExpiredKey: true })).resolves.toMatchObject({ keyExpired: true });
    await expect(judge(signature, { now: new Date('2026-04-01T00:00:00Z') })).rejects.toThrow('later than now');
    const { publicKey: revoked } = await revokeKey({
      key: signer.privateKey,
      date: new Date('2026-05-15T00:00:00Z'),
      format: 'object',
    });
    await expect(judge(signature, {}, [revoked as PublicKey])).rejects.toMatchObject({ code: 'signature.key.time' });
  });

  test('what is no signed message is refused, whatever it is', async () => {
    const message = await createMessage({ binary: new Uint8Array(payloadOf(type)) });
    await expect(judge(message.write() as Uint8Array)).rejects.toMatchObject({ code: 'signature.object.form' });
    await expect(judge(new Uint8Array(70_000))).rejects.toMatchObject({
      code: 'signature.object.form',
      title: expect.stringContaining('70000 bytes'),
    });
    const seed = await signedBy(signer.privateKey);
    const changed = fc
      .array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 })
      .map((edits) => {
        const bytes = Uint8Array.from(seed);
        for (const [at, value] of edits) bytes[at] = value;
        return bytes;
      });
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, fc.uint8Array({ maxLength: 300 })), async (bytes) => {
        const outcome = await judge(bytes).then(
          ({ payloadBytes }) => Buffer.from(payloadBytes).toString(),
          (error: { code?: string }) => error.code ?? String(error),
        );
        expect([
          payloadOf(type).toString(),
          'signature.object.form',
          'signature.key.match',
          'signature.key.time',
          'signature.hash.accepted',
        ]).toContain(outcome);
      }),
      { numRuns: fuzzRuns(150) },
    );
  });
});
