import { derElement, derInteger, derNull, derOctetString, encodePem } from '@assay/bytes';
import { assembleVerdict, FINDING_IDS } from '@assay/bytes/findings';
import { describe, expect, test } from 'vitest';
import { parseCertificate } from '../x509/index.js';
import {
  type BundleSpec,
  bundle,
  CHIP_ID,
  ecKey,
  extension,
  KEYS,
  leafExtensions,
  NOW,
  SPL,
  signReport,
  writeTcb,
} from './bundle.test.helper.js';
import { examineChain } from './endorsement/chain.js';
import { amdTrust, amdTrustIn } from './endorsement/roots.js';
import { type SnpInput, verifySnpReport } from './verify.js';

/** Ids of what refuses authenticity, each once. */
function refusing(input: SnpInput): string[] {
  const { findings, authentic } = verifySnpReport(input);
  const failed = findings
    .filter(({ outcome, stage }) => outcome === 'fail' && stage !== 'appraise')
    .map(({ id }) => id);
  // The proof exists exactly when nothing refuses.
  expect(authentic === undefined).toBe(failed.length > 0);
  return [...new Set(failed)];
}
const refusingOf = (spec: BundleSpec, more: Partial<SnpInput> = {}): string[] =>
  refusing({ ...bundle(spec).input, ...more });

const day = (days: number): Date => new Date(NOW.getTime() + days * 86_400_000);

describe('accepted', () => {
  test.each<[string, BundleSpec]>([
    ['Milan, version 2', { version: 2 }],
    ['Milan, version 3', {}],
    ['Milan, version 4', { version: 4 }],
    ['Genoa, version 5', { product: 'Genoa', version: 5 }],
    ['Bergamo', { product: 'Genoa', edit: (report) => report.set([0x19, 0xa0], 0x188) }],
    ['Turin', { product: 'Turin' }],
    ['VLEK', { kind: 'VLEK' }],
    ['CRL', { crl: {} }],
    ['CRL that revokes another', { crl: { revoked: [77] } }],
    ['mitigation vectors of version 5', { version: 5, edit: (_, view) => view.setBigUint64(0x1f8, 7n, true) }],
    ['masked chip id', { edit: (report) => report.fill(0, 0x1a0, 0x1e0).fill(2, 0x48, 0x49) }],
    ['hwID in an OCTET STRING', { leafChanges: { '4': derOctetString(CHIP_ID) } }],
    ['author key', { edit: (report) => report.fill(1, 0x48, 0x49).fill(9, 0x110, 0x140) }],
    ['reserved SPL equal on both sides', { leafChanges: { '3.4': 3 }, edit: (report) => report.fill(3, 0x182, 0x183) }],
    ['SPL above 127', { leafChanges: { '3.8': 217 } }],
    ['certificates in PEM', {}],
  ])('%s', (_, spec) => {
    const { input } = bundle(spec);
    expect(refusing(input)).toEqual([]);
    const pem = (bytes: Uint8Array): Uint8Array => new TextEncoder().encode(encodePem('CERTIFICATE', bytes));
    const { leaves, authorities, crls } = input.certificates;
    const asPem = { leaves: leaves.map(pem), authorities: authorities.map(pem), crls };
    expect(refusing({ ...input, certificates: asPem })).toEqual([]);
  });

  test('authorities in one PEM text, as the key distribution service answers', () => {
    const { input, ask, ark } = bundle();
    const chain = new TextEncoder().encode(encodePem('CERTIFICATE', ask) + encodePem('CERTIFICATE', ark));
    expect(refusing({ ...input, certificates: { ...input.certificates, authorities: [chain] } })).toEqual([]);
  });
});

