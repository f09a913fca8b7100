import { generateKeyPairSync } from 'node:crypto';
import { concatBytes, type JsonObject, type JsonValue } from '@assay/bytes';
import { FINDING_IDS } from '@assay/bytes/findings';
import {
  createNvidiaVerifier,
  type Endorsements,
  type ExpectedReportData,
  type NvidiaVerifierOptions,
  nvidiaVerifier,
  type VerifierResult,
} from '@assay/evidence';
import { verifyNvidiaFiles } from '@assay/evidence/nvidia';
import { describe, expect, test } from 'vitest';
import { type NvidiaDeviceOverrides, type NvidiaOverrides, nvidiaEvidence, nvidiaReport } from '../attester/nvidia.js';
import { createTestWorld } from '../world.js';
import { basicConstraints, keyUsage } from '../x509/extension.js';
import { goldenMeasurement, type NvidiaDevice } from './device.js';
import type { ManifestFields } from './manifest.js';
import { driverName, vbiosName } from './nvidia.js';
import { answerOcsp, OCSP_TRY_LATER, type OcspOrders } from './ocsp.js';
import { nvidiaBlock, nvidiaOpaque, nvidiaRequest } from './report.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const world = createTestWorld({
  now: () => NOW,
  random: (length) => new Uint8Array(length),
  seed: new Uint8Array(32).fill(7),
});
const { nvidia } = world;
const gpu = nvidia.device();
const other = nvidia.device('gpu-2');
const REPORT_DATA = new Uint8Array(48).map((_, index) => index + 1);
const expected: ExpectedReportData = { bytes: REPORT_DATA, algorithm: 'sha384', members: 'nonce, tee-pubkey' };

interface Asked extends NvidiaVerifierOptions {
  readonly endorsements?: Endorsements;
  readonly reportData?: readonly ExpectedReportData[] | undefined;
  readonly now?: Date;
}

function verify(evidence: JsonValue, asked: Asked = {}): VerifierResult {
  const { endorsements = {}, now = NOW, ...options } = asked;
  const verifier = createNvidiaVerifier({ emulatedRoots: world.anchors().nvidia, ...options });
  const reportData = 'reportData' in asked ? asked.reportData : [expected];
  return verifier.verify({ evidence, reportData, initData: undefined, endorsements, now });
}

const failures = ({ findings }: VerifierResult): string[] => [
  ...new Set(findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id)),
];
const warnings = ({ findings }: VerifierResult): string[] =>
  findings.filter(({ outcome }) => outcome === 'warn').map(({ id }) => id);

/** Ids of what refuses evidence of one GPU. */
const refusing = (overrides: Partial<NvidiaDeviceOverrides>, asked: Asked = {}): string[] => {
  const result = verify(nvidiaEvidence(world, REPORT_DATA, { devices: [{ device: gpu, ...overrides }] }), asked);
  expect(result.accepted).toBe(failures(result).length === 0);
  return failures(result);
};

function claimsOf(result: VerifierResult): JsonObject[] {
  if (!result.accepted) throw new Error(`refused: ${failures(result).join(', ')}`);
  return result.claimSets.map(({ claims }) => claims);
}

describe('accepted', () => {
  test.each<[string, NvidiaOverrides, string]>([
    ['Hopper', {}, 'gpu'],
    ['Hopper, reports in hex', { encoding: 'hex' }, 'gpu'],
    ['Blackwell, whose firmware id stands in a TcbInfo', { devices: [nvidia.device('b', 'BLACKWELL')] }, 'gpu'],
    ['a switch', { devices: [nvidia.device('s', 'LS10')] }, 'switch'],
    ['Hopper in lower case', { devices: [{ device: gpu, arch: 'Hopper' }] }, 'gpu'],
  ])('%s', (_, overrides, kind) => {
    const result = verify(nvidiaEvidence(world, REPORT_DATA, overrides));
    expect(failures(result)).toEqual([]);
    if (!result.accepted) throw new Error('refused');
    expect(result.claimSets.map((set) => set.class)).toEqual([kind]);
    expect(result.matched).toBe(0);
    expect(warnings(result)).toEqual(['evidence.hardware.backed']);
  });

  test('claims are those that policies of the field know', () => {
    const [claims] = claimsOf(verify(nvidiaEvidence(world, REPORT_DATA)));
    expect(claims).toMatchObject({
      arch: 'Hopper',
      uuid: gpu.uuid,
      emulated: true,
      config: {
        driver_version: '590.12',
        vbios_version: '96.00.a5.00.01',
        nvdec0_status: 'enabled',
        project: 'G520',
        project_sku: '0200',
        chip_sku: '885',
        opaque_data_version: 1,
        feature_flag: 'SPT',
        fwid: Buffer.from(gpu.fwid).toString('hex'),
      },
    });
    const measured = (claims?.['measurements'] ?? {}) as JsonObject;
    expect(Object.keys(measured)).toHaveLength(64);
    expect(measured['1']).toBe(Buffer.from(goldenMeasurement('HOPPER', 1)).toString('hex'));
    expect(claims).not.toHaveProperty('report_data');
    expect(claims).not.toHaveProperty('rim');
  });

  test('bytes behind the signature are tolerated, and reported', () => {
    const evidence = nvidiaEvidence(world, REPORT_DATA, {
      devices: [{ device: gpu, report: { trailing: Uint8Array.of(0) } }],
    });
    const result = verify(evidence);
    expect(failures(result)).toEqual([]);
    expect(warnings(result)).toContain('nvidia.report.trailing');
  });

  test('a device without uuid is called unknown', () => {
    const { device_evidence_list: list } = nvidiaEvidence(world, REPORT_DATA) as { device_evidence_list: JsonObject[] };
    const [{ uuid: _, ...device }] = list as [JsonObject];
    expect(claimsOf(verify({ device_evidence_list: [device] }))[0]?.['uuid']).toBe('unknown');
  });
});

