import { concatBytes, DecodeError } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ALGORITHM, USAGE } from '../certificate/constants.js';
import { parsePlatformCertificate } from '../certificate/platform.js';
import { verifySevFiles } from '../files.js';
import { verifySevChain } from './chain.js';
import { CHAIN_KEYS, type ChainChanges, makeChain, OCA_RSA, P256 } from './chain.test.helper.js';
import { CHAIN_ROLES, type ChainFiles, LARGEST_CHAIN, splitChain } from './files.js';
import { sevTrust, sevTrustIn, sha256 } from './roots.js';

const sound = makeChain();
const trust = sevTrustIn([sound.ark]);

/** Ids of what failed, with their subjects. */
const failures = (files: ChainFiles, under = trust): string[] =>
  verifySevChain(files, under)
    .findings.filter(({ outcome }) => outcome === 'fail')
    .map(({ id, subject }) => `${id} ${subject}`);

const changed = (changes: ChainChanges): string[] => {
  const files = makeChain(changes);
  const under = sevTrustIn([files.ark]);
  expect(verifySevChain(files, under).authentic).toBeUndefined();
  return failures(files, under);
};

const flip = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
};

describe('a sound chain', () => {
  test('is authentic under its own ARK', () => {
    const { findings, links, authentic, authorityAlgorithm } = verifySevChain(sound, trust);
    expect(findings.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
    expect(Object.values(links)).toEqual(Array(7).fill(true));
    expect(authorityAlgorithm).toBe('RSA-2048 PSS SHA-256');
    expect(authentic?.pdhThumbprint).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(authentic?.anchor.emulated).toBeUndefined();
  });

  test('is told to be emulated where the owner named its ARK so', () => {
    const { findings, authentic } = verifySevChain(sound, sevTrust([sound.ark]));
    expect(authentic?.anchor.emulated).toBe(true);
    expect(findings).toContainEqual(expect.objectContaining({ id: 'evidence.hardware.backed', outcome: 'warn' }));
  });

  test.each([
    ['P-256 keys', { keys: { cek: P256 } }],
    ['an OCA with an RSA key', { keys: { oca: OCA_RSA } }],
    ['signatures with SHA-384', { algorithm: { pek: ALGORITHM.ECDSA_SHA384 } }],
    ['slots in the other order', { pekSlots: ({ oca, cek }) => [cek, oca] }],
  ] satisfies [string, ChainChanges][])('may have %s', (_, changes) => {
    const files = makeChain(changes);
    expect(failures(files, sevTrustIn([files.ark]))).toEqual([]);
  });
});

describe('what refuses a chain', () => {
  test('an ARK that nobody pinned, whatever it signs', () => {
    expect(verifySevChain(sound, sevTrust()).authentic).toBeUndefined();
    expect(failures(sound, sevTrust())).toEqual(['sev.chain.root ARK']);
  });

  test.each(['pdh', 'pek', 'oca', 'cek', 'ask', 'ark'] as const)(
    '%s missing: nothing is believed, nothing rejected',
    (role) => {
      const { [role]: _, ...rest } = sound;
      const result = verifySevChain(rest, trust);
      expect(result.authentic).toBeUndefined();
      const failed = result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
      expect(failed).toEqual(['sev.chain.complete']);
      expect(verifySevFiles(rest, { at: new Date(0), roots: [sound.ark] }).verdict).toBe('incomplete');
    },
  );

  test.each(CHAIN_ROLES)('%s with another usage', (role) => {
    expect(changed({ usage: { [role]: USAGE.INVALID } })).toContain(`sev.chain.usage ${role.toUpperCase()}`);
  });

  test('keys of another kind than the place wants', () => {
    expect(changed({ algorithm: { pdh: ALGORITHM.ECDSA_SHA256 } })).toEqual(['sev.chain.usage PDH']);
    expect(changed({ keys: { cek: OCA_RSA } })).toEqual(['sev.chain.usage CEK']);
  });

  test.each([
    ['pdh', ['PDH by PEK']],
    ['pek', ['PEK by CEK', 'PEK by OCA', 'PDH by PEK']],
    ['oca', ['PEK by OCA', 'OCA by OCA']],
    ['cek', ['CEK by ASK', 'PEK by CEK']],
    ['ask', ['ASK by ARK', 'CEK by ASK']],
  ] as const)('another key in %s', (role, links) => {
    const at = role === 'ask' ? 64 + 256 + 200 : 16 + 4 + 10;
    const files = { ...sound, [role]: flip(sound[role], at) };
    const found = failures(files).filter((line) => !line.startsWith('sev.cert.form'));
    expect(found.sort()).toEqual(links.map((link) => `sev.chain.links ${link}`).sort());
    expect(verifySevChain(files, trust).authentic).toBeUndefined();
  });

  test('an ARK with another key, though it is pinned', () => {
    const ark = flip(sound.ark, 64 + 256 + 200);
    const found = failures({ ...sound, ark }, sevTrustIn([ark]));
    expect(found).toEqual(['sev.chain.links ARK by ARK', 'sev.chain.links ASK by ARK']);
  });

  test('key ids that name another signer', () => {
    const certifying = (body: Uint8Array): Uint8Array => flip(body, 20);
    expect(changed({ body: { ask: certifying } })).toEqual(['sev.chain.links ASK by ARK']);
  });

  test('PEK signed by OCA alone, by CEK alone, or twice by one', () => {
    expect(changed({ pekSlots: ({ oca }) => [oca] })).toEqual(['sev.chain.links PEK by CEK']);
    expect(changed({ pekSlots: ({ cek }) => [cek] })).toEqual(['sev.chain.links PEK by OCA']);
    expect(changed({ pekSlots: ({ oca }) => [oca, oca] })).toEqual(['sev.chain.links PEK by CEK']);
  });

  test('a slot that names another signer or another algorithm', () => {
    const renamed = (change: { usage?: number; algorithm?: number }): string[] =>
      changed({ pekSlots: ({ oca, cek }) => [oca, { ...cek, ...change }] });
    expect(renamed({ usage: USAGE.PEK })).toEqual(['sev.chain.links PEK by CEK']);
    expect(renamed({ algorithm: ALGORITHM.ECDSA_SHA384 })).toEqual(['sev.chain.links PEK by CEK']);
  });

  test("a CEK's slot that names another signer or another digest", () => {
    for (const at of [1044, 1044 + 5])
      expect(failures({ ...sound, cek: flip(sound.cek, at) })).toEqual(['sev.chain.links CEK by ASK']);
  });

  test('RSA-PSS with another salt or digest', () => {
    for (const pss of [{ saltLength: 20 }, { hash: 'sha384' }]) expect(changed({ pss })).toHaveLength(3);
  });

  test('a PEK whose algorithm signs nothing', () => {
    expect(changed({ algorithm: { pek: ALGORITHM.ECDH_SHA256 } })).toEqual(
      expect.arrayContaining(['sev.chain.usage PEK', 'sev.chain.links PDH by PEK']),
    );
  });

  test('a stranger in the place of the CEK', () => {
    const other = makeChain({ keys: { cek: CHAIN_KEYS.stranger } });
    expect(failures({ ...sound, cek: other.cek })).toEqual(['sev.chain.links PEK by CEK']);
  });
});

describe('form', () => {
  const FORMS: readonly [string, (bytes: Uint8Array) => Uint8Array][] = [
    ['a byte short', (bytes) => bytes.slice(0, -1)],
    ['a byte long', (bytes) => concatBytes(bytes, Uint8Array.of(0))],
    ['version 2', (bytes) => Uint8Array.from(bytes).fill(2, 0, 1)],
  ];
  describe.each(CHAIN_ROLES)('%s', (role) => {
    test.each(FORMS)('%s', (_, edit) => {
      expect(failures({ ...sound, [role]: edit(sound[role]) })).toContain(`sev.cert.form ${role.toUpperCase()}`);
    });
  });

  test.each([
    ['reserved bytes', 6],
    ['curve', 16],
    ['X wider than its curve', 16 + 4 + 60],
    ['rest of the key area', 16 + 4 + 144 + 500],
    ['unknown algorithm', 13],
  ])('platform certificate: %s', (_, at) => {
    const body = (bytes: Uint8Array): Uint8Array => {
      const copy = Uint8Array.from(bytes);
      copy[at] = 7;
      return copy;
    };
    const files = { ...sound, pdh: makeChain({ body: { pdh: body } }).pdh };
    expect(failures(files)).toEqual(['sev.cert.form PDH']);
  });

  test('a length that is not right is told', () => {
    expect(() => parsePlatformCertificate(sound.pdh.slice(1))).toThrow('2083 bytes; 2084 are right');
  });

  test('bytes in an empty slot, and after R and S', () => {
    expect(failures({ ...sound, pdh: flip(sound.pdh, 1564 + 8) })).toEqual(['sev.cert.form PDH']);
    expect(failures({ ...sound, pdh: flip(sound.pdh, 1564 + 4) })).toEqual(['sev.cert.form PDH']);
    expect(failures({ ...sound, pdh: flip(sound.pdh, 1044 + 8 + 144) })).toEqual(['sev.chain.links PDH by PEK']);
    expect(failures({ ...sound, pdh: flip(sound.pdh, 1044 + 8 + 60) })).toEqual(['sev.chain.links PDH by PEK']);
  });

  test.each([
    ['reserved', 40],
    ['exponent size', 57],
    ['modulus size', 61],
  ])('AMD certificate: %s', (_, at) => {
    expect(failures({ ...sound, ask: flip(sound.ask, at) })).toContain('sev.cert.form ASK');
  });

  test('an RSA key of another size in a platform certificate', () => {
    const size = (body: Uint8Array): Uint8Array => {
      const copy = Uint8Array.from(body);
      new DataView(copy.buffer).setUint32(16, 3072, true);
      return copy;
    };
    expect(changed({ keys: { oca: OCA_RSA }, body: { oca: size } })).toContain('sev.cert.form OCA');
  });

  test('an AMD certificate of another size of key, whole in itself', () => {
    const size = 3072 / 8;
    const ask = new Uint8Array(64 + 3 * size);
    ask.set(sound.ask.subarray(0, 56));
    new DataView(ask.buffer).setUint32(56, 3072, true);
    new DataView(ask.buffer).setUint32(60, 3072, true);
    expect(failures({ ...sound, ask })).toContain('sev.cert.form ASK');
  });

  test('a PDH that is no point on its curve', () => {
    const body = (bytes: Uint8Array): Uint8Array => flip(bytes, 20);
    const files = makeChain({ body: { pdh: body } });
    expect(failures(files, sevTrustIn([files.ark]))).toEqual(['sev.cert.form PDH']);
  });

  test('the ARK file without its signature stands only where that form is pinned', () => {
    const cut = sound.ark.slice(0, 64 + 512);
    expect(failures({ ...sound, ark: cut }, sevTrustIn([sound.ark]))).toEqual([]);
    expect(
      failures({ ...sound, ark: cut }, { anchors: [{ name: 'whole file', sha256: sha256(sound.ark) }] }),
    ).toContain('sev.chain.root ARK');
    expect(failures(sound, { anchors: [{ name: 'whole file', sha256: sha256(sound.ark) }] })).toEqual([]);
  });

  test('a pinned ARK whose signature was changed', () => {
    const ark = flip(sound.ark, 64 + 512 + 5);
    expect(failures({ ...sound, ark })).toEqual(['sev.chain.links ARK by ARK']);
  });
});

describe('chain file', () => {
  const file = concatBytes(...CHAIN_ROLES.map((role) => sound[role]));

  test('is split into its certificates', () => {
    expect(splitChain(file)).toEqual(sound);
    expect(verifySevFiles({ chain: file }, { at: new Date(0), roots: [sound.ark] }).verdict).toBe('accept');
  });

  test('cut or lengthened, it is refused', () => {
    expect(() => splitChain(concatBytes(file, new Uint8Array(LARGEST_CHAIN)))).toThrow(`at most ${LARGEST_CHAIN}`);
    for (const bytes of [
      file.slice(0, 4 * 2084 + 63),
      file.slice(0, 4 * 2084 + 832),
      new Uint8Array(LARGEST_CHAIN + 1),
    ])
      expect(() => splitChain(bytes)).toThrow(DecodeError);
    for (const bytes of [file.slice(0, -1), concatBytes(file, Uint8Array.of(0))])
      expect(verifySevFiles({ chain: bytes }, { at: new Date(0), roots: [sound.ark] }).verdict).toBe('reject');
  });
});

test('without files there is nothing to verify', () => {
  expect(() => verifySevFiles({}, { at: new Date(0) })).toThrow(RangeError);
});

describe('input of a launch', () => {
  const launch = {
    tik: '00'.repeat(16),
    mnonce: '00'.repeat(16),
    digest: '00'.repeat(32),
    policy: '00000000',
    measure: '00'.repeat(32),
    api_major: 0,
    api_minor: 17,
    build: 1,
  };
  const judge = (input: unknown) =>
    verifySevFiles({ input: new TextEncoder().encode(JSON.stringify(input)) }, { at: new Date(0) });

  test('is measured', () => {
    const { measure } = judge(launch);
    expect(measure).toMatch(/^[0-9a-f]{64}$/);
    expect(judge({ ...launch, measure }).verdict).toBe('accept');
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['a byte that is too large', { ...launch, api_major: 256 }],
    ['a byte below zero', { ...launch, api_minor: -1 }],
    ['half a byte', { ...launch, build: 0.5 }],
    ['a byte in text', { ...launch, build: '1' }],
    ['no policy', { ...launch, policy: undefined }],
    ['a short nonce', { ...launch, mnonce: '00' }],
  ])('%s is refused, and nothing is measured', (_, input) => {
    const { findings, measure, verdict } = judge(input);
    expect(verdict).toBe('reject');
    expect(findings.map(({ id }) => id)).toEqual(['sev.launch.form']);
    expect(measure).toBeUndefined();
  });
});

describe('fuzz: no change goes unnoticed, and none throws', () => {
  test.each(CHAIN_ROLES)('%s', (role) => {
    const original = sound[role];
    const mutated = fc
      .oneof(
        fc
          .array(fc.tuple(fc.nat(original.length - 1), fc.integer({ min: 1, max: 255 })), {
            minLength: 1,
            maxLength: 4,
          })
          .map((changes) => {
            const bytes = Uint8Array.from(original);
            for (const [at, difference] of changes) bytes[at] = (bytes[at] ?? 0) ^ difference;
            return bytes;
          }),
        fc.nat(original.length).map((length) => original.slice(0, length)),
        fc.uint8Array({ maxLength: 2200 }),
      )
      .filter((bytes) => Buffer.compare(bytes, original) !== 0)
      // AMD publishes an ARK that ends before its signature: under a pin it is as good as a whole one.
      .filter(
        (bytes) =>
          role !== 'ark' ||
          bytes.length !== 64 + 2 * 256 ||
          Buffer.compare(bytes, original.slice(0, bytes.length)) !== 0,
      );
    fc.assert(
      fc.property(mutated, (bytes) => {
        const files = { ...sound, [role]: bytes };
        expect(verifySevChain(files, trust).authentic).toBeUndefined();
        expect(verifySevFiles(files, { at: new Date(0), roots: [sound.ark] }).verdict).toBe('reject');
      }),
      { numRuns: fuzzRuns(120) },
    );
  });

  test('input of a launch', () => {
    const input = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => Buffer.from(text)),
      fc
        .record({
          tik: fc.constantFrom('00'.repeat(16), '0', 5),
          mnonce: fc.constantFrom('00'.repeat(16), '00'),
          digest: fc.constantFrom('00'.repeat(32), 'zz'.repeat(32)),
          policy: fc.constantFrom('00000000', '0'),
          measure: fc.constantFrom('00'.repeat(32), '00'.repeat(31), 'AB'.repeat(32)),
          api_major: fc.integer(),
          api_minor: fc.nat(300),
          build: fc.double(),
        })
        .map((value) => Buffer.from(JSON.stringify(value))),
    );
    fc.assert(
      fc.property(input, (bytes) => {
        expect(verifySevFiles({ input: bytes }, { at: new Date(0) }).verdict).toBe('reject');
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});
