import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { derOid, derSequence, encodeBase64, encodeHex, encodeUtf8 } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readBundle } from './bundle.js';
import { readSignerCertificate } from './certificate.js';
import { readCheckpoint } from './checkpoint.js';
import { checkEntryBody, type Signed } from './entry-body.js';
import type { LogEntry } from './log-entry.js';
import { readLogKey } from './log-key.js';
import { checkInclusion } from './merkle.js';
import { type FoundSignature, type SignatureTrust, verifyFound } from './verify.js';
import {
  ALICE,
  type Authority,
  authority,
  type CertificateOptions,
  certificate,
  checkpointOf,
  extension,
  hashedRekord,
  ISSUER,
  keyPem,
  type Log,
  NOW,
  pemOf,
  promiseOf,
  rekor,
  SIGNED_AT,
  signerOf,
  treeOf,
} from './world.test.helper.js';

const root = authority('root');
const fulcio = authority('fulcio', root);
const log = rekor();
const content = encodeUtf8('what is signed');
const seconds = SIGNED_AT.getTime() / 1000;

const refused = (code: string, words = ''): unknown =>
  expect.objectContaining({ code, title: expect.stringContaining(words) });

const trust = (change: Partial<SignatureTrust> = {}): SignatureTrust => ({
  signer: { kind: 'fulcio', authorities: [readSignerCertificate(root.der)], identity: ALICE },
  logs: [readLogKey(keyPem(log.publicKey), 'log')],
  now: NOW,
  ...change,
});

interface Making {
  readonly certificate?: Partial<CertificateOptions>;
  readonly issuer?: Authority;
  readonly log?: Log;
  readonly time?: number;
  /** Changes the entry after the log has signed it. */
  readonly entry?: (entry: LogEntry) => LogEntry;
  readonly body?: (body: Uint8Array) => Uint8Array;
  readonly proof?: boolean;
}

/** A signature by a certificate, with its log entry. */
function make({ issuer = fulcio, log: by = log, time = seconds, ...making }: Making = {}): FoundSignature {
  const signer = signerOf(issuer, making.certificate);
  const signature = sign('sha256', content, signer.key);
  const recorded = hashedRekord(content, signature, pemOf(signer.der));
  const body = making.body?.(recorded) ?? recorded;
  const entry = loggedEntry(by, body, time, making.proof === true);
  return {
    content,
    signature,
    certificate: signer.der,
    intermediates: [fulcio.der],
    entries: [making.entry?.(entry) ?? entry],
    proofNeeded: making.proof === true,
  };
}

function loggedEntry(by: Log, body: Uint8Array, time: number, proof: boolean): LogEntry {
  const entry = { body, logId: by.id, logIndex: 1007, integratedTime: time, promise: promiseOf(by, body, time, 1007) };
  if (!proof) return entry;
  const leaves = [encodeUtf8('a'), encodeUtf8('b'), body, encodeUtf8('d'), encodeUtf8('e')];
  const tree = treeOf(leaves, 2);
  const checkpoint = checkpointOf(by, 5, tree.root);
  return { ...entry, proof: { index: 2, size: 5, hashes: tree.hashes, root: tree.root, checkpoint } };
}