test('every question has an answer', () => {
  const answers = (spec: BundleSpec, outcome: string): string[] =>
    verifySnpReport(bundle(spec).input)
      .findings.filter((finding) => finding.outcome === outcome)
      .map(({ id }) => id);
  // Each id of the register is there, at least as a question that was not asked.
  const asked = verifySnpReport(bundle({ crl: {} }).input).findings.map(({ id }) => id);
  const registered = FINDING_IDS.filter((id) => id.startsWith('snp.'));
  // JSON and tables are forms that evidence need not have.
  expect(registered.filter((id) => !asked.includes(id))).toEqual(['snp.report.json', 'snp.certs.table']);
  const unruled = ['snp.tcb.minimum', 'snp.guest.policy', 'snp.guest.author', 'snp.guest.author', 'snp.platform.smt'];
  expect(answers({ crl: {} }, 'not-checked')).toEqual(unruled);
  expect(answers({}, 'not-checked')).toEqual(['snp.crl.signature', 'snp.crl.dates', 'snp.ca.revoked', ...unruled]);
  expect(answers({ kind: 'VLEK', crl: {} }, 'not-checked')).toEqual(['snp.chip.id', ...unruled]);
  expect(answers({ crl: {} }, 'warn')).toEqual([]);
});

describe('form of the report', () => {
  const edit = (change: (report: Uint8Array, view: DataView) => void, more: BundleSpec = {}): BundleSpec => ({
    ...more,
    edit: change,
  });
  test.each<[string, BundleSpec, string]>([
    ['version 1', { version: 1 }, 'snp.report.version'],
    ['version 6', { version: 6 }, 'snp.report.version'],
    ['algorithm 0', edit((_, view) => view.setUint32(0x34, 0, true)), 'snp.report.algorithm'],
    ['algorithm 2', edit((_, view) => view.setUint32(0x34, 2, true)), 'snp.report.algorithm'],
    ['reserved after KEY_INFO', edit((report) => report.fill(1, 0x4c, 0x4d)), 'snp.report.reserved'],
    ['reserved before KEY_INFO ends', edit((report) => report.fill(1, 0x4f, 0x50)), 'snp.report.reserved'],
    ['CPUID in version 2', edit((report) => report.fill(0x19, 0x188, 0x189), { version: 2 }), 'snp.report.reserved'],
    ['after CPUID', edit((report) => report.fill(1, 0x18b, 0x18c)), 'snp.report.reserved'],
    ['before CHIP_ID', edit((report) => report.fill(1, 0x19f, 0x1a0)), 'snp.report.reserved'],
    ['after CURRENT', edit((report) => report.fill(1, 0x1eb, 0x1ec)), 'snp.report.reserved'],
    ['after COMMITTED', edit((report) => report.fill(1, 0x1ef, 0x1f0)), 'snp.report.reserved'],
    [
      'mitigation vector in version 4',
      edit((report) => report.fill(1, 0x1f8, 0x1f9), { version: 4 }),
      'snp.report.reserved',
    ],
    [
      'after the vectors in version 5',
      edit((report) => report.fill(1, 0x208, 0x209), { version: 5 }),
      'snp.report.reserved',
    ],
    [
      'last byte before the signature',
      edit((report) => report.fill(1, 0x29f, 0x2a0), { version: 5 }),
      'snp.report.reserved',
    ],
    ['policy bit 17', edit((_, view) => view.setBigUint64(8, 0x10000n, true)), 'snp.policy.form'],
    ['policy bit 26', edit((_, view) => view.setBigUint64(8, 0x30000n | (1n << 26n), true)), 'snp.policy.form'],
    ['policy bit 63', edit((_, view) => view.setBigUint64(8, 0x30000n | (1n << 63n), true)), 'snp.policy.form'],
    ['KEY_INFO bit 5', edit((_, view) => view.setUint32(0x48, 0x20, true)), 'snp.key-info.form'],
    ['KEY_INFO bit 31', edit((_, view) => view.setUint32(0x48, 0x8000_0000, true)), 'snp.key-info.form'],
    ['author key without digest', edit((_, view) => view.setUint32(0x48, 1, true)), 'snp.guest.author'],
    ['digest without author key', edit((report) => report.fill(9, 0x110, 0x111)), 'snp.guest.author'],
    ['asked for by the host', edit((_, view) => view.setUint32(0x30, 0xffff_ffff, true)), 'snp.guest.vmpl'],
    ['VMPL 4', edit((_, view) => view.setUint32(0x30, 4, true)), 'snp.guest.vmpl'],
    ['unknown family', edit((report) => report.fill(0x17, 0x188, 0x189)), 'snp.product.known'],
    ['family 0x19, model 0x20', edit((report) => report.fill(0x20, 0x189, 0x18a)), 'snp.product.known'],
    ['family 0x19, model 0xb0', edit((report) => report.fill(0xb0, 0x189, 0x18a)), 'snp.product.known'],
  ])('%s', (_, spec, id) => {
    expect(refusingOf(spec)).toEqual([id]);
  });

  test('family 0x1a beyond Turin has no root here', () => {
    const ids = refusingOf({ product: 'Turin', edit: (report) => report.fill(0x50, 0x189, 0x18a) });
    expect(ids).toEqual(['snp.product.known']);
  });

  test.each([2, 3, 4, 5, 6, 7])('SIGNING_KEY %i is neither VCEK nor VLEK', (key) => {
    const ids = refusingOf({ edit: (_, view) => view.setUint32(0x48, key << 2, true) });
    expect(ids).toEqual(['snp.key-info.form', 'snp.signer.kind']);
  });

  test.each([0, 1183, 1185, 1216])('%i bytes', (length) => {
    const { input, report } = bundle();
    const bytes = new Uint8Array(length);
    bytes.set(report.subarray(0, length));
    expect(refusing({ ...input, report: bytes })).toEqual(['snp.report.length']);
  });

  test('a response header left in front is told', () => {
    const { input, report } = bundle();
    const [finding] = verifySnpReport({
      ...input,
      report: Uint8Array.from([...new Uint8Array(32), ...report]),
    }).findings;
    expect(finding).toMatchObject({ remedy: 'Send bytes 32 to 1216 of it.', causes: [{ confirmed: true }] });
  });
});

