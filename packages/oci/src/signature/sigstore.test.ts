/** Policies that ask for certificates and logs, and signatures of both forms beside an image. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { Readable } from 'node:stream';
import { concatBytes, encodeBase64, encodeHex, encodeUtf8 } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import {
  type Descriptor,
  type JudgeOptions,
  judgeSignatures,
  MEDIA_TYPE,
  parseReference,
  readPolicy,
  sha256Digest,
} from '../index.js';
import {
  authority,
  checkpointOf,
  hashedRekord,
  ISSUER,
  keyPem,
  NOW,
  pemOf,
  promiseOf,
  rekor,
  SIGNED_AT,
  signerOf,
  treeOf,
} from '../sigstore/world.test.helper.js';

const digest = sha256Digest(Buffer.from('manifest'));
const asked = 'quay.io/acme/app:v1';
const root = authority('root');
const fulcio = authority('fulcio', root);
const log = rekor();
const alice = signerOf(fulcio);
const seconds = SIGNED_AT.getTime() / 1000;
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const byAlice = {
  type: 'sigstoreSigned',
  fulcio: { caData: base64(pemOf(root.der)), oidcIssuer: ISSUER, subjectEmail: 'alice@example.com' },
  rekorPublicKeyData: base64(keyPem(log.publicKey)),
};

const refused = (code: string, words = ''): object => ({ code, title: expect.stringContaining(words) });

const policyOf = (requirement: unknown) =>
  readPolicy(Buffer.from(JSON.stringify({ default: [requirement], transports: {} })));

const judge = (requirement: unknown, source: JudgeOptions['source'], change: Partial<JudgeOptions> = {}) =>
  judgeSignatures({
    policy: policyOf(requirement),
    reference: parseReference(asked),
    manifestDigest: digest,
    source,
    readKey: () => Promise.reject(new Error('no key is named')),
    lookaside: () => '/nonexistent',
    now: NOW,
    ...change,
  });

interface Signature {
  readonly key: KeyObject;
  /** DER of the signer's certificate; absent: signed by key. */
  readonly der?: Uint8Array;
  readonly publicPem: string;
  readonly annotations?: Readonly<Record<string, string | undefined>>;
}

const payload = Buffer.from(
  JSON.stringify({
    critical: {
      type: 'cosign container image signature',
      image: { 'docker-manifest-digest': digest },
      identity: { 'docker-reference': asked },
    },
  }),
);

/** As cosign has it until its release 2: one layer for each signature, and annotations. */
function beside(...signatures: readonly Signature[]): JudgeOptions['source'] {
  const layers = signatures.map(({ key, der, publicPem, annotations }) => {
    const signature = sign('sha256', payload, key);
    const body = hashedRekord(payload, signature, publicPem);
    const bundle = {
      SignedEntryTimestamp: encodeBase64(promiseOf(log, body, seconds, 7)),
      Payload: { body: encodeBase64(body), integratedTime: seconds, logIndex: 7, logID: log.id },
    };
    const all = {
      'dev.cosignproject.cosign/signature': signature.toString('base64'),
      'dev.sigstore.cosign/bundle': JSON.stringify(bundle),
      ...(der === undefined ? {} : { 'dev.sigstore.cosign/certificate': pemOf(der) }),
      'dev.sigstore.cosign/chain': pemOf(fulcio.der) + pemOf(root.der),
      ...annotations,
    };
    return {
      mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
      digest: sha256Digest(payload),
      size: payload.length,
      annotations: Object.fromEntries(Object.entries(all).filter(([, text]) => text !== undefined)),
    };
  });
  const config = { mediaType: MEDIA_TYPE.config, digest, size: 8 };
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers }));
  return {
    name: 'test',
    manifest: () => Promise.reject(new Error('the manifest is not asked for')),
    blob: async () => Readable.from([payload]),
    tagged: async () => ({ bytes, mediaType: MEDIA_TYPE.manifest }),
  };
}

const ofAlice: Signature = { key: alice.key, der: alice.der, publicPem: pemOf(alice.der) };
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const byKey: Signature = { key: pair.privateKey, publicPem: keyPem(pair.publicKey) };
const wantsKey = { type: 'sigstoreSigned', keyData: base64(keyPem(pair.publicKey)) };
const wantsLog = { ...wantsKey, rekorPublicKeyDatas: [base64(keyPem(rekor().publicKey)), byAlice.rekorPublicKeyData] };

