import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { derBitString, derOid, derSequence, encodePem, encodeUtf8 } from '@assay/bytes';
import { createTpmVerifier, tpmVerifier, type Verifier, type VerifierResult } from '@assay/evidence';
import {
  akRootsOf,
  initDataPcr,
  marshalPublic,
  parseAkCertificates,
  pcrList,
  readAk,
  readQuoteSignature,
  selectPcrs,
  spkiOf,
  trustedAkList,
  verifyTpmQuote,
} from '@assay/evidence/tpm';
import { parseCertificates } from '@assay/evidence/x509';
import { describe, expect, test } from 'vitest';
import {
  agentTpmLog,
  akArea,
  createTestWorld,
  emulatedTpmBoot,
  TPM_DEFECTS,
  type TpmDefect,
  type TpmOverrides,
  tpmBootEvents,
  tpmEvidence,
  tpmQuote,
} from '../index.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const REPORT_DATA = Uint8Array.from(randomBytes(48));
const world = createTestWorld({ now: () => NOW, random: randomBytes });
const emulatedRoots = [world.anchors().tpm];
const verifier = createTpmVerifier({ emulatedRoots });
const ak = world.tpm.ak(world.tpm.machine());
const spki = spkiOf(akArea(ak));
const spkiSha256 = createHash('sha256').update(spki).digest('hex');

function verify(using: Verifier, overrides: TpmOverrides = {}, initData?: Uint8Array): VerifierResult {
  return using.verify({
    evidence: tpmEvidence(world, REPORT_DATA, overrides),
    reportData: [{ bytes: REPORT_DATA, algorithm: 'sha384', members: 'nonce, tee-pubkey' }],
    initData: initData === undefined ? undefined : { digest: initData },
    now: NOW,
  });
}
const failures = (result: VerifierResult): readonly string[] => [
  ...new Set(result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id)),
];
const unmet = (result: VerifierResult): readonly string[] =>
  result.findings.filter(({ outcome }) => outcome === 'fail' || outcome === 'warn').map(({ id }) => id);
const claimsOf = (result: VerifierResult) => (result.accepted ? result.claimSets[0]?.claims : undefined);

test.each<[string, TpmOverrides]>([
  ['with its public area', {}],
  ['of an older guest', { form: 'spki' }],
  ['with both forms of the key', { form: 'both' }],
  ['without a log', { log: 'none' }],
  ['of an RSA key', { tpm: world.tpm.machine('rsa', 'rsa') }],
  ['with RSAPSS', { tpm: world.tpm.machine('rsa', 'rsa'), rsaScheme: 'rsapss' }],
  ['with SHA-384', { hash: 'sha384' }],
  ['with a nonce of 32 bytes', { extraData: REPORT_DATA.subarray(0, 32) }],
  ['with the report data as they are', { extraData: REPORT_DATA }],
])('a quote %s is accepted, as emulated', (_, overrides) => {
  const result = verify(verifier, overrides);
  expect(failures(result)).toEqual([]);
  expect(result).toMatchObject({ accepted: true, matched: 0 });
  expect(claimsOf(result)).toMatchObject({ emulated: true, ak_trust: 'certificate' });
  // Nothing is warned of but what it stands on, and registers of the running system.
  expect(unmet(result).filter((id) => id !== 'eventlog.register.unlogged')).toEqual(['evidence.hardware.backed']);
  expect(result.findings).toContainEqual(
    expect.objectContaining({ id: 'tpm.pcr.selection', outcome: 'pass', actual: 'sha256: 0-23' }),
  );
});

test('a quote is authentic by itself only when nothing about it fails', () => {
  const { ak: key } = readAk(marshalPublic(akArea(ak)));
  const authentic = (overrides: TpmOverrides) => {
    const { message, pcrs, signature } = tpmQuote(world, REPORT_DATA, overrides);
    const quoted = {
      message,
      signature: readQuoteSignature(signature),
      ak: key,
      pcrs: pcrList('sha256', pcrs),
      uses: [],
    };
    return verifyTpmQuote(quoted).authentic;
  };
  expect(authentic({})).toBeDefined();
  for (const name of ['trailing-byte', 'bad-signature', 'changed-pcr', 'missing-pcr', 'empty-selection'] as const)
    expect(authentic(TPM_DEFECTS[name].make()), name).toBeUndefined();
});

