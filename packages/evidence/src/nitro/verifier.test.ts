import { encodeBase64, encodeHex, type JsonValue } from '@assay/bytes';
import { assembleVerdict } from '@assay/bytes/findings';
import { encode } from 'cborg';
import { describe, expect, test } from 'vitest';
import type { VerifierResult, VerifyInput } from '../verifier.js';
import { DIGITAL_SIGNATURE, KEY_CERT_SIGN, testKey } from '../x509/testing/issue.js';
import {
  ANCHOR,
  after,
  certificates,
  type DocumentSpec,
  documentOf,
  KEYS,
  NOW,
  parts,
  pcrsWith,
  USER_DATA,
} from './document.test.helper.js';
import { verifyNitroFiles } from './files.js';
import { nitroTrustIn } from './roots.js';
import type { NitroRules } from './rules.js';
import { createNitroVerifier } from './verifier.js';

const evidenceOf = (document: Uint8Array): JsonValue => ({ document: encodeBase64(document) });

function run(document: Uint8Array, more: Partial<VerifyInput> = {}, rules: NitroRules = {}): VerifierResult {
  return createNitroVerifier({ roots: [ANCHOR], rules }).verify({
    evidence: evidenceOf(document),
    reportData: undefined,
    initData: undefined,
    now: NOW,
    ...more,
  });
}
const failures = (result: VerifierResult): string[] =>
  result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
const titles = (result: VerifierResult): string =>
  result.findings.flatMap(({ outcome, title }) => (outcome === 'fail' ? [title ?? ''] : [])).join('\n');

test('an ordinary document is accepted, and nothing is left open but what was not asked', () => {
  const result = run(documentOf());
  expect(failures(result)).toEqual([]);
  expect(result.accepted).toBe(true);
  expect(result.findings.filter(({ outcome }) => outcome === 'not-checked').map(({ id }) => id)).toEqual([
    'binding.report-data.match',
    'binding.init-data.match',
  ]);
  const ids = result.findings.filter(({ outcome }) => outcome === 'pass').map(({ id }) => id);
  expect(ids).toEqual([
    'evidence.json.form',
    'nitro.document.form',
    'nitro.document.algorithm',
    'nitro.chain.links',
    'nitro.chain.root',
    'nitro.chain.validity',
    'nitro.signature.valid',
    'nitro.enclave.debug',
    'evidence.hardware.backed',
  ]);
});

describe('evidence', () => {
  test.each<[string, JsonValue, string]>([
    ['a text', 'x', 'no object'],
    ['null', null, 'no object'],
    ['no document', {}, 'absent'],
    ['inherited', Object.create({ document: '' }) as JsonValue, 'absent'],
    ['a list', { document: [1, 2] }, 'no text'],
    ['hex with a colon', { document: '0x:1' }, 'not base64'],
    ['too long', { document: 'A'.repeat(60_000) }, 'characters long'],
  ])('%s is malformed', (_, evidence, said) => {
    const result = run(new Uint8Array(), { evidence });
    expect(failures(result)).toEqual(['evidence.json.form']);
    expect(titles(result)).toContain(said);
    expect(result.accepted).toBe(false);
  });

  test('unknown members are passed over', () => {
    expect(run(documentOf(), { evidence: { document: encodeBase64(documentOf()), more: 1 } }).accepted).toBe(true);
  });
});

