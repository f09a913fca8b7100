import { generateKeyPairSync } from 'node:crypto';
import { DerReader, derElement, derInteger, derSequence, type JsonObject, type JsonValue } from '@assay/bytes';
import {
  createDpuVerifier,
  type DpuVerifierOptions,
  type ExpectedReportData,
  type VerifierResult,
} from '@assay/evidence';
import { parseCertificate } from '@assay/evidence/x509';
import { describe, expect, test } from 'vitest';
import { type DpuOverrides, dpuEvidence } from '../attester/nvidia.js';
import { createTestWorld } from '../world.js';
import { basicConstraints, keyUsage } from '../x509/extension.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const world = createTestWorld({ now: () => NOW, random: (n) => new Uint8Array(n), seed: new Uint8Array(32).fill(9) });
const { pki } = world.nvidia;
const ROOT = parseCertificate(pki.dpu(1n, NOW).root.der);
const REPORT_DATA = new Uint8Array(48).map((_, index) => index + 1);
const expected: ExpectedReportData = { bytes: REPORT_DATA, algorithm: 'sha384', members: 'nonce, tee-pubkey' };

interface Asked extends DpuVerifierOptions {
  readonly reportData?: readonly ExpectedReportData[] | undefined;
  readonly now?: Date;
}

function verify(evidence: JsonValue, asked: Asked = {}): VerifierResult {
  const { now = NOW, ...options } = asked;
  const reportData = 'reportData' in asked ? asked.reportData : [expected];
  return createDpuVerifier({ roots: [ROOT], ...options }).verify({ evidence, reportData, initData: undefined, now });
}

const failures = ({ findings }: VerifierResult): string[] => [
  ...new Set(findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id)),
];
const refusing = (overrides: DpuOverrides, asked: Asked = {}): string[] =>
  failures(verify(dpuEvidence(world, REPORT_DATA, overrides), asked));

function claimsOf(result: VerifierResult): JsonObject {
  if (!result.accepted) throw new Error(`refused: ${failures(result).join(', ')}`);
  return result.claimSets[0]?.claims ?? {};
}

describe('accepted', () => {
  test('claims are those that policies of the field know', () => {
    const claims = claimsOf(verify(dpuEvidence(world, REPORT_DATA)));
    expect(claims).toEqual({
      device_serial: 'b1f3',
      device_class: 'bluefield3',
      firmware_layers_count: 2,
      accumulated_fwid: expect.stringMatching(/^[0-9a-f]{96}$/) as unknown,
      alias_timestamp: NOW.getTime() / 1000 - 60,
      session_nonce: Buffer.from(REPORT_DATA).toString('hex'),
    });
  });

  test.each<[string, DpuOverrides]>([
    ['signature in DER', { encoding: 'der' }],
    ['report data signed as it is', { signed: REPORT_DATA }],
    ['no firmware layer', { fwids: [] }],
  ])('%s', (_, overrides) => {
    expect(refusing(overrides)).toEqual([]);
  });

  test('the alternative that is signed is told', () => {
    const other = { ...expected, bytes: new Uint8Array(48) };
    expect(verify(dpuEvidence(world, REPORT_DATA), { reportData: [other, expected] })).toMatchObject({ matched: 1 });
  });

  test('under an emulated root, claims and a warning say so', () => {
    const result = verify(dpuEvidence(world, REPORT_DATA), { roots: [], emulatedRoots: [ROOT] });
    expect(claimsOf(result)['emulated']).toBe(true);
    expect(result.findings.some(({ id, outcome }) => id === 'evidence.hardware.backed' && outcome === 'warn')).toBe(
      true,
    );
  });

  test('a list of firmware ids with an explicit tag counts the same', () => {
    const plain = claimsOf(verify(dpuEvidence(world, REPORT_DATA)));
    const { deviceId } = pki.dpu(0xb1f3n, NOW);
    const extensions = deviceId.fields.extensions.map((extension) => {
      if (extension.oid !== '2.23.133.5.4.1') return extension;
      const list = new DerReader(extension.value).sequence().any().content;
      return { ...extension, value: derSequence(derElement(0xa6, derSequence(list))) };
    });
    const claims = claimsOf(verify(dpuEvidence(world, REPORT_DATA, { edits: { deviceId: { extensions } } })));
    expect(claims['firmware_layers_count']).toBe(2);
    expect(claims['accumulated_fwid']).toBe(plain['accumulated_fwid']);
  });
});