describe('a key that is none for attestation is refused', () => {
  const spkiOfKey = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ format: 'der', type: 'spki' }));
  const ec = derSequence(derOid('1.2.840.10045.2.1'), derOid('1.2.840.10045.3.1.7'));
  const point = Uint8Array.from([...spkiOf(akArea(ak))].slice(-64));
  const compressed = Uint8Array.from([(point[63] ?? 0) & 1 ? 3 : 2, ...point.subarray(0, 32)]);
  test.each<[string, Uint8Array]>([
    ['RSA key of 1024 bits', spkiOfKey(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)],
    ['type ed25519', spkiOfKey(generateKeyPairSync('ed25519').publicKey)],
    ['type ec secp256k1', spkiOfKey(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey)],
    ['not in its usual encoding', derSequence(ec, derBitString(compressed))],
    ['not a SubjectPublicKeyInfo', Uint8Array.of(0x30, 0)],
    ['type is KEYEDHASH', Uint8Array.of(0, 8)],
  ])('%s', (reason, bytes) => {
    const reading = readAk(bytes);
    expect(reading.ak).toBeUndefined();
    expect(reading.findings[0]?.title).toContain(reason);
  });
});

test('claims are the key, every quoted register, the log and what was bound', () => {
  const claims = claimsOf(verify(verifier)) ?? {};
  expect(claims['ak_public']).toBe(Buffer.from(spki).toString('base64'));
  const pcrs = Array.from({ length: 24 }, (_, index) => `pcr${String(index).padStart(2, '0')}`);
  expect(Object.keys(claims).sort()).toEqual(
    ['ak_public', 'ak_trust', 'emulated', 'init_data', 'report_data', 'uefi_event_logs', ...pcrs].sort(),
  );
  expect(claims['report_data']).toBe(Buffer.from(REPORT_DATA).toString('hex').padEnd(128, '0'));
  expect(claims['pcr17']).toBe('ff'.repeat(32));
  expect(claims['uefi_event_logs']).toHaveLength(emulatedTpmBoot().length);
});

test('only what the quote covers is a claim', () => {
  const selection = [selectPcrs('sha256', [4, 7])];
  const result = verify(verifier, { selection });
  const claims = claimsOf(result) ?? {};
  expect(Object.keys(claims).filter((name) => name.startsWith('pcr'))).toEqual(['pcr04', 'pcr07']);
  expect(claims).not.toHaveProperty('init_data');
  const registers = (claims['uefi_event_logs'] as { index: number }[]).map(({ index }) => index);
  expect(new Set(registers)).toEqual(new Set([4, 7]));
});