describe('signature', () => {
  test.each([
    [0x2a0 + 48, 'after R'],
    [0x2e7, 'end of the field of R'],
    [0x2e8 + 48, 'after S'],
    [0x32f, 'end of the field of S'],
    [0x330, 'after both'],
    [0x49f, 'last byte'],
  ])('byte %i (%s)', (offset) => {
    expect(refusingOf({ spoil: (report) => report.fill(1, offset, offset + 1) })).toEqual(['snp.signature.encoding']);
  });

  test.each<[string, (report: Uint8Array) => void]>([
    ['R zero', (report) => report.fill(0, 0x2a0, 0x2d0)],
    ['S zero', (report) => report.fill(0, 0x2e8, 0x318)],
    ['one bit of R', (report) => report.set([(report[0x2a0] ?? 0) ^ 1], 0x2a0)],
    ['measurement', (report) => report.set([1], 0x90)],
    ['report data', (report) => report.set([1], 0x50)],
  ])('%s', (_, spoil) => {
    expect(refusingOf({ spoil })).toEqual(['snp.signature.valid']);
  });

  test('another key', () => {
    expect(refusingOf({ spoil: (report) => signReport(report, ecKey()) })).toEqual(['snp.signature.valid']);
  });

  test('big-endian numbers are recognised', () => {
    const { input } = bundle({
      spoil: (report) => {
        report.subarray(0x2a0, 0x2d0).reverse();
        report.subarray(0x2e8, 0x318).reverse();
      },
    });
    const finding = verifySnpReport(input).findings.find(({ id }) => id === 'snp.signature.valid');
    expect(finding).toMatchObject({ outcome: 'fail', causes: [{ confirmed: true }] });
  });
});