describe('nothing is trusted by itself', () => {
  test('emulated roots are refused unless they are named', () => {
    const result = nvidiaVerifier.verify({
      evidence: nvidiaEvidence(world, REPORT_DATA),
      reportData: [expected],
      initData: undefined,
      now: NOW,
    });
    expect(failures(result)).toEqual(['evidence.emulated.root', 'nvidia.chain.root']);
  });

  test('another emulated world is refused', () => {
    const stranger = createTestWorld({ now: () => NOW, random: (length) => new Uint8Array(length).fill(3) });
    expect(failures(verify(nvidiaEvidence(stranger, REPORT_DATA)))).toContain('nvidia.chain.root');
  });
});

describe('form of the report', () => {
  const opaque = (...fields: [number, Uint8Array][]): Uint8Array => nvidiaOpaque(fields);
  const blocks = (...indexes: number[]): Uint8Array =>
    concatBytes(...indexes.map((index) => nvidiaBlock(index, goldenMeasurement('HOPPER', index))));
  const nonce = REPORT_DATA.subarray(0, 32);
  const request = (at: number, octet: number): Uint8Array => {
    const bytes = nvidiaRequest(nonce);
    bytes[at] = octet;
    return bytes;
  };
  test.each<[string, NvidiaDeviceOverrides['report']]>([
    ['another SPDM version in the request', { request: request(0, 0x12) }],
    ['another request code', { request: request(1, 0xe1) }],
    ['no signature requested', { request: request(2, 0) }],
    ['not all measurements requested', { request: request(3, 1) }],
    ['a count that is too large', { numberOfBlocks: 65 }],
    ['a count that is too small', { numberOfBlocks: 63 }],
    ['a block that stands twice', { record: blocks(1, 1), numberOfBlocks: 2 }],
    [
      'a block of another specification',
      { record: blocks(1).map((octet, at) => (at === 1 ? 2 : octet)), numberOfBlocks: 1 },
    ],
    ['a value shorter than a digest', { record: nvidiaBlock(1, new Uint8Array(32)), numberOfBlocks: 1 }],
    ['sizes that differ', { record: blocks(1).map((octet, at) => (at === 2 ? octet + 1 : octet)), numberOfBlocks: 1 }],
    ['a field that stands twice', { opaque: opaque([3, Buffer.from('1')], [3, Buffer.from('1')]) }],
    ['a field that is cut', { opaque: Uint8Array.of(3, 0, 9, 0, 1) }],
    ['a head of a field that is cut', { opaque: Uint8Array.of(3, 0, 1) }],
    [
      'too many fields',
      { opaque: opaque(...Array.from({ length: 65 }, (_, n): [number, Uint8Array] => [100 + n, Buffer.from('x')])) },
    ],
  ])('%s', (_, report) => {
    expect(refusing({ report: report ?? {} })).toContain('nvidia.report.form');
  });

  test.each<[string, (report: Uint8Array) => Uint8Array]>([
    ['cut in the signature', (report) => report.subarray(0, -1)],
    ['cut in the record', (report) => report.subarray(0, 500)],
    ['another response version', (report) => report.map((octet, at) => (at === 37 ? 0x10 : octet))],
    ['an error instead of measurements', (report) => report.map((octet, at) => (at === 38 ? 0x7f : octet))],
    ['empty', () => Uint8Array.of(0)],
    ['too long', (report) => Uint8Array.from([...report, ...new Uint8Array(64 * 1024)])],
  ])('%s', (_, alter) => {
    expect(refusing({ alter })).toContain('nvidia.report.form');
  });
});

describe('opaque data in claims', () => {
  const config = (...fields: [number, Uint8Array][]): JsonObject => {
    const opaque = nvidiaOpaque([[20, gpu.fwid], ...fields]);
    const evidence = nvidiaEvidence(world, REPORT_DATA, { devices: [{ device: gpu, report: { opaque } }] });
    return (claimsOf(verify(evidence))[0]?.['config'] ?? {}) as JsonObject;
  };
  test.each<[string, number, string, string, JsonValue]>([
    ['a driver version', 3, '3539302e313200', 'driver_version', '590.12'],
    ['a text that is none', 3, 'ff00', 'driver_version', 'ff00'],
    ['a VBIOS version', 6, '009f009601000000', 'vbios_version', '96.00.9f.00.01'],
    ['a VBIOS version as text', 6, '39362e31302e37332e30302e3031', 'vbios_version', '96.10.73.00.01'],
    ['a decoder that is off', 11, '55', 'nvdec0_status', 'disabled'],
    ['a decoder that is neither', 11, '00', 'nvdec0_status', '00'],
    ['a decoder of two octets', 11, '5555', 'nvdec0_status', '5555'],
    ['counts', 12, '0100000002000000', 'measurement_count', { 1: 1, 2: 2 }],
    ['counts that are cut', 12, '010000', 'measurement_count', '010000'],
    ['identifiers', 22, '77e911d843b7533a77e911d843b7533a', 'switch_pdi', ['77e911d843b7533a', '77e911d843b7533a']],
    ['identifiers that are cut', 22, '77e911', 'switch_pdi', '77e911'],
    ['a version', 34, '0100', 'opaque_data_version', 1],
    ['a version that is too long', 34, '01000000000000', 'opaque_data_version', '01000000000000'],
    ['a version of nothing', 34, '', 'opaque_data_version', ''],
    ['MPT', 36, '0100', 'feature_flag', 'MPT'],
    ['PPCIE', 36, '0200', 'feature_flag', 'PPCIE'],
    ['another flag', 36, '0900', 'feature_flag', 'unknown'],
    ['a board', 14, 'b1030000', 'board_id', 'b1030000'],
    ['a field without a name', 99, '0102', 'field_99', '0102'],
  ])('%s', (_, type, hex, name, value) => {
    expect(config([type, Uint8Array.from(Buffer.from(hex, 'hex'))])[name]).toEqual(value);
  });
});