describe('an attestation key is trusted', () => {
  test('by nobody unless somebody is asked', () => {
    for (const overrides of [{}, { certificate: 'none' }] as const) {
      const result = verify(tpmVerifier, overrides);
      expect(failures(result)).toEqual(['tpm.key.trust']);
      expect(result.accepted).toBe(false);
    }
  });

  test.each([
    ['the digest of its encoding', { spkiSha256 }],
    ['its Name', { name: readAk(marshalPublic(akArea(ak))).ak?.identity.name ?? '' }],
  ])('when it is enrolled under %s', (_, entry) => {
    const enrolled = createTpmVerifier({ trustedAks: trustedAkList([{ ...entry, source: 'enrolled as node-1' }]) });
    const result = verify(enrolled, { certificate: 'none' });
    expect(claimsOf(result)).toMatchObject({ ak_trust: 'enrolled' });
    expect(claimsOf(result)).not.toHaveProperty('emulated');
    expect(result.findings).toContainEqual(
      expect.objectContaining({ id: 'tpm.key.trust', actual: 'enrolled as node-1' }),
    );
  });

  test('not when another one is enrolled', () => {
    const others = trustedAkList([{ spkiSha256: '00'.repeat(32), name: `000b${'00'.repeat(32)}`, source: 'other' }]);
    expect(failures(verify(createTpmVerifier({ trustedAks: others }), { certificate: 'none' }))).toEqual([
      'tpm.key.trust',
    ]);
  });

  test('when enrolled, a certificate that leads nowhere only warns, unless it is of another key', () => {
    const rules = { emulatedRoots, trustedAks: trustedAkList([{ spkiSha256, source: 'enrolled' }]) };
    const expired = verify(createTpmVerifier(rules), TPM_DEFECTS['certificate-expired'].make(world));
    expect(expired.accepted).toBe(true);
    expect(unmet(expired)).toContain('tpm.key.certificate');
    const other = verify(createTpmVerifier(rules), TPM_DEFECTS['certificate-of-other-key'].make(world));
    expect(failures(other)).toEqual(['tpm.key.certificate']);
  });

  test('under a root that the owner named, also when the chain leaves it out', () => {
    const akRoots = parseCertificates(Buffer.from(world.tpm.root().pem));
    const result = verify(createTpmVerifier({ akRoots }));
    expect(claimsOf(result)).toMatchObject({ ak_trust: 'certificate' });
    expect(claimsOf(result)).not.toHaveProperty('emulated');
    expect(akRootsOf(akRoots).anchors).toHaveLength(1);
    const evidence = tpmEvidence(world, REPORT_DATA);
    const short = world.tpm.akCertificate(world.tpm.machine()).pem + world.tpm.intermediate().pem;
    const cut = createTpmVerifier({ akRoots }).verify({
      evidence: { ...evidence, ak_cert: Buffer.from(short).toString('base64') },
      reportData: undefined,
      initData: undefined,
      now: NOW,
    });
    expect(failures(cut)).toEqual([]);
  });

  test('under an intermediate that the owner named, whatever stands above it', () => {
    const akRoots = parseCertificates(Buffer.from(world.tpm.intermediate().pem));
    expect(claimsOf(verify(createTpmVerifier({ akRoots })))).toMatchObject({ ak_trust: 'certificate' });
  });

  test.each<[string, Uint8Array]>([
    ['is no certificate', encodeUtf8(encodePem('PUBLIC KEY', spki))],
    ['is too long', encodeUtf8(world.tpm.root().pem.repeat(200))],
    ['has too many certificates', encodeUtf8(world.tpm.root().pem.repeat(9))],
    ['is empty', encodeUtf8('\n')],
    ['has something behind it', Uint8Array.from([...world.tpm.root().der, 0, 0, 7])],
  ])('by no chain that %s', (_, bytes) => {
    expect(() => parseAkCertificates(bytes)).toThrow(expect.objectContaining({ name: 'DecodeError' }));
  });

  test('by policy alone where the owner says so, and the claim tells', () => {
    const result = verify(createTpmVerifier({ untrustedAk: 'policy' }), { certificate: 'none' });
    expect(claimsOf(result)).toMatchObject({ ak_trust: 'policy' });
    expect(unmet(result)).toContain('tpm.key.trust');
  });
});

describe('init-data', () => {
  const digest = Uint8Array.from(randomBytes(32));

  test('is what PCR 8 was extended with', () => {
    const result = verify(verifier, { initData: digest }, digest);
    expect(failures(result)).toEqual([]);
    expect(claimsOf(result)).toMatchObject({ init_data: Buffer.from(initDataPcr(digest)).toString('hex') });
  });

  test.each<[string, TpmOverrides, Uint8Array, string]>([
    ['not extended', {}, digest, 'binding.init-data.match'],
    ['extended with another digest', { initData: new Uint8Array(32) }, digest, 'binding.init-data.match'],
    ['of another size', { initData: digest }, Uint8Array.from([...digest, 0]), 'binding.init-data.match'],
    ['not quoted', { initData: digest, selection: [selectPcrs('sha256', [0, 7])] }, digest, 'tpm.pcr.selection'],
  ])('is refused when PCR 8 is %s', (_, overrides, expected, finding) => {
    expect(failures(verify(verifier, overrides, expected))).toEqual([finding]);
  });
});