describe('leaf', () => {
  const cases: [string, BundleSpec][] = [
    ['key of another curve', { leaf: { key: ecKey('P-256') } }],
    ['structure version 2', { leafChanges: { '1': 2 } }],
    ['no structure version', { leafChanges: { '1': null } }],
    ['unknown product', { leafChanges: { '2': 'Rome-B0' } }],
    ['product name of another type', { leafChanges: { '2': derElement(0x0c, new TextEncoder().encode('Milan-B0')) } }],
    ['no product name', { leafChanges: { '2': null } }],
    ['no SPL', { leafChanges: { '3.3': null } }],
    ['SPL of 256', { leafChanges: { '3.8': 256 } }],
    ['SPL below zero', { leafChanges: { '3.8': derInteger(-1) } }],
    ['SPL with bytes after it', { leafChanges: { '3.8': Uint8Array.of(...derInteger(217), 0) } }],
    ['SPL that is no INTEGER', { leafChanges: { '3.8': derNull() } }],
    ['fmc on Milan', { leafChanges: { '3.9': 1 } }],
    ['no fmc on Turin', { product: 'Turin', leafChanges: { '3.9': null } }],
    ['spl4 on Turin', { product: 'Turin', leafChanges: { '3.4': 1 } }],
    ['hwID of 63 bytes', { leafChanges: { '4': CHIP_ID.subarray(1) } }],
    ['hwID of 65 bytes', { leafChanges: { '4': Uint8Array.of(...CHIP_ID, 0) } }],
    ['hwID of 64 bytes on Turin', { product: 'Turin', leafChanges: { '4': CHIP_ID } }],
    ['neither hwID nor CSP id', { leafChanges: { '4': null } }],
    ['VLEK with hwID', { kind: 'VLEK', leafChanges: { '4': CHIP_ID } }],
    ['CSP id of another type', { kind: 'VLEK', leafChanges: { '5': derNull() } }],
    [
      'extension twice',
      { leaf: { extensions: [...leafExtensions('Milan', 'VCEK'), ...leafExtensions('Milan', 'VCEK').slice(0, 1)] } },
    ],
  ];
  test.each(cases)('%s', (_, spec) => {
    expect(refusingOf(spec)).toEqual(['snp.leaf.form']);
  });

  test('none at all is an open question, not a refusal', () => {
    const { input } = bundle();
    const { findings } = verifySnpReport({ ...input, certificates: { ...input.certificates, leaves: [] } });
    expect(findings.find(({ outcome }) => outcome === 'fail')).toMatchObject({
      id: 'snp.leaf.source',
      guest_code: 'unavailable',
    });
    expect(findings.find(({ id }) => id === 'snp.signature.valid')).toMatchObject({ outcome: 'not-checked' });
  });

  test('two certificates in the place of one', () => {
    const { input, leaf, ask } = bundle();
    const both = Uint8Array.from([...leaf, ...ask]);
    expect(refusing({ ...input, certificates: { ...input.certificates, leaves: [both] } })).toEqual(['snp.leaf.form']);
  });

  test('the ASK of a VCEK beside a VLEK does not stand for the ASVK', () => {
    const { ark, ask: asvk, input, leaf } = bundle({ kind: 'VLEK' });
    const { ask, leaf: vcek } = bundle();
    const trust = amdTrustIn([{ name: 'test root', publicKey: KEYS.ark.spki }], [parseCertificate(asvk)]);
    for (const authorities of [[ask, ark], [Uint8Array.from([...ask, ...ark])]]) {
      const certificates = { leaves: [vcek, leaf], authorities, crls: [] };
      expect(refusing({ ...input, trust, certificates })).toEqual([]);
      // Alone, it can only have been meant for this leaf.
      expect(refusing({ ...input, trust, certificates: { ...certificates, leaves: [leaf] } })).toContain(
        'snp.chain.kind',
      );
      const spoilt = { ...certificates, leaves: [new Uint8Array(4), leaf] };
      expect(refusing({ ...input, trust, certificates: spoilt })).toContain('snp.chain.kind');
    }
    const broken = { leaves: [vcek, leaf], authorities: [Uint8Array.of(0x30, 5)], crls: [] };
    expect(refusing({ ...input, trust, certificates: broken })).toContain('snp.chain.links');
  });

  test('one that cannot be read does not hide one that fits', () => {
    const { input, leaf } = bundle();
    const certificates = { ...input.certificates, leaves: [new Uint8Array(4), leaf] };
    expect(refusing({ ...input, certificates })).toEqual([]);
  });

  test('of several, the one that fits is used', () => {
    const { input, leaf } = bundle();
    const stale = bundle({ leafChanges: { '3.8': 100 } }).leaf;
    const certificates = { ...input.certificates, leaves: [stale, leaf] };
    expect(refusing({ ...input, certificates })).toEqual([]);
    expect(refusing({ ...input, certificates: { ...certificates, leaves: [stale, stale] } })).toEqual([
      'snp.tcb.equal',
    ]);
  });
});