describe('authentication', () => {
  const changed =
    (at: number) =>
    (report: Uint8Array): Uint8Array =>
      report.map((octet, index) => (index === (at < 0 ? report.length + at : at) ? octet ^ 1 : octet));
  const key = nvidia.pki.key('stranger');
  const wrongFwid = new Uint8Array(48).fill(9);
  test.each<[string, Partial<NvidiaDeviceOverrides>, string[]]>([
    ['a measurement changed', { alter: changed(60) }, ['nvidia.report.signature']],
    ['the request nonce changed', { alter: changed(5) }, ['nvidia.report.signature', 'nvidia.report.nonce']],
    ['the responder nonce changed', { alter: changed(-350) }, ['nvidia.report.signature']],
    ['the signature changed', { alter: changed(-1) }, ['nvidia.report.signature']],
    ['signed by another device', { signer: other }, ['nvidia.report.signature']],
    ['another nonce', { nonce: new Uint8Array(32).fill(5) }, ['nvidia.report.nonce']],
    ['the chain lacks the provisioner', { chain: (pems) => pems.filter((_, at) => at !== 2) }, ['nvidia.chain.links']],
    ['the chain lacks the leaf', { chain: (pems) => pems.slice(1) }, ['nvidia.report.signature', 'nvidia.device.fwid']],
    [
      'the root alone',
      { chain: (pems) => pems.slice(-1) },
      ['nvidia.chain.form', 'nvidia.report.signature', 'nvidia.device.arch', 'nvidia.device.fwid'],
    ],
    [
      'the chain lacks the root',
      { chain: (pems) => pems.slice(0, -1) },
      ['nvidia.chain.links', 'evidence.emulated.root', 'nvidia.chain.root'],
    ],
    [
      'the chain in another order',
      { chain: (pems) => [...pems].reverse() },
      [
        'nvidia.chain.links',
        'evidence.emulated.root',
        'nvidia.chain.root',
        'nvidia.report.signature',
        'nvidia.device.arch',
        'nvidia.device.fwid',
      ],
    ],
    ['no chain', { chain: () => [''] }, ['nvidia.chain.form']],
    [
      'an intermediate that is no CA',
      { orders: { rom: { extensions: [keyUsage('keyCertSign')] } } },
      ['nvidia.chain.links'],
    ],
    [
      'an intermediate that may not sign',
      { orders: { rom: { extensions: [basicConstraints(true), keyUsage('digitalSignature')] } } },
      ['nvidia.chain.links'],
    ],
    [
      'an intermediate without key usage',
      { orders: { rom: { extensions: [basicConstraints(true)] } } },
      ['nvidia.chain.links'],
    ],
    ['an intermediate signed by a stranger', { orders: { identity: { signer: key } } }, ['nvidia.chain.links']],
    [
      'a leaf that has ended',
      { orders: { leaf: { notAfter: new Date('2026-02-01T00:00:00Z') } } },
      ['nvidia.chain.validity'],
    ],
    [
      'a leaf that is not yet valid',
      { orders: { leaf: { notBefore: new Date('2026-04-01T00:00:00Z') } } },
      ['nvidia.chain.validity'],
    ],
    [
      'an intermediate that has ended',
      { orders: { provisioner: { notAfter: new Date('2026-02-01T00:00:00Z') } } },
      ['nvidia.chain.validity'],
    ],
    [
      'another firmware id in the report',
      { report: { opaque: nvidiaOpaque([[20, wrongFwid]]) } },
      ['nvidia.device.fwid'],
    ],
    [
      'a leaf without firmware id',
      { orders: { leaf: { extensions: [keyUsage('digitalSignature')] } } },
      ['nvidia.device.fwid'],
    ],
    [
      'a leaf with a firmware id of no form',
      { orders: { leaf: { extensions: [{ oid: '2.23.133.5.4.1', value: Uint8Array.of(0x30, 0x03, 2, 1, 2) }] } } },
      ['nvidia.device.fwid'],
    ],
    [
      'a critical extension that is unknown',
      { orders: { leaf: { extensions: [{ oid: '1.2.3', critical: true, value: Uint8Array.of(5, 0) }] } } },
      ['nvidia.chain.links', 'nvidia.device.fwid'],
    ],
    ['a GPU that is said to be a switch', { arch: 'LS10' }, ['nvidia.device.arch']],
    ['a Hopper that is said to be a Blackwell', { arch: 'BLACKWELL' }, ['nvidia.device.arch']],
    [
      'a chip that is unknown',
      { orders: { leaf: { subject: [['CN', 'AD102 A01 GSP FMC LF']] } } },
      ['nvidia.device.arch'],
    ],
    [
      'a leaf with a key of P-256',
      { orders: { leaf: { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey } } },
      ['nvidia.report.signature'],
    ],
  ])('%s', (_, overrides, ids) => {
    expect(refusing(overrides)).toEqual(ids);
  });

  test('without report data nothing is accepted', () => {
    expect(refusing({}, { reportData: undefined })).toEqual(['nvidia.report.nonce']);
  });

  test('any alternative of the report data will do, and is told', () => {
    const wrong = { ...expected, bytes: new Uint8Array(48) };
    const result = verify(nvidiaEvidence(world, REPORT_DATA), { reportData: [wrong, expected] });
    expect(result).toMatchObject({ accepted: true, matched: 1 });
    expect(refusing({}, { reportData: [wrong] })).toEqual(['nvidia.report.nonce']);
  });

  test('short report data is padded with zeros', () => {
    const short = { ...expected, bytes: REPORT_DATA.subarray(0, 20) };
    expect(verify(nvidiaEvidence(world, short.bytes), { reportData: [short] }).accepted).toBe(true);
  });
});

