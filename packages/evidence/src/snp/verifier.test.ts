import { encodeBase64, encodeHex, type JsonObject, type JsonValue } from '@assay/bytes';
import { assembleVerdict } from '@assay/bytes/findings';
import { describe, expect, test } from 'vitest';
import type { VerifierResult, VerifyInput } from '../verifier.js';
import { type Bundle, type BundleSpec, bundle, CHIP_ID, KEYS, NOW, SPL, writeTcb } from './bundle.test.helper.js';
import { verifySnpFiles } from './files.js';
import { snpNeeds } from './needs.js';
import { createSnpVerifier } from './verifier.js';

const roots = [{ name: 'test root', publicKey: KEYS.ark.spki }];
const verifier = createSnpVerifier({ roots });
const numbers = (bytes: Uint8Array): number[] => [...bytes];
const view = (report: Uint8Array): DataView => new DataView(report.buffer, report.byteOffset, report.byteLength);

/** The report as guests 0.14 and later write it. */
function structured(report: Uint8Array, turin = false): JsonObject {
  const at = (from: number, length: number): number[] => numbers(report.subarray(from, from + length));
  const tcb = (offset: number): JsonObject => {
    const raw = at(offset, 8);
    const [a = 0, b = 0, c = 0, d = 0, , , e = 0, f = 0] = raw;
    return turin
      ? { fmc: a, bootloader: b, tee: c, snp: d, microcode: f }
      : { fmc: null, bootloader: a, tee: b, snp: e, microcode: f };
  };
  const version = (offset: number): JsonObject => {
    const [build = 0, minor = 0, major = 0] = at(offset, 3);
    return { major, minor, build };
  };
  const numbersOf = view(report);
  return {
    version: numbersOf.getUint32(0, true),
    guest_svn: numbersOf.getUint32(4, true),
    policy: Number(numbersOf.getBigUint64(8, true)),
    family_id: at(0x10, 16),
    image_id: at(0x20, 16),
    vmpl: numbersOf.getUint32(0x30, true),
    sig_algo: numbersOf.getUint32(0x34, true),
    current_tcb: tcb(0x38),
    plat_info: Number(numbersOf.getBigUint64(0x40, true)),
    key_info: numbersOf.getUint32(0x48, true),
    report_data: at(0x50, 64),
    measurement: at(0x90, 48),
    host_data: at(0xc0, 32),
    id_key_digest: at(0xe0, 48),
    author_key_digest: at(0x110, 48),
    report_id: at(0x140, 32),
    report_id_ma: at(0x160, 32),
    reported_tcb: tcb(0x180),
    cpuid_fam_id: report[0x188] ?? 0,
    cpuid_mod_id: report[0x189] ?? 0,
    cpuid_step: report[0x18a] ?? 0,
    chip_id: at(0x1a0, 64),
    committed_tcb: tcb(0x1e0),
    current: version(0x1e8),
    committed: version(0x1ec),
    launch_tcb: tcb(0x1f0),
    launch_mit_vector: null,
    current_mit_vector: null,
    signature: { r: at(0x2a0, 72), s: at(0x2e8, 72) },
  };
}

/** The report as guests 0.7 to 0.13 write it. */
function flat(report: Uint8Array): JsonObject {
  const at = (from: number, length: number): number[] => numbers(report.subarray(from, from + length));
  const byte = (offset: number): number => report[offset] ?? 0;
  const tcb = (offset: number): JsonObject => ({
    bootloader: byte(offset),
    tee: byte(offset + 1),
    _reserved: at(offset + 2, 4),
    snp: byte(offset + 6),
    microcode: byte(offset + 7),
  });
  const { current, committed, key_info, cpuid_fam_id, cpuid_mod_id, cpuid_step, ...same } = structured(report);
  expect([current, committed, cpuid_fam_id, cpuid_mod_id, cpuid_step]).not.toContain(undefined);
  return {
    ...same,
    current_tcb: tcb(0x38),
    _author_key_en: key_info ?? 0,
    _reserved_0: 0,
    reported_tcb: tcb(0x180),
    _reserved_1: at(0x188, 24),
    committed_tcb: tcb(0x1e0),
    current_build: byte(0x1e8),
    current_minor: byte(0x1e9),
    current_major: byte(0x1ea),
    _reserved_2: 0,
    committed_build: byte(0x1ec),
    committed_minor: byte(0x1ed),
    committed_major: byte(0x1ee),
    _reserved_3: 0,
    launch_tcb: tcb(0x1f0),
    _reserved_4: at(0x1f8, 168),
    signature: { r: at(0x2a0, 72), s: at(0x2e8, 72), _reserved: at(0x330, 368) },
  };
}