describe('chain', () => {
  const cases: [string, BundleSpec, string][] = [
    ['leaf signed by another key', { leaf: { signer: KEYS.other } }, 'snp.chain.links'],
    ['ASK signed by another key', { ask: { signer: KEYS.other } }, 'snp.chain.links'],
    ['ARK with the pinned key, not signed by itself', { ark: { signer: KEYS.other } }, 'snp.chain.links'],
    ['ASK that is not a CA', { ask: { ca: false } }, 'snp.chain.links'],
    ['ARK that is not a CA', { ark: { ca: false } }, 'snp.chain.links'],
    ['ASK that may not sign certificates', { ask: { keyUsage: 0x80 } }, 'snp.chain.links'],
    ['leaf that is a CA', { leaf: { ca: true } }, 'snp.chain.links'],
    [
      'critical extension that nothing understands',
      { leaf: { extensions: [...leafExtensions('Milan', 'VCEK'), extension('1.2.3.4', derNull(), true)] } },
      'snp.chain.links',
    ],
    ['leaf signed with SHA-256', { leaf: { scheme: 'pss-256' } }, 'snp.chain.pss'],
    ['ASK signed with SHA-256', { ask: { scheme: 'pss-256' } }, 'snp.chain.pss'],
    ['leaf signed with PKCS#1 v1.5', { leaf: { scheme: 'pkcs1' } }, 'snp.chain.pss'],
    ['ARK signed with PKCS#1 v1.5', { ark: { scheme: 'pkcs1' } }, 'snp.chain.pss'],
    [
      'issuer of another kind',
      { ask: { subject: 'SEV-VLEK-Milan' }, leaf: { issuer: 'SEV-VLEK-Milan' } },
      'snp.chain.kind',
    ],
    ['issuer of another product', { ask: { subject: 'SEV-Genoa' }, leaf: { issuer: 'SEV-Genoa' } }, 'snp.chain.kind'],
    [
      'VLEK under the ASK',
      { kind: 'VLEK', ask: { subject: 'SEV-Milan' }, leaf: { issuer: 'SEV-Milan' } },
      'snp.chain.kind',
    ],
    ['leaf ended', { leaf: { notAfter: day(-1) } }, 'snp.leaf.validity'],
    ['leaf not yet valid', { leaf: { notBefore: day(1) } }, 'snp.leaf.validity'],
    ['ASK ended', { ask: { notAfter: day(-1) } }, 'snp.leaf.validity'],
    ['ARK ended', { ark: { notAfter: day(-1) } }, 'snp.leaf.validity'],
    ['CRL signed by another key', { crl: { signer: KEYS.other } }, 'snp.crl.signature'],
    ['CRL signed with SHA-256', { crl: { scheme: 'pss-256' } }, 'snp.crl.signature'],
    ['CRL of another product', { crl: { issuer: 'ARK-Genoa' } }, 'snp.crl.signature'],
    ['CRL by a key that may not sign CRLs', { crl: {}, ark: { keyUsage: 0x04 } }, 'snp.crl.signature'],
    ['CRL ended', { crl: { nextUpdate: day(-1) } }, 'snp.crl.dates'],
    ['CRL of tomorrow', { crl: { thisUpdate: day(1) } }, 'snp.crl.dates'],
    ['CRL without an end', { crl: { nextUpdate: null } }, 'snp.crl.dates'],
    ['ASK revoked', { crl: { revoked: [2] } }, 'snp.ca.revoked'],
    ['ARK revoked', { crl: { revoked: [1] } }, 'snp.ca.revoked'],
  ];
  test.each(cases)('%s', (_, spec, id) => {
    expect(refusingOf(spec)).toEqual([id]);
  });

  test('a salt of 32 bytes neither has the right name nor verifies', () => {
    expect(refusingOf({ leaf: { scheme: 'pss-salt-32' } })).toEqual(['snp.chain.pss', 'snp.chain.links']);
  });

  test('a root that is not pinned', () => {
    const trust = amdTrustIn([{ name: 'another root', publicKey: KEYS.other.spki }]);
    expect(refusingOf({}, { trust })).toEqual(['snp.chain.root']);
    expect(refusingOf({}, { trust: amdTrust() })).toEqual(['snp.chain.root']);
  });

  test('no root at all is a mistake of the caller', () => {
    expect(() => amdTrustIn([])).toThrow(RangeError);
  });

  test('a root whose name is of no product', () => {
    const spec = { ark: { subject: 'ARK-Rome', issuer: 'ARK-Rome' }, ask: { issuer: 'ARK-Rome' } };
    expect(refusingOf(spec)).toEqual(['snp.product.agree']);
  });

  test('bytes that are no certificate, no CRL', () => {
    const { input } = bundle({ crl: {} });
    const garbage = Uint8Array.of(0x30, 0x03, 1, 2, 3);
    const { certificates } = input;
    expect(refusing({ ...input, certificates: { ...certificates, leaves: [garbage] } })).toEqual(['snp.leaf.form']);
    expect(refusing({ ...input, certificates: { ...certificates, authorities: [garbage] } })).toEqual([
      'snp.chain.links',
    ]);
    expect(refusing({ ...input, certificates: { ...certificates, crls: [garbage] } })).toEqual(['snp.crl.signature']);
    expect(refusing({ ...input, certificates: { ...certificates, authorities: [] } })).toEqual(['snp.chain.links']);
  });

  test('a CRL may be demanded', () => {
    expect(refusingOf({}, { rules: { crlRequired: true } })).toEqual(['collateral.item.missing']);
    expect(refusingOf({ crl: {} }, { rules: { crlRequired: true } })).toEqual([]);
    const rules = { crlRequired: true };
    const { findings, authentic } = verifySnpReport({ ...bundle({}).input, rules });
    const at = bundle({}).input.now;
    // The platform has done nothing wrong: the same evidence may be accepted once the list is there.
    expect(assembleVerdict({ kind: 'snp', at, asked: false, findings }).verdict).toBe('incomplete');
    expect(authentic).toBeUndefined();
  });

  test('what ends soon is said in time, and refuses nothing', () => {
    const endingIn = (spec: BundleSpec, endingWithin?: number) => {
      const rules = endingWithin === undefined ? {} : { endingWithin };
      const { findings } = verifySnpReport({ ...bundle(spec).input, rules });
      return findings.flatMap(({ id, outcome, title }) =>
        id === 'collateral.item.ending' ? [`${outcome} ${title}`] : [],
      );
    };
    const soon = { crl: { nextUpdate: day(3) } };
    expect(endingIn(soon)).toEqual([]);
    expect(endingIn(soon, 2 * 86_400_000)).toEqual([]);
    expect(endingIn(soon, 4 * 86_400_000)).toEqual(['warn CRL of ARK-Milan ends 2026-06-04T00:00:00Z, in 3 days']);
    expect(endingIn({ crl: { nextUpdate: day(-1) } }, 4 * 86_400_000)).toEqual([]);
  });

  test('dates are told with their direction', () => {
    const titleOf = (spec: BundleSpec): string | undefined =>
      verifySnpReport(bundle(spec).input).findings.find(({ outcome }) => outcome === 'fail')?.title;
    expect(titleOf({ crl: { nextUpdate: day(-1) } })).toBe('AMD CRL ended 2026-05-31T00:00:00Z, 1 day before the test');
    expect(titleOf({ crl: { thisUpdate: day(1) } })).toMatch(/^AMD CRL not yet valid until 2026-06-02/);
    expect(titleOf({ crl: { nextUpdate: null } })).toBe('AMD CRL does not say when the next one is due');
    expect(titleOf({ leaf: { notBefore: day(1) } })).toMatch(/^SEV-VCEK not yet valid until 2026-06-02/);
    expect(titleOf({ leaf: { notAfter: day(-1) } })).toMatch(/^SEV-VCEK ended 2026-05-31/);
    expect(titleOf({ ark: { notAfter: day(-1) } })).toMatch(/^root ARK-Milan ended/);
  });

  test('a chain is verified once for the same bytes', () => {
    const { input, leaf, ask, ark } = bundle();
    const chain = { leaf, authorities: [ask, ark], crl: undefined };
    const { verified } = examineChain(chain, input.trust);
    expect(verified).toBeDefined();
    expect(examineChain(chain, input.trust).verified).toBe(verified);
  });

  test('what is kept of a chain is no date and no report', () => {
    const { input, leaf } = bundle({ crl: {} });
    expect(refusing(input)).toEqual([]);
    expect(input.trust.chains.size).toBe(1);
    expect(refusing(input)).toEqual([]);
    expect(refusing({ ...input, now: new Date('2028-01-01T00:00:00Z') })).toEqual([
      'snp.leaf.validity',
      'snp.crl.dates',
    ]);
    expect(refusing({ ...input, now: new Date('2025-01-01T00:00:00Z') })).toEqual([
      'snp.leaf.validity',
      'snp.crl.dates',
    ]);
    const changed = input.report.with(0x90, 0);
    expect(refusing({ ...input, report: changed })).toEqual(['snp.signature.valid']);
    const spoilt = leaf.with(leaf.length - 1, (leaf.at(-1) ?? 0) ^ 1);
    expect(refusing({ ...input, certificates: { ...input.certificates, leaves: [spoilt] } })).toEqual([
      'snp.chain.links',
    ]);
    expect(input.trust.chains.size).toBe(1);
  });
});