describe('form', () => {
  const refusal = (document: Uint8Array): VerifierResult => {
    const result = run(document);
    expect(result.accepted).toBe(false);
    return result;
  };

  test.each<[string, DocumentSpec, string]>([
    ['module_id absent', { members: { module_id: undefined } }, '`module_id` is absent'],
    ['module_id empty', { members: { module_id: '' } }, '`module_id`'],
    ['module_id long', { members: { module_id: 'x'.repeat(257) } }, '`module_id`'],
    ['module_id as bytes', { members: { module_id: Uint8Array.of(1) } }, '`module_id` is 1 bytes'],
    ['digest absent', { members: { digest: undefined } }, '`digest` is absent'],
    ['digest as number', { members: { digest: 384 } }, '`digest` is 384'],
    ['timestamp absent', { members: { timestamp: undefined } }, '`timestamp` is absent'],
    ['timestamp zero', { members: { timestamp: 0 } }, '`timestamp` is 0'],
    ['timestamp negative', { members: { timestamp: -1 } }, '`timestamp` is -1'],
    ['timestamp as text', { members: { timestamp: '2026' } }, '`timestamp` is a text'],
    ['timestamp beyond all dates', { members: { timestamp: 8_640_000_000_000_001 } }, '`timestamp`'],
    ['pcrs absent', { members: { pcrs: undefined } }, '`pcrs` is absent'],
    ['pcrs as list', { members: { pcrs: [] } }, '`pcrs` is a list'],
    ['PCR 32', { pcrs: pcrsWith([[32, new Uint8Array(48)]]) }, '`pcrs` is 32'],
    ['PCR -1', { pcrs: pcrsWith([[-1, new Uint8Array(48)]]) }, '`pcrs` is -1'],
    ['a PCR with a name', { pcrs: pcrsWith([['3', new Uint8Array(48)]]) }, '`pcrs`'],
    ['PCR of 47 bytes', { pcrs: pcrsWith([[7, new Uint8Array(47)]]) }, '`PCR7` is 47 bytes'],
    ['PCR as text', { pcrs: pcrsWith([[7, 'x']]) }, '`PCR7`'],
    ['no PCR2', { pcrs: new Map([0, 1].map((index) => [index, new Uint8Array(48)])) }, '`PCR2` is absent'],
    ['certificate absent', { members: { certificate: undefined } }, '`certificate` is absent'],
    ['certificate empty', { members: { certificate: new Uint8Array() } }, '`certificate`'],
    ['certificate long', { members: { certificate: new Uint8Array(4097) } }, '`certificate`'],
    ['cabundle absent', { members: { cabundle: undefined } }, '`cabundle` is absent'],
    ['cabundle empty', { members: { cabundle: [] } }, '`cabundle` is a list of 0'],
    ['cabundle of nine', { members: { cabundle: Array(9).fill(Uint8Array.of(1)) } }, '`cabundle` is a list of 9'],
    ['cabundle with a text', { members: { cabundle: ['x'] } }, '`cabundle[0]`'],
    ['cabundle with nothing', { members: { cabundle: [new Uint8Array()] } }, '`cabundle[0]`'],
    ['public_key long', { members: { public_key: new Uint8Array(1025) } }, '`public_key`'],
    ['user_data as text', { members: { user_data: 'x' } }, '`user_data`'],
    ['user_data long', { members: { user_data: new Uint8Array(1025) } }, '`user_data`'],
    ['nonce long', { members: { nonce: new Uint8Array(513) } }, '`nonce`'],
    ['payload that is a list', { payload: encode([]) }, 'payload is a list of 0'],
    ['payload that is no CBOR', { payload: Uint8Array.of(0xff) }, 'document is CBOR'],
    ['payload with bytes behind it', { payload: Uint8Array.from([...encode(new Map()), 0]) }, 'document is CBOR'],
  ])('%s', (_, spec, said) => {
    const result = refusal(documentOf(spec));
    expect(new Set(failures(result))).toEqual(new Set(['nitro.document.form']));
    expect(titles(result)).toContain(said);
    expect(assembleVerdict({ kind: 'nitro', at: NOW, asked: false, findings: result.findings }).verdict).toBe('reject');
  });

  test('every member that is wrong is told at once', () => {
    const result = refusal(documentOf({ members: { module_id: 1, nonce: 2, timestamp: null } }));
    expect(failures(result)).toHaveLength(3);
    expect(result.findings.find(({ id }) => id === 'nitro.signature.valid')?.outcome).toBe('pass');
  });

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['one byte behind', Uint8Array.from([...documentOf(), 0])],
    ['cut', documentOf().subarray(0, 900)],
    ['base64 as text', new TextEncoder().encode(encodeBase64(documentOf()))],
    ['three parts', encode(parts().slice(0, 3))],
  ])('a message that is %s', (_, document) => {
    const result = refusal(document);
    expect(failures(result)).toEqual(['nitro.document.form']);
    for (const id of ['nitro.signature.valid', 'nitro.chain.links', 'nitro.chain.root', 'nitro.chain.validity'])
      expect(result.findings).toContainEqual(expect.objectContaining({ id, outcome: 'not-checked' }));
  });

  test('the largest sizes, and members that are absent or unknown', () => {
    const members = {
      module_id: 'x'.repeat(256),
      public_key: new Uint8Array(1024),
      user_data: new Uint8Array(1024),
      nonce: new Uint8Array(512),
      more: [1],
    };
    expect(failures(run(documentOf({ members })))).toEqual([]);
    expect(failures(run(documentOf({ members: { public_key: undefined, nonce: undefined } })))).toEqual([]);
    const pcrs = new Map([32, 48, 64].map((size, index) => [index, new Uint8Array(size).fill(1)]));
    expect(failures(run(documentOf({ pcrs })))).toEqual([]);
  });
});