const chainOf = ({ leaf, ask, ark }: Bundle, kind = 'VCEK'): JsonValue => [
  { cert_type: kind, data: numbers(leaf) },
  { cert_type: 'ASK', data: numbers(ask) },
  { cert_type: 'ARK', data: numbers(ark) },
  { cert_type: 'Empty', data: [] },
  { cert_type: { OTHER: 'ecae0c0f-9502-43b1-afa2-0ae2e0d565b6' }, data: [1, 2, 3] },
];

function run(made: Bundle, more: Partial<VerifyInput> = {}, using = verifier): VerifierResult {
  const evidence = { attestation_report: structured(made.report), cert_chain: chainOf(made) };
  return using.verify({ evidence, reportData: undefined, initData: undefined, now: NOW, ...more });
}
const failures = (result: VerifierResult): string[] =>
  result.findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);

describe('evidence', () => {
  const made = bundle();
  const turin = bundle({ product: 'Turin' });
  test.each<[string, Bundle, JsonValue]>([
    ['structured', made, structured(made.report)],
    ['structured, Turin', turin, structured(turin.report, true)],
    ['structured, vectors absent', made, { ...structured(made.report), launch_mit_vector: 0 }],
    ['flat', made, flat(made.report)],
    ['flat, Turin: the names are wrong, the bytes are right', turin, flat(turin.report)],
    ['base64', made, encodeBase64(made.report)],
    ['hex texts', made, { ...structured(made.report), measurement: 'cd'.repeat(48), chip_id: encodeHex(CHIP_ID) }],
    ['unknown members', made, { ...structured(made.report), more: { deep: [1] } }],
  ])('%s', (_, from, attestation_report) => {
    const evidence = { attestation_report, cert_chain: chainOf(from) };
    const result = run(from, { evidence });
    expect(failures(result)).toEqual([]);
    expect(result.accepted).toBe(true);
  });

  test('version 2 has no CPUID members', () => {
    const old = bundle({ version: 2 });
    const { cpuid_fam_id: _, ...rest } = structured(old.report);
    const attestation_report = { ...rest, cpuid_mod_id: null, cpuid_step: null };
    expect(failures(run(old, { evidence: { attestation_report, cert_chain: chainOf(old) } }))).toEqual([]);
  });

  test('mitigation vectors of version 5', () => {
    const spec: BundleSpec = { version: 5, edit: (_, dataView) => dataView.setBigUint64(0x200, 3n, true) };
    const newer = bundle(spec);
    const attestation_report = { ...structured(newer.report), current_mit_vector: 3 };
    expect(failures(run(newer, { evidence: { attestation_report, cert_chain: chainOf(newer) } }))).toEqual([]);
    expect(failures(run(newer))).toEqual(['snp.signature.valid']);
  });

  const good = structured(made.report);
  test.each<[string, JsonValue]>([
    ['absent', null],
    ['a list', []],
    ['no version', { ...good, version: null }],
    ['version as text', { ...good, version: '3' }],
    ['negative number', { ...good, guest_svn: -1 }],
    ['fraction', { ...good, guest_svn: 1.5 }],
    ['number of five bytes', { ...good, guest_svn: 2 ** 32 }],
    ['policy beyond 2^53', { ...good, policy: 2 ** 53 }],
    ['short array', { ...good, measurement: numbers(new Uint8Array(47)) }],
    ['long array', { ...good, measurement: numbers(new Uint8Array(49)) }],
    ['octet of 256', { ...good, host_data: [256, ...numbers(new Uint8Array(31))] }],
    ['octet that is a text', { ...good, host_data: ['1', ...numbers(new Uint8Array(31))] }],
    ['upper-case hex', { ...good, measurement: 'CD'.repeat(48) }],
    ['TCB absent', { ...good, launch_tcb: null }],
    ['TCB component absent', { ...good, launch_tcb: { fmc: null, bootloader: 4, tee: 0, snp: 24 } }],
    ['fmc on Milan', { ...good, reported_tcb: { ...SPL, fmc: 1 } }],
    ['version of 256', { ...good, current: { major: 256, minor: 55, build: 29 } }],
    ['no signature', { ...good, signature: null }],
    ['signature half', { ...good, signature: { r: numbers(new Uint8Array(72)) } }],
    ['inherited', Object.create(good) as JsonValue],
    ['flat without reserved bytes', { ...flat(made.report), _reserved_4: [] }],
    [
      'flat TCB without reserved bytes',
      { ...flat(made.report), launch_tcb: { bootloader: 4, tee: 0, snp: 24, microcode: 217 } },
    ],
    ['text that is not base64', 'hex:00'],
    ['huge text', 'A'.repeat(10_000)],
  ])('report that is not complete: %s', (_, attestation_report) => {
    const result = run(made, { evidence: { attestation_report, cert_chain: null } });
    expect(result.accepted).toBe(false);
    expect(failures(result)).toEqual(['snp.report.json']);
    expect(assembleVerdict({ kind: 'snp', at: NOW, asked: false, findings: result.findings }).verdict).toBe('reject');
  });

  test.each<[string, JsonValue]>([
    ['a text', 'x'],
    ['null', null],
    ['chain as object', { attestation_report: good, cert_chain: {} }],
    ['entry as text', { attestation_report: good, cert_chain: ['x'] }],
    ['entry that is null', { attestation_report: good, cert_chain: [null] }],
    ['entry without type', { attestation_report: good, cert_chain: [{ data: [] }] }],
    ['data as object', { attestation_report: good, cert_chain: [{ cert_type: 'VCEK', data: {} }] }],
    ['octet of 300', { attestation_report: good, cert_chain: [{ cert_type: 'VCEK', data: [300] }] }],
    [
      'too many',
      { attestation_report: good, cert_chain: Array.from({ length: 17 }, () => ({ cert_type: 'Empty', data: [] })) },
    ],
  ])('evidence that is malformed: %s', (_, evidence) => {
    const result = run(made, { evidence });
    expect(result.accepted).toBe(false);
    expect(failures(result)).toEqual(['evidence.json.form']);
  });
});