describe('a signature beside the image', () => {
  test('by a certificate is told with its signer, and when it was made', async () => {
    expect(await judge(byAlice, beside(ofAlice))).toEqual({
      scope: 'default',
      requirements: [
        { type: 'sigstoreSigned', signer: 'alice@example.com', issuer: ISSUER, logged: SIGNED_AT.toISOString() },
      ],
    });
  });

  test('by a key needs a log only where the policy names one', async () => {
    const annotations = { 'dev.sigstore.cosign/bundle': undefined, 'dev.sigstore.cosign/chain': 'not looked at' };
    expect((await judge(wantsKey, beside({ ...byKey, annotations }))).requirements).toEqual([
      { type: 'sigstoreSigned' },
    ]);
    await expect(judge(wantsLog, beside({ ...byKey, annotations }))).rejects.toMatchObject(
      refused('signature.log.present', 'entry of a transparency log'),
    );
    expect((await judge(wantsLog, beside(byKey))).requirements).toEqual([
      { type: 'sigstoreSigned', logged: SIGNED_AT.toISOString() },
    ]);
  });

  test('keys of logs and authorities are fetched where the policy names a place', async () => {
    const places = new Map([
      ['kbs:///default/rekor/key', keyPem(log.publicKey)],
      ['/etc/fulcio.pem', pemOf(root.der)],
    ]);
    const readKey = async (path: string) => Buffer.from(places.get(path) ?? 'nothing');
    const { caData: _, ...fulcioOf } = byAlice.fulcio;
    const { rekorPublicKeyData: __, ...rest } = byAlice;
    const requirement = {
      ...rest,
      fulcio: { ...fulcioOf, caPath: '/etc/fulcio.pem' },
      rekorPublicKeyPath: 'kbs:///default/rekor/key',
    };
    expect(await judge(requirement, beside(ofAlice), { readKey })).toMatchObject({ scope: 'default' });
    places.delete('/etc/fulcio.pem');
    await expect(judge(requirement, beside(ofAlice), { readKey })).rejects.toMatchObject(
      refused('signature.policy.form', 'no certificates in PEM'),
    );
    places.set('/etc/fulcio.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    await expect(judge(requirement, beside(ofAlice), { readKey })).rejects.toMatchObject(
      refused('signature.policy.form', 'no certificates in PEM'),
    );
  });

  const bundleOf = async (change: (bundle: { Payload: Record<string, unknown> }) => unknown): Promise<Signature> => {
    const stored = await beside(ofAlice).tagged?.('');
    const [layer] = JSON.parse(Buffer.from(stored?.bytes ?? []).toString('utf8')).layers;
    const bundle = JSON.parse(layer.annotations['dev.sigstore.cosign/bundle']);
    return { ...ofAlice, annotations: { 'dev.sigstore.cosign/bundle': JSON.stringify(change(bundle)) } };
  };

  test('with a changed log entry is refused, and one that is malformed too', async () => {
    const later = await bundleOf((bundle) => ({
      ...bundle,
      Payload: { ...bundle.Payload, integratedTime: seconds + 60 },
    }));
    await expect(judge(byAlice, beside(later))).rejects.toMatchObject(refused('signature.log.promise'));
    for (const change of [
      () => 'no object',
      (bundle: object) => ({ ...bundle, Payload: undefined }),
      (bundle: object) => ({ ...bundle, SignedEntryTimestamp: '?' }),
      (bundle: { Payload: object }) => ({ ...bundle, Payload: { ...bundle.Payload, logIndex: -1 } }),
    ]) {
      await expect(judge(byAlice, beside(await bundleOf(change)))).rejects.toMatchObject(
        refused('signature.bundle.form'),
      );
    }
  });

  test.each<[string, Readonly<Record<string, string | undefined>>, string]>([
    ['no certificate', { 'dev.sigstore.cosign/certificate': undefined }, 'signature.key.match'],
    ['a certificate that is no PEM', { 'dev.sigstore.cosign/certificate': 'x' }, 'signature.bundle.form'],
    ['no intermediate', { 'dev.sigstore.cosign/chain': undefined }, 'signature.certificate.chain'],
    ['an empty chain', { 'dev.sigstore.cosign/chain': '' }, 'signature.certificate.chain'],
    ['a chain that is no PEM', { 'dev.sigstore.cosign/chain': 'x' }, 'signature.bundle.form'],
    ['no log entry', { 'dev.sigstore.cosign/bundle': undefined }, 'signature.log.present'],
    ['no signature', { 'dev.cosignproject.cosign/signature': undefined }, 'signature.key.match'],
    ['a signature that is no base64', { 'dev.cosignproject.cosign/signature': '?' }, 'signature.key.match'],
  ])('%s is refused', async (_, annotations, code) => {
    await expect(judge(byAlice, beside({ ...ofAlice, annotations }))).rejects.toMatchObject(refused(code));
  });

  test('of somebody else beside it does no harm, and the fault of one’s own is what is told', async () => {
    expect(await judge(byAlice, beside(byKey, ofAlice))).toMatchObject({ scope: 'default' });
    const other = { ...ofAlice, annotations: { 'dev.sigstore.cosign/chain': '' } };
    await expect(judge(byAlice, beside(byKey, other))).rejects.toMatchObject(refused('signature.certificate.chain'));
    await expect(judge(byAlice, beside(byKey))).rejects.toMatchObject(
      refused('signature.key.match', 'a certificate of its signer'),
    );
  });

  test('without any is told as malformed', async () => {
    await expect(judge(byAlice, beside())).rejects.toMatchObject(refused('signature.object.form', 'holds none'));
  });
});