describe('algorithm', () => {
  const header = (entries: readonly (readonly [number, unknown])[]): Uint8Array => encode(new Map(entries));
  test.each<[string, DocumentSpec, string[]]>([
    ['ES256 named, ES384 used', { header: header([[1, -7]]) }, ['nitro.document.algorithm', 'nitro.signature.valid']],
    ['no header', { header: new Uint8Array() }, ['nitro.document.algorithm', 'nitro.signature.valid']],
    [
      'another member',
      {
        header: header([
          [1, -35],
          [4, Uint8Array.of(1)],
        ]),
      },
      ['nitro.document.algorithm'],
    ],
    ['SHA-256', { hash: 'sha256' }, ['nitro.signature.valid']],
    ['digest SHA256', { members: { digest: 'SHA256' } }, ['nitro.document.algorithm']],
    ['digest in lower case', { members: { digest: 'sha384' } }, ['nitro.document.algorithm']],
  ])('%s', (_, spec, ids) => {
    const result = run(documentOf(spec));
    expect(failures(result)).toEqual(ids);
    expect(result.accepted).toBe(false);
  });
});

describe('signature', () => {
  test.each<[string, DocumentSpec]>([
    ['of another key', { key: testKey('P-384').privateKey }],
    ['of the authority', { key: KEYS.middle.privateKey }],
  ])('%s', (_, spec) => {
    const result = run(documentOf(spec));
    expect(failures(result)).toEqual(['nitro.signature.valid']);
    expect(titles(result)).toBe('document does not verify under leaf');
  });

  test('over another payload', () => {
    const mixed = parts();
    mixed[2] = parts({ members: { module_id: 'i-0-enc1' } })[2];
    expect(failures(run(encode(mixed)))).toEqual(['nitro.signature.valid']);
  });
});