describe('report beside its leaf', () => {
  const cases: [string, BundleSpec, string][] = [
    ['SIGNING_KEY says VLEK', { edit: (_, view) => view.setUint32(0x48, 4, true) }, 'snp.signer.kind'],
    ['SIGNING_KEY says VCEK', { kind: 'VLEK', edit: (_, view) => view.setUint32(0x48, 0, true) }, 'snp.signer.kind'],
    ['CPUID of another product', { edit: (report) => report.fill(0x11, 0x189, 0x18a) }, 'snp.product.agree'],
    ['leaf of another product', { leafChanges: { '2': 'Genoa' } }, 'snp.product.agree'],
    ['chip of another machine', { edit: (report) => report.fill(0xee, 0x1a0, 0x1a1) }, 'snp.chip.id'],
    ['last byte of the chip id', { edit: (report) => report.fill(0xee, 0x1df, 0x1e0) }, 'snp.chip.id'],
    [
      'Turin: bytes after the first eight',
      { product: 'Turin', edit: (report) => report.fill(1, 0x1a8, 0x1a9) },
      'snp.chip.id',
    ],
    ['chip id zero, not masked', { edit: (report) => report.fill(0, 0x1a0, 0x1e0) }, 'snp.chip.id'],
    [
      'chip id masked, and of another machine',
      { edit: (report) => report.fill(2, 0x48, 0x49).fill(7, 0x1a0, 0x1e0) },
      'snp.chip.id',
    ],
    ['reserved TCB byte', { edit: (report) => report.fill(1, 0x182, 0x183) }, 'snp.tcb.equal'],
    ['reserved SPL', { leafChanges: { '3.7': 1 } }, 'snp.tcb.equal'],
    [
      'reserved TCB byte of Turin',
      { product: 'Turin', edit: (report) => report.fill(1, 0x184, 0x185) },
      'snp.tcb.equal',
    ],
  ];
  test.each(cases)('%s', (_, spec, id) => {
    expect(refusingOf(spec)).toEqual([id]);
  });

  test.each(['bootloader', 'tee', 'snp', 'microcode'] as const)(
    '%s of the report above and below the leaf',
    (component) => {
      for (const difference of component === 'tee' ? [1] : [-1, 1]) {
        const edit = (report: Uint8Array): void =>
          writeTcb(report, 0x180, 'Milan', { ...SPL, [component]: SPL[component] + difference });
        expect(refusingOf({ edit })).toEqual(['snp.tcb.equal']);
      }
    },
  );

  test('fmc of Turin', () => {
    const edit = (report: Uint8Array): void => writeTcb(report, 0x180, 'Turin', { ...SPL, fmc: 0 });
    expect(refusingOf({ product: 'Turin', edit })).toEqual(['snp.tcb.equal']);
  });

  test('a Turin report with the layout of Milan', () => {
    const edit = (report: Uint8Array): void => writeTcb(report, 0x180, 'Milan');
    expect(refusingOf({ product: 'Turin', edit })).toEqual(['snp.tcb.equal']);
  });
});