test('entries that hold nothing to verify need no data', () => {
  const made = bundle();
  const chain = [...(chainOf(made) as JsonValue[]), { cert_type: 'Empty' }, { cert_type: { OTHER: 'x' } }];
  expect(failures(run(made, { evidence: { attestation_report: structured(made.report), cert_chain: chain } }))).toEqual(
    [],
  );
});

test('what a member is instead is told', () => {
  const made = bundle();
  const good = structured(made.report);
  const titleOf = (attestation_report: JsonValue): string | undefined =>
    run(made, { evidence: { attestation_report, cert_chain: null } }).findings.find(({ outcome }) => outcome === 'fail')
      ?.title;
  const { policy: _, ...without } = good;
  expect(titleOf(without)).toMatch(/member `policy` of attestation_report is absent/);
  expect(titleOf({ ...good, policy: null })).toMatch(/is null/);
  expect(titleOf({ ...good, policy: [] })).toMatch(/is a list/);
  expect(titleOf({ ...good, policy: 2 ** 60 })).toMatch(/is beyond 2\^53/);
});

test('a raw report of another length or version is refused with nothing compared', () => {
  const made = bundle();
  const refused = (report: Uint8Array): VerifierResult =>
    run(made, { evidence: { attestation_report: encodeBase64(report), cert_chain: chainOf(made) }, reportData: [] });
  expect(failures(refused(made.report.subarray(1)))).toEqual(['snp.report.length']);
  expect(failures(refused(made.report.with(0, 9)))).toEqual(['snp.report.version']);
  for (const id of ['binding.report-data.match', 'binding.init-data.match', 'snp.signature.valid']) {
    expect(refused(made.report.with(0, 9)).findings).toContainEqual(
      expect.objectContaining({ id, outcome: 'not-checked' }),
    );
  }
});