test('a register that the owner wants must be quoted', () => {
  const wanting = createTpmVerifier({ emulatedRoots, requiredPcrs: [7, 9, 12] });
  expect(failures(verify(wanting))).toEqual([]);
  const result = verify(wanting, { selection: [selectPcrs('sha256', [7])] });
  expect(failures(result)).toEqual(['tpm.pcr.selection']);
  expect(result.findings.find(({ id }) => id === 'tpm.pcr.selection')?.title).toBe(
    'PCR 9, 12 is used by tpm.required_pcrs but not in the quote (sha256: 7)',
  );
});

test('a log of another boot names the register and the event', () => {
  const other = tpmBootEvents({ kernel: new Uint8Array(4), cmdline: 'quiet', initrd: new Uint8Array(4) });
  const dropped = verify(verifier, { log: TPM_DEFECTS['log-added-event'].make().log ?? 'none' });
  const finding = dropped.findings.find(({ id, outcome }) => id === 'eventlog.register.replay' && outcome === 'fail');
  expect(finding?.subject).toBe('PCR 4');
  expect(JSON.stringify(finding?.causes)).toContain('event 14');
  expect(
    failures(verify(verifier, { events: other, log: TPM_DEFECTS['log-dropped-event'].make().log ?? 'none' })),
  ).toEqual(['eventlog.register.replay']);
});

describe('events of the Attestation Agent', () => {
  const agentEvents = [
    { pcr: 15, text: 'github.com/confidential-containers PullImage {"image":"a", "digest":"sha256:0"}' },
    { pcr: 12, text: 'app start now' },
  ];
  const agentClaims = (result: VerifierResult) =>
    ((claimsOf(result)?.['uefi_event_logs'] ?? []) as { details: { data?: { operation?: string } } }[]).flatMap(
      ({ details }) => details.data?.operation ?? [],
    );

  test.each<[string, TpmOverrides, number]>([
    ['beside the firmware’s log', {}, emulatedTpmBoot().length + 2],
    [
      'alone',
      {
        log: 'none',
        agentEvents: [
          { pcr: 15, text: 'd PullImage c' },
          { pcr: 15, text: 'd start c' },
        ],
      },
      2,
    ],
    ['of another form of the key', { form: 'both' }, emulatedTpmBoot().length + 2],
  ])('%s are claims', (_, overrides, records) => {
    const result = verify(verifier, { agentEvents, ...overrides });
    expect(failures(result)).toEqual([]);
    expect(claimsOf(result)?.['uefi_event_logs']).toHaveLength(records);
    expect(agentClaims(result)).toEqual(['PullImage', 'start']);
  });

  test('alone they say nothing of registers that they do not extend, and cannot hide what extended their own', () => {
    const alone = verify(verifier, { log: 'none', agentEvents: agentEvents.slice(0, 1) });
    expect(unmet(alone)).toEqual(['evidence.hardware.backed']);
    // PCR 12 was extended by the boot as well.
    expect(failures(verify(verifier, { log: 'none', agentEvents }))).toEqual(['eventlog.register.replay']);
  });

  test.each<[string, TpmOverrides, string]>([
    ['an event is left out', { alterAgentLog: () => agentTpmLog(agentEvents.slice(1)) }, 'eventlog.register.replay'],
    [
      'one is added',
      { alterAgentLog: () => agentTpmLog([...agentEvents, { pcr: 15, text: 'a b c' }]) },
      'eventlog.register.replay',
    ],
    [
      'one says something else',
      { alterAgentLog: () => agentTpmLog([{ pcr: 15, text: 'a b c' }]) },
      'eventlog.register.replay',
    ],
    [
      'one is of another register',
      { alterAgentLog: () => agentTpmLog(agentEvents.map((each) => ({ ...each, pcr: 14 }))) },
      'eventlog.register.replay',
    ],
    ['it is cut', { alterAgentLog: (log) => log.subarray(1) }, 'eventlog.log.form'],
    [
      'it begins like a firmware’s',
      { alterAgentLog: () => tpmQuote(world, REPORT_DATA).log ?? new Uint8Array() },
      'eventlog.log.form',
    ],
    ['one has no three fields', { agentEvents: [{ pcr: 15, text: 'a b' }] }, 'eventlog.aael.form'],
  ])('are refused where %s', (_, overrides, finding) => {
    for (const log of [undefined, 'none'] as const) {
      const result = verify(verifier, {
        agentEvents: agentEvents.slice(0, 1),
        ...overrides,
        ...(log === undefined ? {} : { log }),
      });
      expect(result.accepted).toBe(false);
      expect(failures(result)).toContain(finding);
    }
  });

  test('whose register is not quoted are no claims', () => {
    const selection = [selectPcrs('sha256', [0, 7])];
    const result = verify(verifier, { agentEvents, selection });
    expect(failures(result)).toEqual([]);
    expect(agentClaims(result)).toEqual([]);
  });
});