describe('a signature by a certificate', () => {
  test('is that of its signer, at the time that the log says', () => {
    const told = { subject: 'alice@example.com', issuer: ISSUER, time: SIGNED_AT, logIndex: 1007 };
    expect(verifyFound(make(), trust())).toEqual(told);
    expect(verifyFound(make({ proof: true }), trust())).toEqual(told);
    // Straight from the root; with an intermediate as the authority; with the older statement of its issuer.
    expect(verifyFound(make({ issuer: root }), trust())).toEqual(told);
    const byFulcio = { kind: 'fulcio', authorities: [readSignerCertificate(fulcio.der)], identity: ALICE } as const;
    expect(verifyFound(make(), trust({ signer: byFulcio }))).toEqual(told);
    const older = { vouchedBare: ISSUER };
    expect(verifyFound(make({ certificate: older }), trust())).toEqual(told);
    const { vouched: _, ...bare } = { vouched: '', vouchedBare: ISSUER };
    const onlyOlder = make({ certificate: { ...bare, vouched: undefined } as unknown as Partial<CertificateOptions> });
    expect(verifyFound(onlyOlder, trust())).toEqual(told);
  });

  test('of a workflow is that of its URI', () => {
    const uri = 'https://ci.example/team/app/.github/workflows/release.yml@refs/heads/main';
    const identity = { issuer: ISSUER, subject: { kind: 'uri', value: uri } } as const;
    const signer = { ...trust().signer, identity } as SignatureTrust['signer'];
    expect(verifyFound(make({ certificate: { uri } }), trust({ signer }))).toMatchObject({
      subject: `alice@example.com, ${uri}`,
    });
    // A mail address that is spelled as the URI is no URI.
    expect(() => verifyFound(make({ certificate: { mail: uri } }), trust({ signer }))).toThrow(
      refused('signature.signer.subject'),
    );
  });

  const stranger = authority('root');
  const past = new Date('2026-02-01T00:00:00Z');
  test.each<[string, Making, string, string]>([
    ['of somebody else', { certificate: { mail: 'bob@example.com' } }, 'signature.signer.subject', 'bob@example.com'],
    ['of nobody', { certificate: { mail: undefined } as never }, 'signature.signer.subject', 'nobody'],
    ['vouched for by another', { certificate: { vouched: 'https://x' } }, 'signature.signer.issuer', 'https://x'],
    ['of two vouchers', { certificate: { vouchedBare: 'https://x' } }, 'signature.signer.issuer', 'nobody'],
    ['vouched for by nobody', { certificate: { vouched: undefined } as never }, 'signature.signer.issuer', 'nobody'],
    ['of another authority', { issuer: authority('other') }, 'signature.certificate.chain', 'leads to none'],
    ['of an authority of the same name', { issuer: stranger }, 'signature.certificate.chain', 'is not signed by'],
    ['that nobody signed', { certificate: { signer: stranger.key } }, 'signature.certificate.chain', 'is not signed'],
    ['used too late', { time: seconds + 600 }, 'signature.certificate.time', 'is good from'],
    ['used too early', { time: seconds - 600 }, 'signature.certificate.time', 'is good from'],
    ['of a CA', { certificate: { ca: true, keyUsage: 0x80 } }, 'signature.certificate.usage', 'is a CA'],
    ['for TLS', { certificate: { usages: ['1.3.6.1.5.5.7.3.1'] } }, 'signature.certificate.usage', 'signing code'],
    ['for anything', { certificate: { usages: undefined } }, 'signature.certificate.usage', 'signing code'],
    ['whose key is not for signing', { certificate: { keyUsage: 0x20 } }, 'signature.certificate.usage', 'key usage'],
    ['whose key is for nothing', { certificate: { keyUsage: undefined } }, 'signature.certificate.usage', 'key usage'],
    [
      'with a critical extension that is not known',
      { certificate: { extensions: [extension('1.2.3.4', derSequence(), true)] } },
      'signature.certificate.usage',
      '1.2.3.4',
    ],
    [
      'with names that cannot be read',
      { certificate: { mail: undefined, extensions: [extension('2.5.29.17', encodeUtf8('x'))] } as never },
      'signature.bundle.form',
      'an extension',
    ],
    [
      'with a voucher that is no text',
      { certificate: { vouched: undefined, extensions: [extension('1.3.6.1.4.1.57264.1.8', derOid('1.2'))] } as never },
      'signature.bundle.form',
      'an extension',
    ],
  ])('%s is refused', (_, making, code, words) => {
    expect(() => verifyFound(make(making), trust())).toThrow(refused(code, words));
  });

  test.each<[string, Authority, string]>([
    ['has ended', authority('fulcio', root, { to: past }), 'signature.certificate.time'],
    ['is none', authority('fulcio', root, { ca: false, keyUsage: 0x06 }), 'signature.certificate.chain'],
    ['may not sign certificates', authority('fulcio', root, { keyUsage: 0x80 }), 'signature.certificate.chain'],
    ['is for TLS alone', authority('fulcio', root, { usages: ['1.3.6.1.5.5.7.3.1'] }), 'signature.certificate.usage'],
  ])('of an intermediate authority that %s is refused', (_, issuer, code) => {
    const found = { ...make({ issuer }), intermediates: [issuer.der] };
    expect(() => verifyFound(found, trust())).toThrow(refused(code));
  });

  test('without its intermediate, and with a root that it brings itself, is refused', () => {
    expect(() => verifyFound({ ...make(), intermediates: [] }, trust())).toThrow(
      refused('signature.certificate.chain'),
    );
    const own = authority('own');
    const found = { ...make({ issuer: own }), intermediates: [own.der] };
    expect(() => verifyFound(found, trust())).toThrow(refused('signature.certificate.chain'));
    // Two that issue each other lead nowhere, and not for ever.
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const loop = (subject: string, issuer: string): Uint8Array =>
      certificate({ subject, issuer: { name: issuer, key: privateKey, der: own.der }, publicKey, ca: true });
    const [a, b] = [loop('a', 'b'), loop('b', 'a')];
    const inLoop = { ...make({ issuer: { name: 'a', key: privateKey, der: a } }), intermediates: [a, b] };
    expect(() => verifyFound(inLoop, trust())).toThrow(refused('signature.certificate.chain'));
  });

  test('without a certificate, with another signature, or over something else is refused', () => {
    const { certificate: _, ...without } = make();
    expect(() => verifyFound(without, trust())).toThrow(refused('signature.key.match', 'without one'));
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const signature = sign('sha256', content, other.privateKey);
    const made = make({ body: () => hashedRekord(content, signature, pemOf(make().certificate ?? content)) });
    const entry = (found: FoundSignature): FoundSignature => {
      const body = hashedRekord(content, signature, pemOf(found.certificate ?? content));
      return { ...found, signature, entries: [loggedEntry(log, body, seconds, false)] };
    };
    expect(() => verifyFound(entry(made), trust())).toThrow(refused('signature.key.match', 'of another key'));
    expect(() => verifyFound({ ...make(), content: encodeUtf8('else') }, trust())).toThrow(
      refused('signature.log.body', 'another content'),
    );
    expect(() => verifyFound({ ...make(), certificate: encodeUtf8('no DER') }, trust())).toThrow(
      refused('signature.log.body', 'another signer'),
    );
  });

  test('whose certificate cannot be read is refused, though a log took it', () => {
    const signature = Uint8Array.of(1);
    const der = encodeUtf8('no DER');
    const body = hashedRekord(content, signature, pemOf(der));
    const found = { ...make(), signature, certificate: der, entries: [loggedEntry(log, body, seconds, false)] };
    expect(() => verifyFound(found, trust())).toThrow(refused('signature.bundle.form', 'a certificate cannot be read'));
  });
});