interface BundleMaking {
  readonly statement?: object;
  readonly payloadType?: string;
  readonly mediaType?: string;
  readonly layers?: number;
  readonly key?: boolean;
  /** In place of a statement. */
  readonly message?: boolean;
}

const statement = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ digest: { sha256: digest.slice('sha256:'.length) } }],
  predicateType: 'https://sigstore.dev/cosign/sign/v1',
  predicate: {},
};

/** As cosign has it since its release 3: a bundle in a manifest that refers to the image. */
function referring(...makings: readonly BundleMaking[]): JudgeOptions['source'] {
  const blobs = new Map<string, Uint8Array>();
  const put = (mediaType: string, bytes: Uint8Array): Descriptor => {
    blobs.set(sha256Digest(bytes), bytes);
    return { mediaType, digest: sha256Digest(bytes), size: bytes.length };
  };
  const referrers = makings.map((making) => {
    const { payloadType = 'application/vnd.in-toto+json', mediaType = BUNDLE, layers = 1, key = false } = making;
    const content = encodeUtf8(JSON.stringify({ ...statement, ...making.statement }));
    const pae = concatBytes(encodeUtf8(`DSSEv1 ${payloadType.length} ${payloadType} ${content.length} `), content);
    const signature = sign('sha256', pae, key ? pair.privateKey : alice.key);
    const publicPem = key ? keyPem(pair.publicKey) : pemOf(alice.der);
    const payloadHash = encodeHex(createHash('sha256').update(content).digest());
    const body = encodeUtf8(
      JSON.stringify({
        apiVersion: '0.0.1',
        kind: 'dsse',
        spec: {
          payloadHash: { algorithm: 'sha256', value: payloadHash },
          signatures: [{ signature: encodeBase64(signature), verifier: base64(publicPem) }],
        },
      }),
    );
    const { root: top, hashes } = treeOf([encodeUtf8('other'), body], 1);
    const certificates = [alice.der, fulcio.der].map((der) => ({ rawBytes: encodeBase64(der) }));
    const bundle = {
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: {
        ...(key ? { publicKey: { hint: '' } } : { x509CertificateChain: { certificates } }),
        tlogEntries: [
          {
            logIndex: '7',
            logId: { keyId: encodeBase64(Buffer.from(log.id, 'hex')) },
            integratedTime: `${seconds}`,
            inclusionPromise: { signedEntryTimestamp: encodeBase64(promiseOf(log, body, seconds, 7)) },
            inclusionProof: {
              logIndex: '1',
              treeSize: '2',
              rootHash: encodeBase64(top),
              hashes: hashes.map(encodeBase64),
              checkpoint: { envelope: checkpointOf(log, 2, top) },
            },
            canonicalizedBody: encodeBase64(body),
          },
        ],
      },
      ...(making.message === true
        ? { messageSignature: { signature: encodeBase64(signature) } }
        : {
            dsseEnvelope: {
              payloadType,
              payload: encodeBase64(content),
              signatures: [{ sig: encodeBase64(signature) }],
            },
          }),
    };
    const layer = put(mediaType, encodeUtf8(JSON.stringify(bundle)));
    const config = put('application/vnd.oci.empty.v1+json', encodeUtf8('{}'));
    const document = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config, layers: Array(layers).fill(layer) };
    return put(MEDIA_TYPE.manifest, encodeUtf8(JSON.stringify(document)));
  });
  const bytesOf = ({ digest: name }: { readonly digest: string }): Uint8Array => blobs.get(name) ?? new Uint8Array(0);
  return {
    name: 'test',
    manifest: async (descriptor) => ({ bytes: bytesOf(descriptor as Descriptor), mediaType: MEDIA_TYPE.manifest }),
    blob: async (descriptor) => Readable.from([bytesOf(descriptor)]),
    tagged: async () => undefined,
    referrers: async (of, artifactType) => (of === digest && artifactType === BUNDLE ? referrers : []),
  };
}