describe('endorsements', () => {
  const made = bundle({ crl: {} });
  const bare = { attestation_report: structured(made.report), cert_chain: null };

  test('none anywhere leaves the question open', () => {
    const result = run(made, { evidence: bare });
    expect(failures(result)).toEqual(['snp.leaf.source']);
    expect(assembleVerdict({ kind: 'snp', at: NOW, asked: false, findings: result.findings }).verdict).toBe(
      'incomplete',
    );
  });

  test('by name', () => {
    const { leaf, ask, ark } = made;
    for (const endorsements of [
      { vcek: leaf, ask, ark },
      { leaf, cert_chain: Uint8Array.from([...ask, ...ark]) },
      { vlek: leaf, asvk: ask, ark },
    ]) {
      expect(failures(run(made, { evidence: bare, endorsements }))).toEqual([]);
    }
  });

  test('a stale leaf of the host does not hide the right one', () => {
    const stale = bundle({ leafChanges: { '3.8': 1 } });
    const evidence = { ...bare, cert_chain: chainOf(stale) };
    expect(failures(run(made, { evidence }))).toEqual(['snp.tcb.equal']);
    expect(failures(run(made, { evidence, endorsements: { vcek: made.leaf } }))).toEqual([]);
  });

  test('authorities of another kind from the host do not hide the right ones', () => {
    const { ask: asvk } = bundle({ kind: 'VLEK' });
    const evidence = {
      ...bare,
      cert_chain: [
        { cert_type: 'VCEK', data: numbers(made.leaf) },
        { cert_type: 'ASK', data: numbers(asvk) },
      ],
    };
    const { ask, ark } = made;
    expect(failures(run(made, { evidence, endorsements: { ark } }))).toContain('snp.chain.kind');
    expect(failures(run(made, { evidence, endorsements: { ask, ark } }))).toEqual([]);
  });

  test('a CRL of the service comes before one that the host chose', () => {
    const revoking = bundle({ crl: { revoked: [2] } });
    const quiet = [
      ...(chainOf(made) as JsonValue[]),
      { cert_type: 'CRL', data: numbers(made.crl ?? new Uint8Array()) },
    ];
    const evidence = { ...bare, cert_chain: quiet };
    expect(failures(run(made, { evidence }))).toEqual([]);
    expect(failures(run(made, { evidence, endorsements: { crl: revoking.crl ?? new Uint8Array() } }))).toEqual([
      'snp.ca.revoked',
    ]);
  });

  test('a certificate table', () => {
    const table = tableOf([
      ['63da758de6644564adc5f4b93be8accd', made.leaf],
      ['4ab7b379bbac4fe4a02f05aef327c782', made.ask],
      ['c0b406a4a803495297433fb6014cd0ae', made.ark],
      ['92f81bc358114d3d97ffd19f88dc67ea', made.crl ?? new Uint8Array()],
      ['ecae0c0f950243b1afa20ae2e0d565b6', Uint8Array.of(1, 2, 3)],
    ]);
    const result = run(made, { evidence: bare, endorsements: { auxblob: table } });
    expect(failures(result)).toEqual([]);
    expect(result.findings).toContainEqual(expect.objectContaining({ id: 'snp.ca.revoked', outcome: 'pass' }));
  });

  const cut = (change: (dataView: DataView, table: Uint8Array) => Uint8Array | undefined): Uint8Array => {
    const table = tableOf([['63da758de6644564adc5f4b93be8accd', made.leaf]]);
    return change(view(table), table) ?? table;
  };
  test.each<[string, Uint8Array]>([
    ['offset outside', cut((v) => void v.setUint32(16, 0xffff_0000, true))],
    ['length outside', cut((v) => void v.setUint32(20, 0xffff_0000, true))],
    ['one byte too long', cut((v, table) => void v.setUint32(20, table.length - 48 + 1, true))],
    ['offset into the header', cut((v) => void v.setUint32(16, 24, true))],
    ['no end', cut((_, table) => table.subarray(0, 24))],
    ['cut entry', cut((_, table) => table.subarray(0, 40))],
    [
      'too many entries',
      tableOf(Array.from({ length: 33 }, () => ['63da758de6644564adc5f4b93be8accd', made.leaf] as const)),
    ],
    ['huge', new Uint8Array(1024 * 1024 + 1)],
  ])('a certificate table that leads outside: %s', (_, auxblob) => {
    const result = run(made, { evidence: bare, endorsements: { auxblob } });
    expect(failures(result)).toEqual(['snp.certs.table', 'snp.leaf.source']);
  });

  test('what to look for', () => {
    expect(snpNeeds(bare)).toEqual({
      kind: 'VCEK',
      product: 'Milan',
      hardwareId: encodeHex(CHIP_ID),
      tcb: { bootloader: 4, tee: 0, snp: 24, microcode: 217 },
      suppliesLeaf: false,
    });
    const turin = bundle({ product: 'Turin' });
    expect(snpNeeds({ attestation_report: encodeBase64(turin.report), cert_chain: chainOf(turin) })).toMatchObject({
      product: 'Turin',
      hardwareId: encodeHex(CHIP_ID.subarray(0, 8)),
      tcb: { fmc: 1, microcode: 217 },
      suppliesLeaf: true,
    });
    const masked = bundle({ edit: (report) => report.fill(0, 0x1a0, 0x1e0).fill(2, 0x48, 0x49) });
    const withLeaf = (report: Uint8Array, of: Bundle): boolean | undefined =>
      snpNeeds({ attestation_report: encodeBase64(report), cert_chain: chainOf(of) })?.suppliesLeaf;
    expect(withLeaf(masked.report, made)).toBe(true);
    // What a host left behind is no reason not to look for the right one.
    expect(withLeaf(made.report, bundle({ leafChanges: { '3.8': 100 } }))).toBe(false);
    expect(withLeaf(made.report, bundle({ leafChanges: { '4': new Uint8Array(64) } }))).toBe(false);
    expect(withLeaf(made.report, bundle({ kind: 'VLEK' }))).toBe(false);
    expect(withLeaf(made.report, { ...made, leaf: new Uint8Array(4) })).toBe(false);
    expect(withLeaf(bundle({ kind: 'VLEK' }).report, bundle({ kind: 'VLEK' }))).toBe(true);
    expect(snpNeeds({ attestation_report: encodeBase64(masked.report) })?.hardwareId).toBeUndefined();
    expect(snpNeeds({})).toBeUndefined();
  });
});