describe('a log entry', () => {
  const flip = (bytes: Uint8Array): Uint8Array =>
    Uint8Array.from(bytes, (byte, index) => (index === 9 ? byte ^ 1 : byte));
  const proofOf = (entry: LogEntry) => {
    if (entry.proof === undefined) throw new Error('no proof');
    return entry.proof;
  };
  const withProof = (change: Partial<ReturnType<typeof proofOf>>) => (entry: LogEntry) => ({
    ...entry,
    proof: { ...proofOf(entry), ...change },
  });
  const otherTree = treeOf([encodeUtf8('x')], 0).root;

  test.each<[string, Making, string, string]>([
    ['of another log', { log: rekor() }, 'signature.log.key', ''],
    ['with another time', { entry: (e) => ({ ...e, integratedTime: seconds + 1 }) }, 'signature.log.promise', ''],
    ['with another index', { entry: (e) => ({ ...e, logIndex: 8 }) }, 'signature.log.promise', ''],
    [
      'with a changed promise',
      { entry: (e) => ({ ...e, promise: flip(e.promise ?? content) }) },
      'signature.log.promise',
      '',
    ],
    ['with a changed body', { entry: (e) => ({ ...e, body: flip(e.body) }) }, 'signature.log.promise', ''],
    ['without a promise', { entry: ({ promise: _, ...e }) => e }, 'signature.log.present', 'promise'],
    ['without a time', { entry: ({ integratedTime: _, ...e }) => e }, 'signature.log.present', 'promise'],
    [
      'without the proof that its form wants',
      { proof: true, entry: ({ proof: _, ...e }) => e },
      'signature.log.present',
      'proof',
    ],
    [
      'that is proven and has no time',
      { proof: true, entry: ({ promise: _, ...e }) => e },
      'signature.log.time',
      'no log',
    ],
    ['to come', { time: NOW.getTime() / 1000 + 3600 }, 'signature.log.time', 'later than now'],
    [
      'at another place of its tree',
      { proof: true, entry: withProof({ index: 3 }) },
      'signature.log.proof',
      'does not lead',
    ],
    ['beyond its tree', { proof: true, entry: withProof({ index: 5 }) }, 'signature.log.proof', 'is not in a tree'],
    [
      'with a hash less',
      { proof: true, entry: (e) => withProof({ hashes: proofOf(e).hashes.slice(1) })(e) },
      'signature.log.proof',
      'fewer',
    ],
    [
      'with a hash more',
      { proof: true, entry: (e) => withProof({ hashes: [...proofOf(e).hashes, otherTree] })(e) },
      'signature.log.proof',
      'more',
    ],
    [
      'with another root',
      { proof: true, entry: withProof({ root: otherTree }) },
      'signature.log.checkpoint',
      'another tree',
    ],
    ['with another size', { proof: true, entry: withProof({ size: 6 }) }, 'signature.log.checkpoint', 'another tree'],
    [
      'whose checkpoint is nobody’s',
      { proof: true, entry: withProof({ checkpoint: 'x' }) },
      'signature.log.checkpoint',
      'no signed note',
    ],
    [
      'whose checkpoint another log of that name signed',
      {
        proof: true,
        entry: (e) => withProof({ checkpoint: checkpointOf({ ...rekor(), id: log.id }, 5, proofOf(e).root) })(e),
      },
      'signature.log.checkpoint',
      'does not verify',
    ],
    [
      'whose checkpoint is signed under another name',
      { proof: true, entry: (e) => withProof({ checkpoint: checkpointOf(log, 5, proofOf(e).root, 'elsewhere') })(e) },
      'signature.log.checkpoint',
      'no signature of elsewhere',
    ],
    [
      'whose checkpoint has another key id',
      {
        proof: true,
        entry: (e) => withProof({ checkpoint: checkpointOf({ ...log, id: '00000000' }, 5, proofOf(e).root) })(e),
      },
      'signature.log.checkpoint',
      'no signature of',
    ],
  ])('%s is refused', (_, making, code, words) => {
    expect(() => verifyFound(make(making), trust())).toThrow(refused(code, words));
  });

  test('of Rekor 2, with Ed25519 and no promise, is enough for a key', () => {
    const by = rekor('ed25519');
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const signature = sign('sha256', content, privateKey);
    const body = hashedRekord(content, signature, keyPem(publicKey));
    const { integratedTime: _, promise: __, ...entry } = loggedEntry(by, body, seconds, true);
    const found: FoundSignature = { content, signature, intermediates: [], entries: [entry], proofNeeded: true };
    const signer = { kind: 'keys', keys: [generateKeyPairSync('ed25519').publicKey, publicKey] } as const;
    const logs = [readLogKey(keyPem(by.publicKey), 'log')];
    expect(verifyFound(found, trust({ signer, logs }))).toEqual({ logIndex: 1007 });
    expect(verifyFound({ ...found, entries: [] }, trust({ signer, logs: [] }))).toEqual({});
    expect(() => verifyFound({ ...found, entries: [] }, trust({ signer, logs }))).toThrow(
      refused('signature.log.present', 'entry of a transparency log'),
    );
    const another = { kind: 'keys', keys: [generateKeyPairSync('ed25519').publicKey] } as const;
    expect(() => verifyFound(found, trust({ signer: another, logs }))).toThrow(refused('signature.key.match'));
    // One that another log vouches for does no harm beside it.
    const beside = { ...entry, logId: '00' };
    expect(verifyFound({ ...found, entries: [beside, entry] }, trust({ signer, logs }))).toEqual({ logIndex: 1007 });
  });

  test('of an EC key has no id of a note', () => {
    const spki = log.publicKey.export({ type: 'spki', format: 'der' });
    const id = createHash('sha256').update(`${log.name}\n\x01`).update(spki.subarray(-32)).digest('hex');
    expect(() => verifyFound(make({ log: { ...log, id }, proof: true }), trust())).toThrow(
      refused('signature.log.key'),
    );
  });

  test('is asked for also where a policy of certificates names no log', () => {
    expect(() => verifyFound(make(), trust({ logs: [] }))).toThrow(refused('signature.bundle.form', 'no key of a log'));
  });
});