describe('a bundle that refers to the image', () => {
  const nameless = { ...byAlice, signedIdentity: { type: 'matchDigest' } };

  test('is accepted, by certificate and by key', async () => {
    expect((await judge(nameless, referring({}))).requirements).toEqual([
      { type: 'sigstoreSigned', signer: 'alice@example.com', issuer: ISSUER, logged: SIGNED_AT.toISOString() },
    ]);
    const identity = { signedIdentity: { type: 'matchDigest' } };
    expect((await judge({ ...wantsKey, ...identity }, referring({ key: true }))).requirements).toEqual([
      { type: 'sigstoreSigned' },
    ]);
    expect((await judge({ ...wantsLog, ...identity }, referring({ key: true }))).requirements).toHaveLength(1);
  });

  test('holds no name: it is enough only where the policy asks for none, or where somebody wrote one', async () => {
    await expect(judge(byAlice, referring({}))).rejects.toMatchObject(refused('signature.identity.match', 'no name'));
    const named = (name: unknown) => referring({ statement: { subject: [{ ...statement.subject[0], name }] } });
    expect(await judge(byAlice, named(asked))).toMatchObject({ scope: 'default' });
    await expect(judge(byAlice, named('quay.io/other/app:v1'))).rejects.toMatchObject(
      refused('signature.identity.match', 'quay.io/other/app:v1'),
    );
    await expect(judge(byAlice, named(1))).rejects.toMatchObject(refused('signature.identity.match', 'no name'));
  });

  test.each<[string, BundleMaking, string, string]>([
    ['another image', { statement: { subject: [{ digest: { sha256: 'ab' } }] } }, 'signature.digest.match', 'ab'],
    ['no image', { statement: { subject: [] } }, 'signature.digest.match', 'nothing'],
    [
      'its provenance',
      { statement: { predicateType: 'https://slsa.dev/provenance/v1' } },
      'signature.bundle.form',
      'is not of',
    ],
    ['nothing known', { statement: { _type: 'x' } }, 'signature.bundle.form', 'is not of'],
    ['subjects without digest', { statement: { subject: [{}] } }, 'signature.bundle.form', 'digest of a subject'],
    ['in no statement', { payloadType: 'text/plain' }, 'signature.bundle.form', 'no in-toto statement'],
    ['in a message', { message: true }, 'signature.bundle.form', 'no in-toto statement'],
    ['in another kind of blob', { mediaType: 'text/plain' }, 'signature.bundle.form', 'not exactly one'],
    ['twice', { layers: 2 }, 'signature.bundle.form', 'not exactly one'],
    ['nowhere', { layers: 0 }, 'signature.bundle.form', 'not exactly one'],
    ['by somebody else', { key: true }, 'signature.key.match', ''],
  ])('about %s is refused', async (_, making, code, words) => {
    await expect(judge(nameless, referring(making))).rejects.toMatchObject(refused(code, words));
    // One that is good beside it is enough.
    expect(await judge(nameless, referring(making, {}))).toMatchObject({ scope: 'default' });
  });

  test('is looked for where a signature under the tag is no good; without any, that one’s fault is told', async () => {
    const bad = beside({ ...ofAlice, annotations: { 'dev.sigstore.cosign/bundle': undefined } });
    const good = referring({});
    const source: JudgeOptions['source'] = {
      ...good,
      tagged: async (tag) => bad.tagged?.(tag),
      blob: (one) => (one.digest === sha256Digest(payload) ? bad.blob(one) : good.blob(one)),
    };
    expect(await judge(nameless, source)).toMatchObject({ scope: 'default' });
    await expect(judge(nameless, { ...source, referrers: async () => [] })).rejects.toMatchObject(
      refused('signature.log.present'),
    );
    const { referrers: _, ...withoutList } = source;
    await expect(judge(nameless, withoutList)).rejects.toMatchObject(refused('signature.log.present'));
    await expect(judge(nameless, { ...referring(), tagged: async () => undefined })).rejects.toMatchObject(
      refused('signature.object.present'),
    );
  });

  test('that cannot be fetched fails, and is not taken for none', async () => {
    const source = { ...referring({}), blob: () => Promise.reject(new Error('the registry is out')) };
    await expect(judge(nameless, source)).rejects.toThrow('the registry is out');
  });
});