describe('evidence JSON', () => {
  const device =
    (nvidiaEvidence(world, REPORT_DATA) as { device_evidence_list: JsonObject[] }).device_evidence_list[0] ?? {};
  const list = (...devices: JsonValue[]): JsonObject => ({ device_evidence_list: devices });
  test.each<[string, JsonValue]>([
    ['no object', 'x'],
    ['no list', {}],
    ['an empty list', list()],
    ['too many devices', list(...Array.from({ length: 25 }, () => device))],
    ['a device that is no object', list(1)],
    ['no architecture', list({ ...device, arch: 1 })],
    ['an unknown architecture', list({ ...device, arch: 'hopper' })],
    ['a uuid that is no text', list({ ...device, uuid: 7 })],
    ['no report', list({ ...device, evidence: null })],
    ['a report that is no base64', list({ ...device, evidence: '!' })],
    ['a report that is too long', list({ ...device, evidence: 'A'.repeat(200_000) })],
    ['a chain in hex', list({ ...device, certificate: 'abc' })],
  ])('%s', (_, evidence) => {
    expect(failures(verify(evidence))).toEqual(['evidence.json.form']);
  });
});

describe('files', () => {
  const { chain, report } = nvidiaReport(world, REPORT_DATA, { device: gpu });
  const files = { evidence: report, cert_chain: Buffer.from(chain) };
  const options = { at: NOW, emulatedRoots: world.anchors().nvidia };

  test('a report with its chain', () => {
    expect(verifyNvidiaFiles(files, { ...options, reportData: REPORT_DATA }).verdict).toBe('accept');
    expect(verifyNvidiaFiles(files, { at: NOW, reportData: REPORT_DATA }).verdict).toBe('reject');
  });

  test('other report data than asked for', () => {
    const { findings, verdict } = verifyNvidiaFiles(files, { ...options, reportData: new Uint8Array(48) });
    expect(verdict).toBe('reject');
    expect(findings).toContainEqual(expect.objectContaining({ id: 'nvidia.report.nonce', outcome: 'fail' }));
  });
});

describe('several devices', () => {
  const machine = nvidia.machine();
  const evidenceOf = (devices: NvidiaOverrides['devices']): JsonObject =>
    nvidiaEvidence(world, REPORT_DATA, { devices: devices ?? [] });

  test('eight GPUs and four switches: twelve claim sets, and one of the topology', () => {
    const result = verify(evidenceOf(machine));
    expect(failures(result)).toEqual([]);
    if (!result.accepted) throw new Error('refused');
    const classes = result.claimSets.map((set) => set.class);
    expect(classes).toEqual([...Array(8).fill('gpu'), ...Array(4).fill('switch'), 'ppcie']);
    expect(result.claimSets.at(-1)?.claims).toEqual({ switch_count: 4, gpu_count: 8, emulated: true });
  });

  test('one swapped GPU refuses all of them, and is named', () => {
    const swapped = { device: machine[3] ?? gpu, nonce: new Uint8Array(32).fill(1) };
    const result = verify(evidenceOf(machine.map((one, at) => (at === 3 ? swapped : one))));
    expect(result.accepted).toBe(false);
    const failed = result.findings.filter(({ outcome }) => outcome === 'fail');
    expect(failed.map(({ id, subject }) => [id, subject])).toEqual([['nvidia.report.nonce', 'gpu3']]);
  });

  test('devices that bound two forms of the runtime data are not one guest’s', () => {
    const wrong = { ...expected, bytes: new Uint8Array(48).fill(9) };
    const devices = [gpu, { device: other, nonce: wrong.bytes.subarray(0, 32) }];
    const result = verify(evidenceOf(devices), { reportData: [expected, wrong] });
    expect(failures(result)).toEqual(['nvidia.report.nonce']);
  });

  test('one device listed twice is refused', () => {
    expect(failures(verify(evidenceOf([gpu, other, gpu])))).toEqual(['nvidia.device.distinct']);
  });

  test('two GPUs without a switch: nobody asks for a topology', () => {
    const result = verify(evidenceOf([gpu, other]));
    expect(result.findings.some(({ id }) => id === 'nvidia.topology.complete')).toBe(false);
    expect(claimsOf(result)).toHaveLength(2);
  });

  const strange = (place: number): NvidiaOverrides['devices'] =>
    machine.map((one, at) =>
      at === place ? { ...one, peers: [...one.peers.slice(1), new Uint8Array(8).fill(4)] } : one,
    );
  test.each<[string, NvidiaOverrides['devices'], string]>([
    ['seven GPUs', machine.slice(1), '7 GPUs and 4 switches'],
    ['three switches', machine.slice(0, -1), '8 GPUs and 3 switches'],
    ['a GPU that is linked elsewhere', strange(0), 'a GPU is linked to other switches'],
    ['a switch that is linked elsewhere', strange(9), 'switches are linked to different GPUs'],
    [
      'a GPU of another machine',
      [{ ...other, peers: machine[0]?.peers ?? [] }, ...machine.slice(1)],
      'switches are linked to other GPUs',
    ],
    [
      'a switch without links',
      machine.map((one, at) => (at === 8 ? { ...one, peers: [] } : one)),
      'a switch is linked to 0 GPUs',
    ],
    [
      'two switches of one name',
      machine.map((one, at) => (at === 9 ? { ...one, pdi: machine[8]?.pdi ?? one.pdi } : one)),
      'switches do not name themselves',
    ],
  ])('%s is no complete topology', (_, devices, what) => {
    const result = verify(evidenceOf(devices));
    expect(failures(result)).toEqual([]);
    const finding = result.findings.find(({ id }) => id === 'nvidia.topology.complete');
    expect(finding).toMatchObject({ outcome: 'warn' });
    expect(finding?.title).toContain(what);
    expect(claimsOf(result)).toHaveLength(devices?.length ?? 0);
  });
});