describe('proofs', () => {
  test('lead from every leaf of every tree to its root, and from no other leaf', () => {
    const leaves = Array.from({ length: 20 }, (_, index) => Uint8Array.of(index));
    for (let size = 1; size <= leaves.length; size += 1) {
      for (let index = 0; index < size; index += 1) {
        const { root: top, hashes } = treeOf(leaves.slice(0, size), index);
        checkInclusion(Uint8Array.of(index), { index, size, hashes }, top);
        expect(() => checkInclusion(Uint8Array.of(99), { index, size, hashes }, top)).toThrow('does not lead');
        for (const other of leaves.keys()) {
          if (other === index || other >= size) continue;
          expect(() => checkInclusion(Uint8Array.of(index), { index: other, size, hashes }, top)).toThrow();
        }
      }
    }
  });

  test('of trees beyond 2^32 leaves are followed', () => {
    const hashes = Array.from({ length: 40 }, (_, index) => Uint8Array.of(index));
    expect(() =>
      checkInclusion(Uint8Array.of(1), { index: 2 ** 39 + 1, size: 2 ** 40, hashes }, new Uint8Array(32)),
    ).toThrow('does not lead');
  });
});

describe('checkpoints', () => {
  const good = checkpointOf(log, 5, new Uint8Array(32));
  test('are read with the signatures of witnesses, and extensions', () => {
    expect(readCheckpoint(`${good}\u2014 witness AAAAAAA=\n`).signatures).toHaveLength(2);
    expect(readCheckpoint(good.replace('\n\n', '\nextension\n\n'))).toMatchObject({
      size: 5,
      origin: 'rekor.example - 7',
    });
  });

  test.each([
    ['', 'no signed note'],
    [good.trimEnd(), 'no signed note'],
    [good.replace('\n\n', '\n'), 'no signed note'],
    [`${good}${'x'.repeat(70_000)}\n`, 'no signed note'],
    [good.replace('rekor.example - 7', ''), 'names no log'],
    [good.replace('\n5\n', '\n05\n'), 'no size'],
    [good.replace('\n5\n', '\n-5\n'), 'no size'],
    [good.replace('\n5\n', '\n9007199254740993\n'), 'no size'],
    [good.replace(encodeBase64(new Uint8Array(32)), 'AAAA'), 'no root'],
    [good.replace(encodeBase64(new Uint8Array(32)), '?'), 'no root'],
    [good.replace('\u2014', '-'), 'is no signature'],
    [`${good}\u2014 x AAAA\n`, 'is no signature'],
    [`${good}\u2014 x A\n`, 'is no signature'],
    [`${good}${`\u2014 w AAAAAAA=\n`.repeat(32)}`, 'more than 32'],
  ])('%# is refused', (text, words) => {
    expect(() => readCheckpoint(text)).toThrow(refused('signature.log.checkpoint', words));
  });
});