describe('refused', () => {
  const stranger = pki.key('stranger');
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const [early, late] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-02-01T00:00:00Z')];
  test.each<[string, DpuOverrides, string[]]>([
    ['a device id signed by a stranger', { edits: { deviceId: { signer: stranger } } }, ['nvidia.dpu.chain']],
    ['an alias signed by a stranger', { edits: { alias: { signer: stranger } } }, ['nvidia.dpu.chain']],
    ['an alias of another issuer', { edits: { alias: { issuer: [['CN', 'x']] } } }, ['nvidia.dpu.chain']],
    ['a device id of another issuer', { edits: { deviceId: { issuer: [['CN', 'x']] } } }, ['nvidia.dpu.chain']],
    [
      'a device id that is no CA',
      { edits: { deviceId: { extensions: [basicConstraints(false)] } } },
      ['nvidia.dpu.chain'],
    ],
    [
      'a device id that may not sign',
      { edits: { deviceId: { extensions: [basicConstraints(true), keyUsage('digitalSignature')] } } },
      ['nvidia.dpu.chain'],
    ],
    [
      'an unknown critical extension',
      { edits: { alias: { extensions: [{ oid: '1.2.3', critical: true, value: derSequence() }] } } },
      ['nvidia.dpu.chain'],
    ],
    ['an alias with a key of P-256', { edits: { alias: { key: p256 } } }, ['nvidia.dpu.chain', 'nvidia.dpu.signature']],
    [
      'an alias with a key of P-256 that signs in DER',
      { edits: { alias: { key: p256 } }, encoding: 'der', key: p256 },
      ['nvidia.dpu.chain', 'nvidia.dpu.signature'],
    ],
    ['a device id that has ended', { edits: { deviceId: { notAfter: late } } }, ['nvidia.dpu.dates']],
    ['an alias that has ended', { edits: { alias: { notBefore: early, notAfter: late } } }, ['nvidia.dpu.dates']],
    ['an alias that is old', { edits: { alias: { notBefore: late } } }, ['nvidia.dpu.dates']],
    [
      'an alias of the future',
      { edits: { alias: { notBefore: new Date('2026-03-02T00:00:00Z') } } },
      ['nvidia.dpu.dates'],
    ],
    [
      'firmware ids of no form',
      {
        edits: {
          deviceId: {
            extensions: [basicConstraints(true), { oid: '2.23.133.5.4.1', value: derSequence(derInteger(2)) }],
          },
        },
      },
      ['nvidia.dpu.form'],
    ],
    ['a firmware id that is short', { fwids: [new Uint8Array(32)] }, ['nvidia.dpu.form']],
    ['too many firmware ids', { fwids: Array.from({ length: 65 }, () => new Uint8Array(48)) }, ['nvidia.dpu.form']],
    ['a signature over something else', { signed: new Uint8Array(64) }, ['nvidia.dpu.signature']],
  ])('%s', (_, overrides, ids) => {
    expect(refusing(overrides)).toEqual(ids);
  });

  test('without report data, whoever signed: certificates are no secret', () => {
    for (const overrides of [{}, { signed: new Uint8Array(64) }]) {
      expect(refusing(overrides, { reportData: undefined })).toEqual(['nvidia.dpu.signature']);
    }
    const { findings } = verify(dpuEvidence(world, REPORT_DATA), { reportData: undefined });
    const finding = findings.find(({ outcome }) => outcome === 'fail');
    expect(finding).toMatchObject({ title: expect.stringContaining('no report data was asked for') as unknown });
  });

  test('without a root nothing is accepted', () => {
    expect(refusing({}, { roots: [] })).toEqual(['nvidia.dpu.root']);
  });

  test('under another root', () => {
    const other = createTestWorld({ now: () => NOW, random: (n) => new Uint8Array(n).fill(4) });
    expect(refusing({}, { roots: [parseCertificate(other.nvidia.pki.dpu(1n, NOW).root.der)] })).toEqual([
      'nvidia.dpu.chain',
    ]);
  });

  test('the greatest age is the owner’s', () => {
    expect(refusing({}, { rules: { maxCertAge: 59 } })).toEqual(['nvidia.dpu.dates']);
    expect(refusing({}, { rules: { maxCertAge: 60 } })).toEqual([]);
    const hours = new Date(NOW.getTime() + 3_600_000);
    expect(refusing({}, { now: hours })).toEqual(['nvidia.dpu.dates']);
  });

  const good = dpuEvidence(world, REPORT_DATA) as { version: number; devices: [JsonObject] };
  const [device] = good.devices;
  test.each<[string, JsonValue]>([
    ['no object', 1],
    ['another version', { ...good, version: 2 }],
    ['no devices', { version: 1 }],
    ['two devices', { version: 1, devices: [device, device] }],
    ['none', { version: 1, devices: [] }],
    ['a device that is no object', { version: 1, devices: [1] }],
    ['no architecture', { version: 1, devices: [{ ...device, architecture: null }] }],
    ['a certificate that is no base64', { version: 1, devices: [{ ...device, alias_cert: '!' }] }],
    ['no signature', { version: 1, devices: [{ ...device, report_data_signature: null }] }],
    ['a certificate that is too long', { version: 1, devices: [{ ...device, alias_cert: 'A'.repeat(40_000) }] }],
  ])('%s', (_, evidence) => {
    expect(failures(verify(evidence))).toEqual(['evidence.json.form']);
  });

  test.each<[string, JsonValue, string]>([
    ['null', null, 'no object'],
    ['null in the place of a device', { version: 1, devices: [null] }, 'null'],
    ['no version', { devices: [device] }, 'absent'],
    ['another version', { ...good, version: 2 }, '2'],
  ])('%s is told as what it is', (_, evidence, actual) => {
    const [form] = verify(evidence).findings.filter(({ id }) => id === 'evidence.json.form');
    expect(form).toMatchObject({ outcome: 'fail', actual });
  });

  test('an empty signature, and a certificate that is none', () => {
    const edited = (change: JsonObject): JsonObject => ({ version: 1, devices: [{ ...device, ...change }] });
    expect(failures(verify(edited({ report_data_signature: '' })))).toEqual(['nvidia.dpu.signature']);
    expect(failures(verify(edited({ alias_cert: 'AAAA' })))).toEqual(['nvidia.dpu.form']);
  });
});