describe('defects', () => {
  test.each(Object.entries(TPM_DEFECTS as Readonly<Record<string, TpmDefect>>))('%s', (_, defect) => {
    const result = verify(verifier, defect.make(world));
    if (defect.finding !== null) expect(unmet(result)).toContain(defect.finding);
    expect(result.accepted).toBe(defect.verdict === 'accept');
    // One defect is one reason: without its check the evidence would be accepted.
    const named = defect.verdict === 'accept' ? [] : [defect.finding, ...(defect.also ?? [])];
    expect(failures(result).filter((id) => !named.includes(id))).toEqual([]);
  });
});

describe('evidence of another form is refused, and nothing throws', () => {
  const whole = tpmEvidence(world, REPORT_DATA);
  const quote = whole['tpm_quote'] as Record<string, unknown>;
  const pcrs = quote['pcrs'] as string[];
  test.each<[string, unknown]>([
    ['`evidence` is a list', []],
    ['`evidence` is null', null],
    ['tpm_quote', { ...whole, tpm_quote: null }],
    ['ak_public', { ...whole, ak_public: undefined }],
    ['ak_public', { ...whole, ak_public: 'not base64!' }],
    ['ak_public', { ...whole, ak_public: '' }],
    ['ak_cert', { ...whole, ak_cert: 7 }],
    ['event_log', { ...whole, event_log: '?' }],
    ['agent_event_log', { ...whole, agent_event_log: {} }],
    ['agent_event_log', { ...whole, agent_event_log: '' }],
    ['tpm_quote.message', { ...whole, tpm_quote: { ...quote, message: 'A'.repeat(20_000) } }],
    ['tpm_quote.message', { ...whole, tpm_quote: { ...quote, message: 'A'.repeat(5464) } }],
    ['`ak_public` is absent', { ...whole, ak_public: undefined }],
    ['tpm_quote.signature', { ...whole, tpm_quote: { ...quote, signature: {} } }],
    ['tpm_quote.pcrs', { ...whole, tpm_quote: { ...quote, pcrs: 'none' } }],
    ['tpm_quote.pcrs', { ...whole, tpm_quote: { ...quote, pcrs: [...pcrs, pcrs[0]] } }],
    ['tpm_quote.pcrs[1]', { ...whole, tpm_quote: { ...quote, pcrs: [pcrs[0], 'aa'] } }],
    ['tpm_quote.pcrs[0]', { ...whole, tpm_quote: { ...quote, pcrs: [`${pcrs[0]}00`] } }],
    ['tpm_quote.pcrs[0]', { ...whole, tpm_quote: { ...quote, pcrs: [pcrs[0]?.toUpperCase().replace(/\d/g, 'F')] } }],
  ])('%s', (member, evidence) => {
    const json = JSON.parse(JSON.stringify(evidence)) as typeof whole;
    const result = verifier.verify({ evidence: json, reportData: undefined, initData: undefined, now: NOW });
    expect(failures(result)).toEqual(['evidence.json.form']);
    expect(result.findings[0]?.title).toContain(member);
  });
});