describe('what an entry says', () => {
  const signature = Uint8Array.of(1, 2, 3);
  const payload = encodeUtf8('payload');
  const der = Uint8Array.of(4, 5, 6);
  const signed: Signed = { signature, content, payload, signer: [Uint8Array.of(9), der] };
  const b64 = encodeBase64;
  const hex = (bytes: Uint8Array): string => encodeHex(new Uint8Array(sha256(bytes)));
  const pem = b64(encodeUtf8(pemOf(der)));
  const verifier = { keyDetails: 'PKIX_ECDSA_P256_SHA_256', x509Certificate: { rawBytes: b64(der) } };
  const entry = (kind: string, apiVersion: string, spec: unknown): Uint8Array =>
    encodeUtf8(JSON.stringify({ kind, apiVersion, spec }));
  const rekord1 = (change: object = {}) => ({
    data: { hash: { algorithm: 'sha256', value: hex(content) } },
    signature: { content: b64(signature), publicKey: { content: pem } },
    ...change,
  });
  const rekord2 = (change: object = {}) => ({
    hashedRekordV002: {
      data: { algorithm: 'SHA2_256', digest: b64(sha256(content)) },
      signature: { content: b64(signature), verifier },
      ...change,
    },
  });
  const dsse1 = (change: object = {}) => ({
    payloadHash: { algorithm: 'sha256', value: hex(payload) },
    signatures: [{ signature: b64(signature), verifier: pem }],
    ...change,
  });
  const dsse2 = (change: object = {}) => ({
    dsseV002: {
      payloadHash: { algorithm: 'SHA2_256', digest: b64(sha256(payload)) },
      signatures: [{ content: b64(signature), verifier: { publicKey: { rawBytes: b64(der) } } }],
      ...change,
    },
  });
  const intoto = (change: object = {}) => ({
    content: {
      payloadHash: { algorithm: 'sha256', value: hex(payload) },
      envelope: { signatures: [{ sig: b64(encodeUtf8(b64(signature))), publicKey: pem }] },
      ...change,
    },
  });

  test.each([
    ['hashedrekord', '0.0.1', rekord1()],
    ['hashedrekord', '0.0.2', rekord2()],
    ['dsse', '0.0.1', dsse1()],
    ['dsse', '0.0.2', dsse2()],
    ['intoto', '0.0.2', intoto()],
  ])('%s %s is about the signature', (kind, version, spec) => {
    checkEntryBody(entry(kind, version, spec), signed);
    for (const change of [
      { signature: Uint8Array.of(7) },
      { signer: [Uint8Array.of(9)] },
      kind === 'hashedrekord' ? { content: payload } : { payload: content },
    ]) {
      expect(() => checkEntryBody(entry(kind, version, spec), { ...signed, ...change })).toThrow(
        refused('signature.log.body', 'it is about another'),
      );
    }
  });

  const otherAlgorithm = { hash: { algorithm: 'sha512', value: hex(content) } };
  const two = [{ signature: b64(signature), verifier: pem }, {}];
  test.each<[string, Uint8Array, string]>([
    ['kind rpm', entry('rpm', '0.0.1', {}), 'are not read'],
    ['a version to come', entry('hashedrekord', '0.0.3', rekord1()), 'are not read'],
    ['another hash', entry('hashedrekord', '0.0.1', rekord1({ data: otherAlgorithm })), 'another content'],
    [
      'another hash of version 2',
      entry('hashedrekord', '0.0.2', rekord2({ data: { algorithm: 'SHA2_512', digest: b64(sha256(content)) } })),
      'another content',
    ],
    ['two signatures', entry('dsse', '0.0.1', dsse1({ signatures: two })), '2 signatures'],
    ['no signature', entry('dsse', '0.0.2', dsse2({ signatures: [] })), 'signatures; 1'],
    [
      'a signer in no PEM',
      entry('dsse', '0.0.1', dsse1({ signatures: [{ signature: b64(signature), verifier: b64(der) }] })),
      'no one key',
    ],
    [
      'a signer that is no text',
      entry(
        'dsse',
        '0.0.1',
        dsse1({ signatures: [{ signature: b64(signature), verifier: b64(Uint8Array.of(0xff)) }] }),
      ),
      'no UTF-8',
    ],
    [
      'two signers',
      entry(
        'dsse',
        '0.0.1',
        dsse1({ signatures: [{ signature: b64(signature), verifier: b64(encodeUtf8(pemOf(der) + pemOf(der))) }] }),
      ),
      'no one key',
    ],
  ])('%s is refused', (_, body, words) => {
    expect(() => checkEntryBody(body, signed)).toThrow(refused('signature.log.body', words));
  });

  test('about an envelope is not about a message', () => {
    const { payload: _, ...message } = signed;
    for (const [kind, version, spec] of [
      ['dsse', '0.0.1', dsse1()],
      ['dsse', '0.0.2', dsse2()],
      ['intoto', '0.0.2', intoto()],
    ] as const) {
      expect(() => checkEntryBody(entry(kind, version, spec), message)).toThrow(
        refused('signature.log.body', 'a message'),
      );
    }
  });

  test.each<[string, Uint8Array]>([
    ['no JSON', encodeUtf8('{')],
    ['a list', encodeUtf8('[]')],
    ['no kind', encodeUtf8('{}')],
    ['no spec', encodeUtf8('{"kind":"dsse","apiVersion":"0.0.1"}')],
    ['no hash', entry('hashedrekord', '0.0.1', { data: {} })],
    ['a signature that is no base64', entry('hashedrekord', '0.0.1', rekord1({ signature: { content: '?' } }))],
    ['signatures that are no list', entry('dsse', '0.0.1', dsse1({ signatures: {} }))],
  ])('%s is malformed', (_, body) => {
    expect(() => checkEntryBody(body, signed)).toThrow(refused('signature.bundle.form'));
  });
});