describe('roots of a refusal', () => {
  const rootsOf = (spec: BundleSpec, more: Partial<SnpInput> = {}): string[] => {
    const { findings } = verifySnpReport({ ...bundle(spec).input, ...more });
    const verdict = assembleVerdict({ kind: 'snp', at: NOW, asked: false, findings });
    return verdict.findings.filter(({ key }) => verdict.roots.includes(key)).map(({ id }) => id);
  };

  test('the certificate of another chip has another key', () => {
    const edit = (report: Uint8Array): unknown => report.fill(0xee, 0x1a0, 0x1a1);
    expect(rootsOf({ edit: (report) => void edit(report), spoil: (report) => signReport(report, ecKey()) })).toEqual([
      'snp.chip.id',
    ]);
  });

  test('a chain of another product does not fit', () => {
    const { ask, ark } = bundle({ product: 'Genoa' });
    const { input } = bundle();
    expect(rootsOf({}, { certificates: { ...input.certificates, authorities: [ask, ark] } })).toEqual([
      'snp.product.agree',
    ]);
  });
});

describe('emulated hardware', () => {
  const organization = 'Assay emulated TEE';
  const spec: BundleSpec = { ark: { organization }, ask: { organization }, leaf: { organization } };

  test('is accepted under a root that was added by name, and says what it is', () => {
    const trust = amdTrust([{ name: 'dev root', publicKey: KEYS.ark.spki }]);
    const { findings, authentic } = verifySnpReport({ ...bundle(spec).input, trust });
    expect(authentic?.chain.anchor.emulated).toBe(true);
    expect(findings).toContainEqual(expect.objectContaining({ id: 'evidence.hardware.backed', outcome: 'warn' }));
  });

  test('is refused by name where the root was not added', () => {
    expect(refusingOf(spec, { trust: amdTrust() })).toEqual(['evidence.emulated.root', 'snp.chain.root']);
  });
});