/** GUIDs are given as their text without dashes; the table has the first three fields little-endian. */
function tableOf(entries: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const header = (entries.length + 1) * 24;
  const size = entries.reduce((sum, [, bytes]) => sum + bytes.length, header);
  const table = new Uint8Array(size);
  let offset = header;
  for (const [index, [guid, bytes]] of entries.entries()) {
    const raw = Buffer.from(guid, 'hex');
    const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    table.set(
      order.map((from) => raw[from] ?? 0),
      index * 24,
    );
    view(table).setUint32(index * 24 + 16, offset, true);
    view(table).setUint32(index * 24 + 20, bytes.length, true);
    table.set(bytes, offset);
    offset += bytes.length;
  }
  return table;
}

describe('binding', () => {
  const digest = new Uint8Array(48).fill(0x11);
  const made = bundle({ edit: (report) => report.fill(0, 0x50, 0x90).fill(0x11, 0x50, 0x80) });
  const expected = (bytes: Uint8Array) => ({ bytes, algorithm: 'sha384', members: 'nonce, tee-pubkey' });

  test('report data is zero-padded to 64 bytes', () => {
    const result = run(made, { reportData: [expected(new Uint8Array(48)), expected(digest)] });
    expect(result).toMatchObject({ accepted: true, matched: 1 });
  });

  test.each<[string, Uint8Array]>([
    ['another nonce', digest.with(0, 0)],
    ['not padded with zeros', new Uint8Array(64).fill(0x11)],
    ['shorter', digest.subarray(0, 32)],
  ])('report data: %s', (_, bytes) => {
    const result = run(made, { reportData: [expected(bytes)] });
    expect(result.accepted).toBe(false);
    expect(failures(result)).toEqual(['binding.report-data.match']);
  });

  test('init-data is HOST_DATA, padded or cut to 32 bytes', () => {
    const held = new Uint8Array(32).fill(0xef);
    expect(run(made, { initData: { digest: held } }).accepted).toBe(true);
    expect(run(made, { initData: { digest: new Uint8Array(48).fill(0xef) } }).accepted).toBe(true);
    for (const bytes of [held.with(31, 0), held.subarray(0, 31), new Uint8Array(32)]) {
      expect(failures(run(made, { initData: { digest: bytes } }))).toEqual(['binding.init-data.match']);
    }
  });
});