describe('keys of logs', () => {
  test('are read in PEM, and in base64 of it', () => {
    const pem = keyPem(log.publicKey);
    expect(readLogKey(pem, 'f').id).toBe(log.id);
    expect(readLogKey(Buffer.from(pem).toString('base64'), 'f').id).toBe(log.id);
  });

  test.each([
    ['nothing', ''],
    ['no base64', '?'],
    ['a private key', log.key.export({ type: 'pkcs8', format: 'pem' }) as string],
    ['an RSA key', keyPem(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)],
    ['a broken key', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
    ['no UTF-8', Buffer.of(0xff, 0xff).toString('base64')],
  ])('%s is refused', (_, text) => {
    expect(() => readLogKey(text, 'f')).toThrow(refused('signature.policy.form'));
  });
});

describe('bundles', () => {
  const signer = signerOf(fulcio);
  const tree = treeOf([content], 0);
  const entry = {
    logIndex: '7',
    logId: { keyId: encodeBase64(Buffer.from(log.id, 'hex')) },
    kindVersion: { kind: 'hashedrekord', version: '0.0.1' },
    integratedTime: `${seconds}`,
    inclusionPromise: { signedEntryTimestamp: 'AAAA' },
    inclusionProof: {
      logIndex: '0',
      rootHash: encodeBase64(tree.root),
      treeSize: '1',
      hashes: [],
      checkpoint: { envelope: 'x' },
    },
    canonicalizedBody: encodeBase64(content),
  };
  const rawBytes = encodeBase64(signer.der);
  const material = { certificate: { rawBytes }, tlogEntries: [entry] };
  const message = { signature: 'AAAA', messageDigest: { algorithm: 'SHA2_256', digest: 'AAAA' } };
  const good = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: material,
    messageSignature: message,
  };
  const read = (value: unknown) => readBundle(encodeUtf8(JSON.stringify(value)));
  const inMaterial = (change: object): unknown => ({ ...good, verificationMaterial: { ...material, ...change } });
  const inEntry = (change: object): unknown => inMaterial({ tlogEntries: [{ ...entry, ...change }] });
  const { certificate: _, ...unsigned } = material;

  test('are read in their versions', () => {
    expect(read(good)).toMatchObject({ proofNeeded: true, content: { kind: 'message' }, intermediates: [] });
    expect(read({ ...good, mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1' }).proofNeeded).toBe(
      false,
    );
    const chain = { certificates: [{ rawBytes }, { rawBytes: encodeBase64(fulcio.der) }] };
    expect(read({ ...good, verificationMaterial: { ...unsigned, x509CertificateChain: chain } }).intermediates).toEqual(
      [new Uint8Array(fulcio.der)],
    );
    expect(read({ ...good, verificationMaterial: { publicKey: { hint: 'x' } } })).toMatchObject({ entries: [] });
    expect(read({ ...good, messageSignature: { signature: 'AAAA' } }).content).toEqual({
      kind: 'message',
      signature: Uint8Array.of(0, 0, 0),
    });
    // Numbers too, and a proof at the first place, which protobuf's JSON leaves out.
    const { logIndex: __, hashes: ___, ...first } = entry.inclusionProof;
    expect(read(inEntry({ logIndex: 7, inclusionProof: first })).entries).toMatchObject([
      { logIndex: 7, proof: { index: 0, hashes: [] } },
    ]);
  });

  const envelope = { payloadType: 't', payload: 'AAAA', signatures: [{ sig: 'AAAA' }] };
  const { messageSignature: __, ...bare } = good;
  test.each<[string, unknown]>([
    ['no object', []],
    ['another version', { ...good, mediaType: 'application/vnd.dev.sigstore.bundle.v0.4+json' }],
    ['no version', { ...good, mediaType: undefined }],
    ['an unknown member', { ...good, more: 1 }],
    ['no material', { ...good, verificationMaterial: undefined }],
    ['unknown material', inMaterial({ more: 1 })],
    ['no signer', { ...good, verificationMaterial: unsigned }],
    ['two signers', inMaterial({ publicKey: { hint: 'x' } })],
    ['an empty chain', { ...good, verificationMaterial: { ...unsigned, x509CertificateChain: { certificates: [] } } }],
    [
      'a chain with a root',
      {
        ...good,
        verificationMaterial: {
          ...unsigned,
          x509CertificateChain: { certificates: [{ rawBytes }, { rawBytes: encodeBase64(root.der) }] },
        },
      },
    ],
    ['a certificate that is no base64', inMaterial({ certificate: { rawBytes: '?' } })],
    ['nothing signed', bare],
    ['two things signed', { ...good, dsseEnvelope: envelope }],
    ['an envelope with two signatures', { ...bare, dsseEnvelope: { ...envelope, signatures: [{ sig: 'AAAA' }, {}] } }],
    ['an envelope without signature', { ...bare, dsseEnvelope: { ...envelope, signatures: [] } }],
    [
      'a digest of another kind',
      { ...good, messageSignature: { ...message, messageDigest: { algorithm: 'SHA2_512', digest: 'AAAA' } } },
    ],
    ['a negative index', inEntry({ logIndex: '-1' })],
    ['an index that is no integer', inEntry({ logIndex: 1.5 })],
    ['an index beyond all', inEntry({ logIndex: '99999999999999999999' })],
    ['a log without id', inEntry({ logId: {} })],
    ['a proof without checkpoint', inEntry({ inclusionProof: { ...entry.inclusionProof, checkpoint: undefined } })],
    ['too many entries', inMaterial({ tlogEntries: Array(33).fill(entry) })],
  ])('%s is refused', (_name, value) => {
    expect(() => read(value)).toThrow(refused('signature.bundle.form'));
  });

  test('fuzz: nothing makes the readers throw anything but findings', () => {
    const texts = fc.oneof(
      fc.json(),
      fc.string(),
      fc.constantFrom(JSON.stringify(good), JSON.stringify({ ...bare, dsseEnvelope: envelope })),
    );
    fc.assert(
      fc.property(texts, fc.nat(400), fc.string({ maxLength: 3 }), (text, at, put) => {
        const bytes = encodeUtf8(`${text.slice(0, at)}${put}${text.slice(at + put.length)}`);
        const signed: Signed = { signature: bytes, content: bytes, payload: bytes, signer: [] };
        for (const act of [() => readBundle(bytes), () => checkEntryBody(bytes, signed), () => readCheckpoint(text)]) {
          try {
            act();
          } catch (error) {
            expect((error as { code?: string }).code).toMatch(/^signature\.(bundle\.form|log\.body|log\.checkpoint)$/);
          }
        }
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