describe('certificates', () => {
  const other = testKey('P-384');
  const p256 = testKey('P-256');
  test.each<[string, DocumentSpec, string]>([
    ['leaf signed by somebody else', { leaf: { signer: other } }, 'leaf is not signed by middle'],
    ['leaf of another issuer', { leaf: { issuer: 'root' } }, 'leaf names another issuer than middle'],
    ['leaf is a CA', { leaf: { ca: true } }, 'leaf is a CA'],
    ['leaf may not sign', { leaf: { keyUsage: KEY_CERT_SIGN } }, 'leaf may not sign'],
    ['authority signed by somebody else', { middle: { signer: other } }, 'middle is not signed by root'],
    ['authority is no CA', { middle: { ca: false } }, 'middle is not a CA'],
    ['authority may not certify', { middle: { keyUsage: DIGITAL_SIGNATURE } }, 'middle may not sign certificates'],
    ['root allows none below', { root: { pathLength: 0 } }, 'root allows 0 intermediate certificates'],
    ['leaf that is no certificate', { members: { certificate: Uint8Array.of(0x30, 0) } }, 'the leaf is not read'],
    [
      'authority that is no certificate',
      { members: { cabundle: [certificates()[1][0], Uint8Array.of(0x30, 0)] } },
      'certificate 2 of cabundle is not read',
    ],
    ['authorities in the other order', { members: { cabundle: certificates()[1].toReversed() } }, 'another issuer'],
  ])('%s', (_, spec, said) => {
    const result = run(documentOf(spec));
    expect(failures(result)).toContain('nitro.chain.links');
    expect(titles(result)).toContain(said);
    expect(result.accepted).toBe(false);
  });

  test('leaf on another curve, that verifies', () => {
    const result = run(documentOf({ leaf: { key: p256 }, key: p256.privateKey }));
    expect(failures(result)).toEqual(['nitro.chain.links', 'nitro.signature.valid']);
    expect(titles(result)).toContain('key of leaf is ec-p256');
  });

  test('a leaf without key usage may sign', () => {
    const [, cabundle] = certificates();
    const { keyUsage: _, ...rest } = { keyUsage: DIGITAL_SIGNATURE };
    const bare = certificates({ leaf: { ...rest, keyUsage: undefined as never } })[0];
    expect(failures(run(documentOf({ members: { certificate: bare, cabundle } })))).toEqual([]);
  });

  test('a root of the same name with another key', () => {
    const result = run(documentOf({ root: { key: other, signer: other }, middle: { signer: other } }));
    expect(failures(result)).toEqual(['nitro.chain.root']);
    expect(result.accepted).toBe(false);
    const [finding] = result.findings.filter(({ outcome }) => outcome === 'fail');
    expect(finding?.compare?.relation).toBe('equal');
  });

  test('a pinned key in the middle is no root', () => {
    const [certificate, [, middle]] = certificates();
    const verifier = createNitroVerifier({ roots: [{ name: 'middle', publicKey: KEYS.middle.spki }] });
    const ask = (members: object): VerifierResult =>
      verifier.verify({
        evidence: evidenceOf(documentOf({ members: { certificate, ...members } })),
        reportData: undefined,
        initData: undefined,
        now: NOW,
      });
    expect(failures(ask({}))).toEqual(['nitro.chain.root']);
    // Alone, the certificate of the middle is not self-signed.
    expect(failures(ask({ cabundle: [middle] }))).toEqual(['nitro.chain.links']);
  });

  test('no anchor at all is a mistake of the caller', () => {
    expect(() => nitroTrustIn([])).toThrow(RangeError);
  });
});

describe('dates', () => {
  const at = (now: Date, spec: DocumentSpec = {}, rules: NitroRules = {}): string[] =>
    failures(run(documentOf(spec), { now }, rules));
  const seconds = (count: number): Date => new Date(NOW.getTime() + count * 1000);

  test('ends are exact', () => {
    expect(at(after(2))).toEqual([]);
    expect(at(new Date(after(2).getTime() + 1))).toEqual(Array(3).fill('nitro.chain.validity'));
  });

  test.each(['root', 'middle', 'leaf'] as const)('%s that has ended', (level) => {
    const result = run(documentOf({ [level]: { notAfter: seconds(-1) } }));
    expect(failures(result)).toEqual(['nitro.chain.validity']);
    expect(titles(result)).toContain(`${level} ended 2026-03-01T11:59:59Z, 1 second before this server's clock`);
  });

  test.each(['root', 'middle', 'leaf'] as const)('%s that begins later, by more than the skew', (level) => {
    const members = { timestamp: NOW.getTime() };
    expect(at(NOW, { members, [level]: { notBefore: seconds(60) } })).toEqual([]);
    const result = run(documentOf({ [level]: { notBefore: seconds(61) } }));
    expect(new Set(failures(result))).toEqual(new Set(['nitro.chain.validity']));
    expect(titles(result)).toContain(`${level} not yet valid until`);
  });

  test.each<[string, Date, string[]]>([
    ['a minute ahead', seconds(60), []],
    ['more than a minute ahead', seconds(60.001), ['nitro.chain.validity']],
    ['before its leaf, within the skew', new Date(after(-1).getTime() - 60_000), []],
    ['before its leaf', new Date(after(-1).getTime() - 60_001), ['nitro.chain.validity']],
    ['at the end of its leaf', after(2), ['nitro.chain.validity']],
    ['after its leaf', after(3), ['nitro.chain.validity']],
  ])('a document made %s', (_, timestamp, ids) => {
    expect(at(NOW, { members: { timestamp: timestamp.getTime() } })).toEqual(ids);
  });

  test('the skew is the owner’s', () => {
    const ahead = { members: { timestamp: seconds(20).getTime() } };
    expect(at(NOW, ahead, { clockSkew: 20 })).toEqual([]);
    expect(at(NOW, ahead, { clockSkew: 19 })).toEqual(['nitro.chain.validity']);
    expect(at(NOW, ahead, { clockSkew: 0 })).toEqual(['nitro.chain.validity']);
  });
});