describe('claims', () => {
  test('are those that policies of the field read, and no more', () => {
    const made = bundle({ edit: (_, dataView) => dataView.setBigUint64(0x08, 0x3_011fn, true) });
    expect(run(made)).toMatchObject({
      accepted: true,
      claimSets: [
        {
          class: 'cpu',
          claims: {
            policy_abi_major: 1,
            policy_abi_minor: 31,
            policy_smt_allowed: true,
            policy_migrate_ma: false,
            policy_debug_allowed: false,
            policy_single_socket: false,
            reported_tcb_bootloader: 4,
            reported_tcb_tee: 0,
            reported_tcb_snp: 24,
            reported_tcb_microcode: 217,
            platform_tsme_enabled: false,
            platform_smt_enabled: true,
            measurement: 'cd'.repeat(48),
            chip_id: encodeHex(CHIP_ID),
            report_data: 'ab'.repeat(64),
            init_data: 'ef'.repeat(32),
          },
        },
      ],
    });
    const result = run(made);
    expect(Object.keys(result.accepted ? (result.claimSets[0]?.claims ?? {}) : {})).toHaveLength(16);
  });

  test('of an emulated TEE say so', () => {
    const emulated = createSnpVerifier({ emulatedRoots: [{ name: 'dev root', publicKey: KEYS.ark.spki }] });
    const result = run(bundle(), {}, emulated);
    expect(result).toMatchObject({ accepted: true, claimSets: [{ claims: { emulated: true } }] });
    expect(run(bundle(), {}, createSnpVerifier()).accepted).toBe(false);
  });

  test('what is refused has none', () => {
    const result = run(bundle({ spoil: (report) => report.fill(1, 0x90, 0x91) }));
    expect(result.accepted).toBe(false);
    expect(result).not.toHaveProperty('claimSets');
  });
});