describe('policies', () => {
  const { rekorPublicKeyData: _, ...withoutLog } = byAlice;
  const { subjectEmail: __, ...nobody } = byAlice.fulcio;
  const { caData: ___, ...withoutAuthority } = byAlice.fulcio;

  test('may name a workflow, and several keys', () => {
    const fulcioOf = { ...nobody, subjectURI: 'https://ci.example/x' };
    const [requirement] = policyOf({ ...byAlice, fulcio: fulcioOf }).default;
    expect(requirement).toMatchObject({
      signer: { kind: 'fulcio', identity: { issuer: ISSUER, subject: { kind: 'uri', value: 'https://ci.example/x' } } },
      logs: { paths: [], data: [byAlice.rekorPublicKeyData] },
    });
    expect(policyOf(wantsLog).default[0]).toMatchObject({
      signer: { kind: 'keys' },
      logs: { data: [{}, {}].map(() => expect.any(String)) },
    });
  });

  test.each<[string, object, string]>([
    ['fulcio without a log', withoutLog, 'wants the key of a log'],
    ['fulcio and a key', { ...byAlice, keyPath: '/k' }, 'exactly one of a key and fulcio'],
    ['neither', { type: 'sigstoreSigned', rekorPublicKeyPath: '/k' }, 'exactly one of keyPath'],
    ['pki', { type: 'sigstoreSigned', pki: {} }, 'is not served'],
    ['two places of a log', { ...byAlice, rekorPublicKeyPath: '/k' }, 'exactly one of rekorPublicKeyPath'],
    ['fulcio that is no object', { ...byAlice, fulcio: [] }, 'is no object'],
    ['no authority', { ...byAlice, fulcio: withoutAuthority }, 'exactly one of caPath'],
    ['two authorities', { ...byAlice, fulcio: { ...byAlice.fulcio, caPath: '/k' } }, 'exactly one of caPath'],
    ['no issuer', { ...byAlice, fulcio: { ...byAlice.fulcio, oidcIssuer: '' } }, 'oidcIssuer is missing'],
    ['no subject', { ...byAlice, fulcio: nobody }, 'exactly one of subjectEmail'],
    ['an empty subject', { ...byAlice, fulcio: { ...nobody, subjectEmail: '' } }, 'exactly one of subjectEmail'],
    ['two subjects', { ...byAlice, fulcio: { ...byAlice.fulcio, subjectURI: 'x' } }, 'exactly one of subjectEmail'],
    ['an unknown member', { ...byAlice, fulcio: { ...byAlice.fulcio, subject: 'x' } }, 'unknown key'],
    ['plural paths of an authority', { ...byAlice, fulcio: { ...withoutAuthority, caPaths: ['/k'] } }, 'unknown key'],
  ])('with %s are refused', (_name, requirement, words) => {
    expect(() => policyOf(requirement)).toThrow(expect.objectContaining(refused('signature.policy.form', words)));
  });
});