describe('debug', () => {
  const zeros = (indexes: readonly number[]): DocumentSpec => ({
    pcrs: pcrsWith(indexes.map((index) => [index, new Uint8Array(48)])),
  });
  test('is refused, though it is authentic', () => {
    const result = run(documentOf(zeros([0, 1, 2])));
    expect(failures(result)).toEqual(['nitro.enclave.debug']);
    expect(result.accepted).toBe(false);
    expect(assembleVerdict({ kind: 'nitro', at: NOW, asked: false, findings: result.findings }).verdict).toBe('accept');
  });

  test('is accepted with a warning where the owner allows it', () => {
    const result = run(documentOf(zeros([0, 1, 2])), {}, { debugAllowed: true });
    expect(result).toMatchObject({ accepted: true, claimSets: [{ claims: { debug: true } }] });
    expect(result.findings).toContainEqual(expect.objectContaining({ id: 'nitro.enclave.debug', outcome: 'warn' }));
  });

  test.each([[[0, 1]], [[1, 2]], [[0, 2]]])('PCRs %j alone are no debug', (indexes) => {
    expect(run(documentOf(zeros(indexes))).accepted).toBe(true);
  });
});

describe('binding', () => {
  const expected = (bytes: Uint8Array) => ({ bytes, algorithm: 'sha384', members: 'nonce, tee-pubkey' });
  const padded = (bytes: Uint8Array): Uint8Array => Uint8Array.from([...bytes, ...new Uint8Array(64 - bytes.length)]);
  const bound = (members: object, bytes = USER_DATA, rules: NitroRules = {}): string[] =>
    failures(run(documentOf({ members: { ...members } }), { reportData: [expected(bytes)] }, rules));

  test('user_data is the digest, or the digest in 64 bytes', () => {
    const result = run(documentOf(), { reportData: [expected(new Uint8Array(48)), expected(USER_DATA)] });
    expect(result).toMatchObject({ accepted: true, matched: 1 });
    expect(bound({ user_data: padded(USER_DATA) })).toEqual([]);
    expect(bound({ user_data: new Uint8Array(32).fill(3) }, new Uint8Array(32).fill(3))).toEqual([]);
    expect(bound({ user_data: new Uint8Array(64).fill(3) }, new Uint8Array(64).fill(3))).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['another digest', USER_DATA.with(0, 0)],
    ['padding that is not zero', padded(USER_DATA).with(63, 1)],
    ['65 bytes', Uint8Array.from([...padded(USER_DATA), 0])],
    ['a prefix', USER_DATA.subarray(0, 32)],
    ['nothing', null],
    ['an empty string', new Uint8Array()],
  ])('user_data with %s', (_, user_data) => {
    expect(bound({ user_data })).toEqual(['binding.report-data.match']);
    expect(run(documentOf({ members: { user_data } }), { reportData: [expected(USER_DATA)] }).accepted).toBe(false);
  });

  test('the nonce counts only where the owner says so, and then alone', () => {
    const nonce = { user_data: null, nonce: USER_DATA };
    expect(bound(nonce)).toEqual(['binding.report-data.match']);
    expect(bound(nonce, USER_DATA, { reportData: 'nonce' })).toEqual([]);
    expect(bound({ nonce: null }, USER_DATA, { reportData: 'nonce' })).toEqual(['binding.report-data.match']);
  });

  test('init-data has no place in a document, and no claim says that it has', () => {
    const result = run(documentOf(), { initData: { digest: USER_DATA } });
    expect(result.findings).toContainEqual(
      expect.objectContaining({ id: 'binding.init-data.match', outcome: 'not-checked' }),
    );
    expect(result.accepted && result.claimSets[0]?.claims).not.toHaveProperty('init_data');
  });
});