describe('rules of the owner', () => {
  const debug: BundleSpec = { edit: (_, dataView) => dataView.setBigUint64(0x08, 0xb0000n, true) };
  const migrating: BundleSpec = {
    edit: (report, dataView) => {
      dataView.setBigUint64(0x08, 0x70000n, true);
      report.fill(7, 0x160, 0x180);
    },
  };
  const vmpl: BundleSpec = { edit: (_, dataView) => dataView.setUint32(0x30, 1, true) };
  const rolledBack: BundleSpec = { edit: (report) => writeTcb(report, 0x1e0, 'Milan', { ...SPL, snp: 23 }) };
  const backwards: BundleSpec = { edit: (report) => writeTcb(report, 0x38, 'Milan', { ...SPL, microcode: 1 }) };
  const ided: BundleSpec = { edit: (report) => report.fill(5, 0xe0, 0x110).fill(6, 0x110, 0x140).fill(1, 0x48, 0x49) };
  const platform: BundleSpec = { edit: (_, dataView) => dataView.setBigUint64(0x40, 0x4n, true) };
  const firmware = { major: 1, minor: 55, build: 29 };

  test.each<[string, BundleSpec, Parameters<typeof createSnpVerifier>[0] & object, string[]]>([
    ['debug', debug, {}, ['snp.guest.debug']],
    ['debug, allowed', debug, { rules: { debugAllowed: true } }, []],
    ['migration agent', migrating, {}, ['snp.guest.migration']],
    ['migration agent, registered', migrating, { rules: { migrationAgents: ['07'.repeat(32)] } }, []],
    [
      'migration agent, another one',
      migrating,
      { rules: { migrationAgents: ['08'.repeat(32)] } },
      ['snp.guest.migration'],
    ],
    ['VMPL 1', vmpl, {}, ['snp.guest.vmpl']],
    ['VMPL 1, allowed', vmpl, { rules: { maximumVmpl: 1 } }, []],
    ['reported above committed', rolledBack, {}, ['snp.tcb.order']],
    ['committed above current', backwards, {}, ['snp.tcb.order']],
    ['minimum TCB', {}, { rules: { minimumTcb: { Milan: { snp: 25 } } } }, ['snp.tcb.minimum']],
    ['minimum TCB of another product', {}, { rules: { minimumTcb: { Genoa: { snp: 25 } } } }, []],
    ['minimum TCB, reached', {}, { rules: { minimumTcb: { Milan: { snp: 24, microcode: 217 } } } }, []],
    ['minimum firmware', {}, { rules: { minimumFirmware: { ...firmware, build: 30 } } }, ['snp.tcb.minimum']],
    [
      'minimum firmware, minor',
      {},
      { rules: { minimumFirmware: { major: 1, minor: 56, build: 0 } } },
      ['snp.tcb.minimum'],
    ],
    ['minimum firmware, reached', {}, { rules: { minimumFirmware: firmware } }, []],
    [
      'SMT off wanted',
      { edit: (_, v) => v.setBigUint64(8, 0x30000n, true) },
      { rules: { guestPolicy: { smt: false } } },
      ['snp.guest.policy'],
    ],
    ['single socket wanted', {}, { rules: { guestPolicy: { singleSocket: true } } }, ['snp.guest.policy']],
    ['policy as wanted', {}, { rules: { guestPolicy: { singleSocket: false, smt: true } } }, []],
    ['minimum ABI', {}, { rules: { minimumAbi: { major: 1, minor: 0 } } }, ['snp.guest.policy']],
    ['minimum ABI, reached', {}, { rules: { minimumAbi: { major: 0, minor: 0 } } }, []],
    ['ID key', ided, { rules: { idKeyDigests: ['05'.repeat(48)], authorKeyDigests: ['06'.repeat(48)] } }, []],
    ['another ID key', ided, { rules: { idKeyDigests: ['06'.repeat(48)] } }, ['snp.guest.author']],
    [
      'another author key',
      ided,
      { rules: { authorKeyDigests: ['05'.repeat(48), '07'.repeat(48)] } },
      ['snp.guest.author'],
    ],
    ['no ID block', {}, { rules: { idKeyDigests: ['05'.repeat(48)] } }, ['snp.guest.author']],
    ['platform SMT', {}, { rules: { platform: { smt: false } } }, ['snp.platform.smt']],
    ['platform TSME', {}, { rules: { platform: { tsme: true, ecc: true } } }, ['snp.platform.smt']],
    ['platform as wanted', platform, { rules: { platform: { smt: false, ecc: true } } }, []],
    ['alias check', platform, { rules: { platform: { aliasCheckComplete: true } } }, ['snp.platform.alias']],
    ['alias check, done', {}, { rules: { platform: { aliasCheckComplete: true } } }, []],
  ])('%s', (_, spec, options, ids) => {
    const result = run(bundle(spec), {}, createSnpVerifier({ roots, ...options }));
    expect(failures(result)).toEqual(ids);
    expect(result.accepted).toBe(ids.length === 0);
    // It is authentic all the same.
    expect(assembleVerdict({ kind: 'snp', at: NOW, asked: false, findings: result.findings }).verdict).toBe('accept');
  });

  test('what weakens a guest is told without a rule', () => {
    const warnings = (spec: BundleSpec): string[] =>
      run(bundle(spec))
        .findings.filter(({ outcome }) => outcome === 'warn')
        .map(({ id }) => id);
    expect(warnings({})).toEqual([]);
    expect(warnings(platform)).toEqual(['snp.platform.alias']);
    expect(warnings({ kind: 'VLEK' })).toEqual(['snp.chip.masked']);
    expect(warnings({ edit: (report) => report.set([28, 55, 1], 0x1ec) })).toEqual(['snp.tcb.provisional']);
    expect(warnings({ edit: (report) => writeTcb(report, 0x38, 'Milan', { ...SPL, microcode: 218 }) })).toEqual([
      'snp.tcb.provisional',
    ]);
    expect(run(bundle(debug), {}, createSnpVerifier({ roots, rules: { debugAllowed: true } })).findings).toContainEqual(
      expect.objectContaining({ id: 'snp.guest.debug', outcome: 'warn' }),
    );
  });

  test('titles are filled', () => {
    for (const spec of [debug, migrating, vmpl, rolledBack, platform, { kind: 'VLEK' as const }]) {
      for (const { title } of run(bundle(spec)).findings) expect(title ?? '').not.toContain('(unknown)');
    }
  });
});