describe('reference manifests', () => {
  const [driver = '', vbios = ''] = [driverName(gpu), vbiosName(gpu)];
  const manifests = (
    edit: { driver?: Partial<ManifestFields>; vbios?: Partial<ManifestFields> } = {},
  ): Endorsements => {
    const both = [
      [driver, edit.driver],
      [vbios, edit.vbios],
    ] as const;
    const made: Record<string, Uint8Array> = {};
    for (const [name, orders] of both) {
      nvidia.orders = { manifest: orders ?? {} };
      made[`rim:${name}`] = nvidia.manifest(name) ?? new Uint8Array(0);
    }
    nvidia.orders = {};
    return made;
  };
  const withManifests = (endorsements: Endorsements, overrides: Partial<NvidiaDeviceOverrides> = {}): VerifierResult =>
    verify(nvidiaEvidence(world, REPORT_DATA, { devices: [{ device: gpu, ...overrides }] }), {
      endorsements,
      rules: { rim: 'required', ocsp: 'off' },
    });

  test('golden values that match are a claim', () => {
    const result = withManifests(manifests());
    expect(failures(result)).toEqual([]);
    expect(claimsOf(result)[0]?.['rim']).toEqual({ driver, vbios, measres: 'success' });
    expect(result.collateral?.map(({ item }) => item)).toEqual([`RIM ${driver}`, `RIM ${vbios}`]);
  });

  test('a switch needs one manifest', () => {
    const one = nvidia.device('s', 'LS10');
    const name = vbiosName(one);
    const endorsements = { [`rim:${name}`]: nvidia.manifest(name) ?? new Uint8Array(0) };
    const result = verify(nvidiaEvidence(world, REPORT_DATA, { devices: [one] }), {
      endorsements,
      rules: { rim: 'required' },
    });
    expect(claimsOf(result)[0]?.['rim']).toEqual({ vbios: name, measres: 'success' });
  });

  test('one of two is compared, and is no success', () => {
    const { [`rim:${vbios}`]: _, ...half } = manifests();
    const result = verify(nvidiaEvidence(world, REPORT_DATA), { endorsements: half });
    expect(claimsOf(result)[0]?.['rim']).toEqual({ driver });
    expect(failures(withManifests(half))).toEqual(['nvidia.rim.missing']);
  });

  test('without a rule they are said to be missing; with `required` the verdict is incomplete; with `off` nobody asks', () => {
    const evidence = nvidiaEvidence(world, REPORT_DATA);
    const titles = (result: VerifierResult): string[] =>
      result.findings.filter(({ id }) => id === 'nvidia.rim.match').map(({ title }) => title ?? '');
    expect(titles(verify(evidence))).toEqual([
      `not compared: no RIM ${driver} is at hand`,
      `not compared: no RIM ${vbios} is at hand`,
    ]);
    const required = verify(evidence, { rules: { rim: 'required' } });
    expect(failures(required)).toEqual(['nvidia.rim.missing']);
    expect(required.findings.find(({ id }) => id === 'nvidia.rim.missing')).toMatchObject({
      stage: 'endorse',
      guest_code: 'unavailable',
    });
    const off = verify(evidence, { rules: { rim: 'off' }, endorsements: manifests() });
    expect(titles(off)).toEqual(['not compared: `nvidia.rim` is off']);
    expect(claimsOf(off)[0]).not.toHaveProperty('rim');
  });

  const without = (index: number) =>
    gpu.measurements.size > 0 && new Map([...gpu.measurements].filter(([one]) => one !== index));
  test.each<[string, Partial<NvidiaDeviceOverrides>, string[]]>([
    [
      'a measurement of the driver',
      { device: { ...gpu, measurements: new Map(gpu.measurements).set(8, new Uint8Array(48)) } },
      ['nvidia.rim.match'],
    ],
    [
      'a measurement of the VBIOS',
      { device: { ...gpu, measurements: new Map(gpu.measurements).set(1, new Uint8Array(48)) } },
      ['nvidia.rim.match'],
    ],
    [
      'a measurement that is absent',
      { device: { ...gpu, measurements: without(10) || new Map() } },
      ['nvidia.rim.match'],
    ],
    [
      'measurement 35 with the decoder on',
      { device: { ...gpu, measurements: new Map(gpu.measurements).set(36, new Uint8Array(48)) } },
      ['nvidia.rim.match'],
    ],
    [
      'measurement 35 with the decoder off',
      { device: { ...gpu, nvdec0: 'disabled', measurements: new Map(gpu.measurements).set(36, new Uint8Array(48)) } },
      [],
    ],
    [
      'a measurement that nobody vouches for',
      { device: { ...gpu, measurements: new Map(gpu.measurements).set(60, new Uint8Array(48)) } },
      [],
    ],
  ])('%s', (_, overrides, ids) => {
    expect(failures(withManifests(manifests(), overrides))).toEqual(ids);
  });

  test('another driver than the manifest is for', () => {
    const names = manifests();
    const moved = {
      [`rim:${driverName({ ...gpu, driverVersion: '600.1' })}`]: names[`rim:${driver}`] ?? new Uint8Array(0),
    };
    const result = withManifests({ ...names, ...moved }, { device: { ...gpu, driverVersion: '600.1' } });
    expect(failures(result)).toEqual(['nvidia.rim.version']);
    const compared = result.findings.filter(({ id }) => id === 'nvidia.rim.match');
    expect(compared.map(({ outcome }) => outcome)).toEqual(['not-checked']);
  });

  test('a manifest under the root of another world is refused', () => {
    const stranger = createTestWorld({ now: () => NOW, random: (length) => new Uint8Array(length).fill(3) });
    const { pki } = stranger.nvidia;
    const edit = { chain: pki.manifestChain(NOW), key: pki.key('rim-signer') };
    expect(failures(withManifests(manifests({ driver: edit })))).toEqual(['nvidia.rim.signature']);
  });

  test.each<[string, Partial<NvidiaDevice>]>([
    ['a driver version that is no name', { driverVersion: '../../x' }],
    ['a board that is no name', { project: 'a b' }],
    ['a chip that is no name', { chipSku: '?' }],
  ])('%s has no manifest', (_, edit) => {
    const result = withManifests(manifests(), { device: { ...gpu, ...edit } });
    expect(failures(result)).toEqual(['nvidia.rim.missing']);
  });

  test('a manifest given twice overlaps', () => {
    const values = [{ index: 0, values: [goldenMeasurement('HOPPER', 1)] }];
    expect(failures(withManifests(manifests({ driver: { golden: values } })))).toEqual(['nvidia.rim.overlap']);
  });

  const edits = nvidia.pki;
  const signer = (change: object): Partial<ManifestFields> => ({ chain: edits.manifestChain(NOW, change) });
  test.each<[string, Partial<ManifestFields>]>([
    ['signed by another key', { key: edits.key('stranger') }],
    ['a signer that has ended', signer({ notAfter: new Date('2026-02-01T00:00:00Z') })],
    ['a signer that is not yet valid', signer({ notBefore: new Date('2026-04-01T00:00:00Z') })],
    ['a signer that may not sign', signer({ extensions: [keyUsage('keyCertSign')] })],
    ['a signer that a stranger vouches for', signer({ signer: edits.key('stranger') })],
    [
      'the key of the root without a chain',
      {
        chain: edits
          .manifestChain(NOW, {
            issuer: [['CN', 'self']],
            subject: [['CN', 'self']],
            key: edits.manifestRootKey,
            signer: edits.manifestRootKey,
            extensions: [basicConstraints(true), keyUsage('digitalSignature', 'keyCertSign')],
          })
          .slice(0, 1),
        key: edits.manifestRootKey,
      },
    ],
    ['no certificate of a CA', { chain: edits.manifestChain(NOW).slice(0, 1) }],
    ['no root', { chain: edits.manifestChain(NOW).slice(0, 2) }],
    ['the chain in another order', { chain: [...edits.manifestChain(NOW)].reverse() }],
    ['no certificates', { chain: [] }],
    [
      'another canonicalisation',
      { signedInfo: (text) => text.replace('xml-c14n11"></ds:Can', 'xml-c14n12"></ds:Can') },
    ],
    ['another transform', { signedInfo: (text) => text.replace('#enveloped-signature', '#base64') }],
    [
      'a transform too many',
      {
        signedInfo: (text) =>
          text.replace(
            '</ds:Transforms>',
            '<ds:Transform Algorithm="http://www.w3.org/2006/12/xml-c14n11"></ds:Transform></ds:Transforms>',
          ),
      },
    ],
    [
      'a transform too few',
      {
        signedInfo: (text) =>
          text.replace('<ds:Transform Algorithm="http://www.w3.org/2006/12/xml-c14n11"></ds:Transform>', ''),
      },
    ],
    ['another digest algorithm', { signedInfo: (text) => text.replace('xmldsig-more#sha384', 'xmlenc#sha256') }],
    ['another signature algorithm', { signedInfo: (text) => text.replace('ecdsa-sha384', 'ecdsa-sha256') }],
    ['another digest', { signedInfo: (text) => text.replace(/<ds:DigestValue>..../, '<ds:DigestValue>AAAA') }],
    ['a reference to a part', { signedInfo: (text) => text.replace('URI=""', 'URI="#x"') }],
    ['a reference with a type', { signedInfo: (text) => text.replace('URI=""', 'Type="x" URI=""') }],
    ['two references', { signedInfo: (text) => text.replace(/(<ds:Reference.*<\/ds:Reference>)/s, '$1$1') }],
    [
      'an attribute of SignedInfo',
      { signedInfo: (text) => text.replace(/^<ds:SignedInfo([^>]*)>/, '<ds:SignedInfo$1 Id="x">') },
    ],
  ])('%s is refused', (_, edit) => {
    const result = withManifests(manifests({ driver: edit }));
    expect(failures(result)).toEqual(['nvidia.rim.signature']);
  });

  test.each<[string, (text: string) => string]>([
    ['a golden value changed', (text) => text.replace(/Hash0="(?!0{96}).{4}/, 'Hash0="abcd')],
    [
      'a measurement added',
      (text) => text.replace('</swid:Payload>', '<swid:Resource active="True"></swid:Resource></swid:Payload>'),
    ],
    ['the signature changed', (text) => text.replace(/<ds:SignatureValue>..../, '<ds:SignatureValue>AAAA')],
    ['no signature', (text) => text.replace(/<ds:Signature .*<\/ds:Signature>/s, '')],
    ['two signatures', (text) => text.replace(/(<ds:Signature .*<\/ds:Signature>)/s, '$1$1')],
    [
      'the signature inside a member',
      (text) => text.replace(/(<ds:Signature .*<\/ds:Signature>)/s, '<swid:Meta>$1</swid:Meta>'),
    ],
    [
      'the signed document wrapped by another',
      (text) =>
        text.replace(/^<SoftwareIdentity/, '<SoftwareIdentity><SoftwareIdentity').replace(/$/, '</SoftwareIdentity>'),
    ],
    ['a comment', (text) => text.replace('<swid:Payload>', '<!-- x --><swid:Payload>')],
    ['a document type', (text) => `<!DOCTYPE x [<!ENTITY a "b">]>${text}`],
    ['an instruction', (text) => `${text}<?x y?>`],
    ['a character at the end', (text) => `${text}x`],
    ['not XML', () => 'x'],
  ])('%s is refused', (_, alter) => {
    const both = manifests();
    const text = Buffer.from(both[`rim:${driver}`] ?? []).toString('utf8');
    const altered = alter(text);
    expect(altered).not.toBe(text);
    const result = withManifests({ ...both, [`rim:${driver}`]: Buffer.from(altered) });
    expect(failures(result)).toEqual(['nvidia.rim.signature']);
  });

  test.each<[string, (text: string) => string]>([
    ['no SWID tag', (text) => text.replaceAll('SoftwareIdentity', 'Software')],
    ['no Meta', (text) => text.replace(/<swid:Meta.*?<\/swid:Meta>\n/, '')],
    ['two Metas', (text) => text.replace(/(<swid:Meta.*?<\/swid:Meta>)/, '$1$1')],
    ['no version', (text) => text.replace(/ colloquialVersion="[^"]*"/, '')],
    ['no Payload', (text) => text.replace(/<swid:Payload>.*<\/swid:Payload>\n/s, '')],
    ['a Resource of another type', (text) => text.replace('type="Measurement"', 'type="Other"')],
    [
      'another element in the Payload',
      (text) => text.replace('<swid:Resource', '<hash:Resource').replace('</swid:Resource>', '</hash:Resource>'),
    ],
    ['text in the Payload', (text) => text.replace('<swid:Payload>', '<swid:Payload>x')],
    ['an index twice', (text) => text.replace('index="1"', 'index="0"')],
    ['an index that is no number', (text) => text.replace('index="1"', 'index="-1"')],
    ['a size of another digest', (text) => text.replace('size="48"', 'size="32"')],
    ['alternatives that are missing', (text) => text.replace('alternatives="1"', 'alternatives="2"')],
    ['more values than alternatives', (text) => text.replace(/(Hash0="[^"]*")/, `$1 hash:Hash1="${'00'.repeat(48)}"`)],
    ['alternatives without an end', (text) => text.replace('alternatives="1"', 'alternatives="9999"')],
    ['a value that is short', (text) => text.replace(/Hash0="../, 'Hash0="')],
    ['a value under another number', (text) => text.replace('Hash0', 'Hash1')],
    ['a word for active', (text) => text.replace('active="False"', 'active="maybe"')],
    ['nothing active', (text) => text.replaceAll('active="True"', 'active="False"')],
  ])('%s is refused, though signed', (_, content) => {
    const result = withManifests(manifests({ driver: { content } }));
    expect(failures(result)).toEqual(['nvidia.rim.form']);
  });
});

describe('OCSP', () => {
  const path = nvidia.pki.deviceChain(gpu);
  const answers = async (orders: OcspOrders = {}, nonces = true): Promise<Endorsements> => {
    const { encodeOcspRequest } = await import('@assay/evidence/ocsp');
    const { parseCertificate } = await import('@assay/evidence/x509');
    const { ocspNames } = await import('@assay/evidence/nvidia');
    const parsed = path.map(({ der }) => parseCertificate(der));
    const made: Record<string, Uint8Array> = {};
    for (const [at, certificate] of parsed.entries()) {
      const issuer = parsed[at + 1];
      if (at === 0 || issuer === undefined) continue;
      const nonce = new Uint8Array(32).fill(at);
      const names = ocspNames(certificate, issuer);
      made[names.response] =
        answerOcsp(nvidia.pki, encodeOcspRequest(certificate, issuer, nonce), NOW, orders) ?? OCSP_TRY_LATER;
      if (nonces) made[names.nonce] = nonce;
    }
    return made;
  };
  const judged = async (orders: OcspOrders, nonces = true): Promise<VerifierResult> =>
    verify(nvidiaEvidence(world, REPORT_DATA), {
      endorsements: await answers(orders, nonces),
      rules: { ocsp: 'required', rim: 'off' },
    });

  test('good certificates are a claim', async () => {
    const result = await judged({});
    expect(failures(result)).toEqual([]);
    expect(claimsOf(result)[0]?.['ocsp_status']).toBe('good');
    expect(result.collateral).toHaveLength(3);
  });

  test.each<[string, OcspOrders, string[]]>([
    ['signed by the CA itself', { signer: 'issuer' }, []],
    ['no next update', { nextUpdate: null }, []],
    ['made a minute after it was asked for', { thisUpdate: new Date(NOW.getTime() + 60_000) }, []],
    ['revoked', { status: 'revoked' }, ['nvidia.chain.revoked']],
    ['unknown', { status: 'unknown' }, ['nvidia.chain.revoked']],
    ['ended', { nextUpdate: new Date(NOW.getTime() - 1) }, ['nvidia.ocsp.answer']],
    [
      'old without next update',
      { nextUpdate: null, thisUpdate: new Date(NOW.getTime() - 25 * 3_600_000) },
      ['nvidia.ocsp.answer'],
    ],
    ['of the future', { thisUpdate: new Date(NOW.getTime() + 3_600_000) }, ['nvidia.ocsp.answer']],
    ['another nonce', { nonce: new Uint8Array(32) }, ['nvidia.ocsp.answer']],
    ['no nonce', { nonce: null }, ['nvidia.ocsp.answer']],
    ['signed by a stranger', { key: world.stranger('P-384') }, ['nvidia.ocsp.answer']],
  ])('%s', async (_, orders, ids) => {
    expect(failures(await judged(orders))).toEqual(ids);
  });

  test('a responder that nobody authorised', async () => {
    const { pki } = nvidia;
    const { issuer } = path[1]?.fields ?? { issuer: [] };
    const usage = [keyUsage('digitalSignature')];
    const [ended, before] = [new Date(NOW.getTime() - 1000), new Date(NOW.getTime() - 2000)];
    const key = pki.key('provisioner/HOPPER');
    for (const responder of [
      pki.responder(issuer, pki.key('stranger'), NOW),
      pki.responder(issuer, key, NOW, { extensions: usage }),
      pki.responder(issuer, key, NOW, { notBefore: before, notAfter: ended }),
      pki.responder([['CN', 'someone']], key, NOW),
    ]) {
      expect(failures(await judged({ responder }))).toEqual(['nvidia.ocsp.answer']);
    }
  });

  test('an answer about another certificate', async () => {
    const { encodeOcspRequest } = await import('@assay/evidence/ocsp');
    const { parseCertificate } = await import('@assay/evidence/x509');
    const [, rom, provisioner] = path.map(({ der }) => parseCertificate(der));
    if (rom === undefined || provisioner === undefined) throw new Error('no chain');
    const request = encodeOcspRequest({ ...rom, serial: '01' }, provisioner, new Uint8Array(32));
    const { DerReader } = await import('@assay/bytes');
    const certId = new DerReader(request).sequence().sequence().sequence().sequence().element(0x30).encoded;
    expect(failures(await judged({ certId }))).toEqual(['nvidia.ocsp.answer']);
  });

  test('what is missing or unusable is incomplete where it is required, and a warning where it is not', async () => {
    const evidence = nvidiaEvidence(world, REPORT_DATA);
    expect(failures(verify(evidence, { rules: { ocsp: 'required' } }))).toEqual(['nvidia.ocsp.missing']);
    const [name = ''] = Object.keys(await answers());
    const broken = { [name]: OCSP_TRY_LATER };
    expect(failures(verify(evidence, { rules: { ocsp: 'required' }, endorsements: broken }))).toEqual([
      'nvidia.ocsp.answer',
      'nvidia.ocsp.missing',
    ]);
    const optional = verify(evidence, { endorsements: broken });
    expect(failures(optional)).toEqual([]);
    expect(warnings(optional)).toContain('nvidia.ocsp.answer');
    expect(claimsOf(optional)[0]).not.toHaveProperty('ocsp_status');
    const revoked = verify(evidence, { endorsements: await answers({ status: 'revoked' }) });
    expect(failures(revoked)).toEqual(['nvidia.chain.revoked']);
    const off = verify(evidence, { rules: { ocsp: 'off' }, endorsements: await answers({ status: 'revoked' }) });
    expect(failures(off)).toEqual([]);
  });
});

test('every question of local verification has an answer', () => {
  const asked = new Set(
    verify(nvidiaEvidence(world, REPORT_DATA, { devices: nvidia.machine() })).findings.map(({ id }) => id),
  );
  const registered = FINDING_IDS.filter((id) => id.startsWith('nvidia.') && !/\.(dpu|nras|rim|ocsp|mode)\./.test(id));
  expect(registered.filter((id) => !asked.has(id))).toEqual(['nvidia.device.distinct']);
});