describe('claims', () => {
  test('names and encodings', () => {
    const members = { public_key: Uint8Array.of(1, 2), nonce: Uint8Array.of(3) };
    const result = run(documentOf({ members }));
    const [set] = result.accepted ? result.claimSets : [];
    expect(set?.class).toBe('cpu');
    const { pcr00, pcr04, pcr15, ...rest } = set?.claims ?? {};
    expect([pcr00, pcr04, pcr15]).toEqual(['01'.repeat(48), '05'.repeat(48), '00'.repeat(48)]);
    expect(rest).toMatchObject({
      module_id: 'i-0-enc0',
      digest: 'SHA384',
      timestamp: '2026-03-01T11:59:58.500Z',
      debug: false,
      public_key: '0102',
      user_data: encodeHex(USER_DATA),
      nonce: '03',
      report_data: encodeHex(USER_DATA),
    });
    expect(rest).not.toHaveProperty('emulated');
  });

  test('members that are null, and the nonce as report data', () => {
    const members = { user_data: null, nonce: Uint8Array.of(3) };
    const result = run(documentOf({ members }), {}, { reportData: 'nonce' });
    expect(result.accepted && result.claimSets[0]?.claims).toMatchObject({
      public_key: null,
      user_data: null,
      report_data: '03',
    });
  });

  test('an emulated root is said to be one', () => {
    const verifier = createNitroVerifier({ emulatedRoots: [ANCHOR] });
    const result = verifier.verify({
      evidence: evidenceOf(documentOf()),
      reportData: undefined,
      initData: undefined,
      now: NOW,
    });
    expect(result.accepted && result.claimSets[0]?.claims).toMatchObject({ emulated: true });
    expect(result.findings).toContainEqual(
      expect.objectContaining({ id: 'evidence.hardware.backed', outcome: 'warn' }),
    );
  });
});

describe('files', () => {
  const roots = [certificates()[1][0] ?? new Uint8Array()];
  test('a verdict with the members of the document', () => {
    const result = verifyNitroFiles({ document: documentOf() }, { at: NOW, roots });
    expect(result).toMatchObject({
      verdict: 'accept',
      as_of: true,
      cose_signature: true,
      chain: true,
      root_pin: true,
      leaf_not_after: '2026-03-01T14:00:00Z',
      policy_claims: { module_id: 'i-0-enc0' },
    });
  });

  test('what is wrong is false beside the verdict', () => {
    const wrong = verifyNitroFiles({ document: documentOf({ key: KEYS.root.privateKey }) }, { at: after(3) });
    expect(wrong).toMatchObject({ verdict: 'reject', cose_signature: false, chain: false, root_pin: false });
    expect(wrong).not.toHaveProperty('policy_claims');
    expect(wrong).not.toHaveProperty('claims');
  });

  test('expectations are compared', () => {
    const outcome = (reportData: Uint8Array): string | undefined =>
      verifyNitroFiles({ document: documentOf() }, { at: NOW, roots, reportData, initDataDigest: USER_DATA }).verdict;
    expect(outcome(USER_DATA)).toBe('accept');
    expect(outcome(USER_DATA.with(1, 0))).toBe('reject');
  });

  test('without a document there is nothing to judge', () => {
    expect(() => verifyNitroFiles({}, { at: NOW })).toThrow('document is missing');
    expect(verifyNitroFiles({ document: new Uint8Array() }, { at: NOW, asOf: false })).toMatchObject({
      verdict: 'reject',
      cose_signature: false,
    });
  });

  test('emulated roots are named', () => {
    const result = verifyNitroFiles({ document: documentOf() }, { at: NOW, emulatedRoots: [ANCHOR] });
    expect(result).toMatchObject({ verdict: 'accept', policy_claims: { emulated: true } });
  });
});