describe('files', () => {
  const { report, leaf, ask, ark } = bundle();
  const files = { report, leaf, ask, ark };

  test('under the roots given for the call, and no others', () => {
    expect(verifySnpFiles(files, { at: NOW, roots: [ark] })).toMatchObject({ verdict: 'accept', as_of: true });
    expect(verifySnpFiles(files, { at: NOW }).verdict).toBe('reject');
  });

  test('report data and init-data are compared when given', () => {
    const options = { at: NOW, roots: [ark] };
    const verdict = (more: object): unknown => verifySnpFiles(files, { ...options, ...more }).verdict;
    expect(verdict({ reportData: new Uint8Array(64).fill(0xab) })).toBe('accept');
    expect(verdict({ reportData: new Uint8Array(64).fill(0xaa) })).toBe('reject');
    expect(verdict({ initDataDigest: new Uint8Array(32).fill(0xef) })).toBe('accept');
    expect(verdict({ initDataDigest: new Uint8Array(32).fill(0xee) })).toBe('reject');
  });

  test('a report must be there', () => {
    expect(() => verifySnpFiles({ leaf }, { at: NOW })).toThrow(RangeError);
  });

  test('AMD gives up no authority that the host leaves out', () => {
    // Without ASK and ARK of its own the chain is completed from AMD's, under which this leaf was not issued.
    const failed = verifySnpFiles({ report, leaf }, { at: NOW }).findings.filter(({ outcome }) => outcome === 'fail');
    expect(failed.map(({ id }) => id)).toEqual(['snp.chain.links']);
  });
});
