/** Guards that no spoiled evidence alone reaches: each of these goes red when its `if` no longer decides. */
import { expect, test } from 'vitest';
import { parseCertificate } from '../x509/index.js';
import { issueCertificate, testKey } from '../x509/testing/issue.js';
import { nvidiaTrustIn } from './chain/roots.js';
import { readNvidiaEvidence } from './evidence.js';
import { verifyNvidiaFiles } from './files.js';
import { revocationQuestions } from './needs.js';
import { OPAQUE } from './report/opaque.js';
import { manifestCertificates } from './rim/manifest.js';
import { manifestNames } from './rim/names.js';
import { judgeTopology, type Node } from './topology.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('trust without an anchor, files without a report: mistakes of the caller', () => {
  expect(() => nvidiaTrustIn([])).toThrow(RangeError);
  expect(() => verifyNvidiaFiles({}, { at: new Date(0) })).toThrow(RangeError);
});

test.each<[string, object, string]>([
  ['null in the place of a device', { device_evidence_list: [null] }, 'null'],
  ['a number in the place of a device', { device_evidence_list: [7] }, 'a number'],
  ['no architecture', { device_evidence_list: [{}] }, 'absent'],
])('evidence with %s says what it has', (_, evidence, actual) => {
  const { devices, finding } = readNvidiaEvidence(evidence as never);
  expect(devices).toBeUndefined();
  expect(finding).toMatchObject({ id: 'evidence.json.form', outcome: 'fail', actual });
});

test('nobody is asked about certificates whose chain does not hold', () => {
  const [root, other] = [testKey('P-384'), testKey('P-384')];
  const spec = { subject: 'Root', issuer: 'Root', key: root, signer: root, ca: true, keyUsage: 0x04 };
  const top = parseCertificate(issueCertificate(spec));
  const leaf = (signer: typeof root) =>
    parseCertificate(issueCertificate({ subject: 'Leaf', issuer: 'Root', key: other, signer }));
  expect(revocationQuestions([leaf(root), top])).toHaveLength(1);
  expect(revocationQuestions([leaf(other), top])).toEqual([]);
});

test('a manifest that is none brings no certificates', () => {
  expect(manifestCertificates(bytes('x'))).toEqual([]);
});

test('a report that does not say its versions names no manifests, and a switch has no driver', () => {
  const board: [number, Uint8Array][] = [
    [OPAQUE.project, bytes('G520')],
    [OPAQUE.projectSku, bytes('0200')],
    [OPAQUE.chipSku, bytes('885')],
  ];
  const driver: [number, Uint8Array] = [OPAQUE.driverVersion, bytes('590.12')];
  const vbios: [number, Uint8Array] = [OPAQUE.vbiosVersion, bytes('96.00.a5.00.01')];
  expect(manifestNames(new Map([...board, driver, vbios]), 'HOPPER')).toEqual({
    driver: 'NV_GPU_DRIVER_GH100_590.12',
    vbios: 'NV_GPU_VBIOS_G520_0200_885_9600A50001',
  });
  expect(manifestNames(new Map(board), 'HOPPER')).toEqual({});
  expect(manifestNames(new Map([driver, vbios]), 'HOPPER')).toEqual({ driver: 'NV_GPU_DRIVER_GH100_590.12' });
  expect(Object.keys(manifestNames(new Map([driver, vbios]), 'LS10'))).toEqual(['vbios']);
});

test('GPUs that do not name themselves: the lists of the switches alone must agree', () => {
  const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
  const [gpus, switches] = [names('gpu', 8), names('switch', 4)];
  const nodes = (own: (name: string, at: number) => string | undefined): Node[] => [
    ...gpus.map((name, at): Node => ({ kind: 'gpu', own: own(name, at), peers: new Set(switches) })),
    ...switches.map((name): Node => ({ kind: 'switch', own: name, peers: new Set(gpus) })),
  ];
  const complete = (own: (name: string, at: number) => string | undefined): boolean =>
    judgeTopology(nodes(own), false).claimSets.length === 1;
  expect(complete((name) => name)).toBe(true);
  expect(complete(() => undefined)).toBe(true);
  expect(complete((name, at) => (at === 0 ? undefined : name))).toBe(false);
  expect(complete((name, at) => (at === 0 ? 'other' : name))).toBe(false);
});
