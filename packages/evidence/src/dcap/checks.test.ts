import { concatBytes, derInteger, derNull, derOid, derSequence } from '@assay/bytes';
import { assembleVerdict, type FindingId } from '@assay/bytes/findings';
import { describe, expect, test } from 'vitest';
import { vendorKeys } from '../x509/index.js';
import { KEY_CERT_SIGN, pemChain, testExtension } from '../x509/testing/issue.js';
import { authenticateQuote } from './authenticate.js';
import { verifyCollateral } from './collateral/verify.js';
import { parseQuote } from './quote/parse.js';
import { judge } from './testing/run.js';
import {
  fixedWidth,
  type JsonMap,
  KEYS,
  moduleLevel,
  NOW,
  point,
  put,
  type Spoil,
  tcbLevel,
  world,
} from './testing/world.js';

const DAY = 86_400_000;
const past = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2026-06-01T00:00:00Z') };
const coming = { notBefore: new Date('2026-06-20T00:00:00Z') };
const edit = (changes: JsonMap) => (document: JsonMap) => ({ ...document, ...changes });

/** Offsets in a TDX quote of version 4 (head 632, length 4). */
const SIGNATURE = 636;
const KEY = SIGNATURE + 64;
const OUTER = KEY + 64;
const QE_REPORT = OUTER + 6;
const QE_SIGNATURE = QE_REPORT + 384;
const AUTH_DATA = QE_SIGNATURE + 64 + 2;
const INNER = AUTH_DATA + 32;

/** Replaces the attestation key by another point, with everything above it signed again. */
function otherKey(quote: Uint8Array): Uint8Array {
  const swapped = put(quote, KEY, ...point(KEYS.other));
  return put(swapped, SIGNATURE, ...fixedWidth(quote.subarray(0, 632), KEYS.other));
}

/** Platform manifest: identifier, rest of the header, encrypted parts. */
function manifest(size: number): Uint8Array {
  const bytes = new Uint8Array(size).fill(0xe5, 32);
  bytes.set(Buffer.from('178e874b49e44aa599bb3057170925b4', 'hex'));
  return bytes;
}

const cases: readonly (readonly [name: string, fails: readonly FindingId[], spoil: Spoil])[] = [
  // The envelope.
  ['version 0', ['dcap.quote.version'], { quote: (q) => put(q, 0, 0) }],
  ['version 2', ['dcap.quote.version'], { quote: (q) => put(q, 0, 2) }],
  ['version 6', ['dcap.quote.version'], { quote: (q) => put(q, 0, 6) }],
  ['key type 3', ['dcap.quote.key-type'], { header: (h) => put(h, 2, 3) }],
  ['vendor id', ['dcap.quote.vendor'], { header: (h) => put(h, 12, 0x92) }],
  ['TDX in version 3', ['dcap.quote.tee-type'], { tee: 'sgx', header: (h) => put(h, 4, 0x81) }],
  ['unknown TEE type', ['dcap.quote.tee-type'], { header: (h) => put(h, 4, 0x82) }],
  ['unknown TEE type in version 3', ['dcap.quote.tee-type'], { tee: 'sgx', header: (h) => put(h, 5, 1) }],
  ['SGX body said to be TDX', ['dcap.quote.tee-type'], { tee: 'sgx', version: 5, header: (h) => put(h, 4, 0x81) }],
  ['TD body said to be SGX', ['dcap.quote.tee-type'], { version: 5, header: (h) => put(h, 4, 0) }],
  ['body type 4', ['dcap.quote.body'], { version: 5, bodyWords: (w) => put(w, 0, 4) }],
  ['body type 0', ['dcap.quote.body'], { version: 5, bodyWords: (w) => put(w, 0, 0) }],
  ['body one byte long', ['dcap.quote.body'], { version: 5, bodyWords: (w) => put(w, 2, 0x49) }],
  ['body one byte short', ['dcap.quote.body'], { version: 5, bodyWords: (w) => put(w, 2, 0x47) }],
  ['body of the other type', ['dcap.quote.body'], { version: 5, bodyWords: (w) => put(w, 0, 3) }],
  ['signature data of 2^31', ['dcap.quote.length'], { quote: (q) => put(q, 632, 0, 0, 0, 0x80) }],
  ['signature data too short', ['dcap.quote.nesting'], { quote: (q) => put(q, 632, 100, 0, 0, 0) }],
  ['signature data of 0 bytes', ['dcap.quote.nesting'], { quote: (q) => put(q, 632, 0, 0, 0, 0) }],
  ['outer type 5', ['dcap.quote.nesting'], { quote: (q) => put(q, OUTER, 5) }],
  ['outer size one short', ['dcap.quote.nesting'], { quote: (q) => put(q, OUTER + 2, (q[OUTER + 2] ?? 0) - 1) }],
  ['inner type 0', ['dcap.quote.nesting'], { certification: { type: 0 } }],
  ['inner type 6', ['dcap.quote.nesting'], { certification: { type: 6 } }],
  ['inner type 8', ['dcap.quote.nesting'], { certification: { type: 8 } }],
  ['outer type 7', ['dcap.quote.nesting'], { quote: (q) => put(q, OUTER, 7) }],
  ['type 7 that is no manifest', ['dcap.quote.nesting'], { certification: { type: 7 } }],
  ['type 7 of a header alone', ['dcap.quote.nesting'], { certification: { type: 7, data: manifest(32) } }],
  ['type 7 without data', ['dcap.quote.nesting'], { certification: { type: 7, data: new Uint8Array() } }],
  ['type 7 that is too long', ['dcap.quote.nesting'], { certification: { type: 7, data: manifest(65_568) } }],
  [
    'type 7 with another identifier',
    ['dcap.quote.nesting'],
    { certification: { type: 7, data: put(manifest(1000), 15, 0) } },
  ],
  ['inner size too large', ['dcap.quote.nesting'], { quote: (q) => put(q, INNER + 2, 0xff, 0xff, 0xff, 0x7f) }],
  ['inner size too small', ['dcap.quote.nesting'], { quote: (q) => put(q, INNER + 2, 16, 0, 0, 0) }],
  ['type 2 of another size', ['dcap.quote.nesting'], { certification: { type: 2, data: new Uint8Array(275) } }],
  ['type 3 of another size', ['dcap.quote.nesting'], { certification: { type: 3, data: new Uint8Array(276) } }],

  // What is signed.
  ['header user data', ['dcap.quote.signature'], { quote: (q) => put(q, 40, 0) }],
  ['MRTD', ['dcap.quote.signature'], { quote: (q) => put(q, 48 + 136, 0) }],
  ['RTMR3', ['dcap.quote.signature'], { quote: (q) => put(q, 48 + 472, 1) }],
  ['REPORTDATA', ['dcap.quote.signature'], { quote: (q) => put(q, 48 + 520, 1) }],
  ['r', ['dcap.quote.signature'], { quote: (q) => put(q, SIGNATURE, (q[SIGNATURE] ?? 0) ^ 1) }],
  ['s', ['dcap.quote.signature'], { quote: (q) => put(q, SIGNATURE + 63, (q[SIGNATURE + 63] ?? 0) ^ 1) }],
  ['r = 0', ['dcap.quote.signature'], { quote: (q) => put(q, SIGNATURE, ...new Uint8Array(32)) }],
  [
    's = n',
    ['dcap.quote.signature'],
    {
      quote: (q) =>
        put(
          q,
          SIGNATURE + 32,
          ...Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex'),
        ),
    },
  ],
  ['attestation key of another quote', ['dcap.qe.binding'], { quote: otherKey }],
  [
    'attestation key off the curve',
    ['dcap.qe.binding', 'dcap.quote.key'],
    { quote: (q) => put(q, KEY, ...new Uint8Array(64)) },
  ],
  ['authentication data', ['dcap.qe.binding'], { quote: (q) => put(q, AUTH_DATA, 0) }],
  ['tail of the QE report data', ['dcap.qe.binding'], { qeReport: (r) => put(r, 383, 1) }],
  ['QE report', ['dcap.qe.signature'], { quote: (q) => put(q, QE_REPORT, 1) }],
  [
    'QE report signature',
    ['dcap.qe.signature'],
    { quote: (q) => put(q, QE_SIGNATURE + 5, (q[QE_SIGNATURE + 5] ?? 0) ^ 1) },
  ],

  // The quoting enclave.
  ['QE signer', ['dcap.qe.mrsigner'], { qeReport: (r) => put(r, 128, 0) }],
  ['QE product', ['dcap.qe.prodid'], { qeReport: (r) => put(r, 256, 1) }],
  ['QE miscselect', ['dcap.qe.attributes'], { qeReport: (r) => put(r, 16, 1) }],
  ['QE attributes', ['dcap.qe.attributes'], { qeReport: (r) => put(r, 48, 0x05) }],
  ['QE in debug', ['dcap.qe.attributes'], { qeReport: (r) => put(r, 48, 0x17) }],
  [
    'QE in debug behind a mask',
    ['dcap.qe.attributes'],
    {
      qeReport: (r) => put(r, 48, 0x17),
      qeIdentity: edit({ attributesMask: `f9${'00'.repeat(15)}` }),
    },
  ],
  ['QE below every level', ['dcap.qe.level'], { qeReport: (r) => put(r, 258, 4) }],
  ['QE identity of SGX', ['dcap.qe-identity.kind'], { qeIdentity: edit({ id: 'QE' }) }],
  ['QVE identity', ['dcap.qe-identity.kind'], { qeIdentity: edit({ id: 'QVE' }) }],

  // The PCK chain.
  ['leaf signed by the TCB signing key', ['dcap.pck.chain'], { leaf: { signer: KEYS.signer } }],
  ['CA signed by another key', ['dcap.pck.chain'], { ca: { signer: KEYS.other }, collateral: withoutCrlChain }],
  ['leaf is a CA', ['dcap.pck.chain'], { leaf: { ca: true } }],
  ['critical extension', ['dcap.pck.chain'], { leafExtensions: [testExtension('1.2.3', derNull(), true)] }],
  ['leaf name', ['dcap.pck.names'], { leaf: { subject: 'Intel SGX TCB Signing' } }],
  ['leaf ended', ['dcap.pck.validity'], { leaf: past }],
  ['leaf not yet valid', ['dcap.pck.validity'], { leaf: coming }],
  ['CA ended', ['dcap.pck.validity'], { ca: past }],
  ['root ended', ['dcap.pck.validity'], { root: past }],
  ['TCB signer ended', ['dcap.pck.validity'], { signer: past }],
  ['TCB signer not yet valid', ['dcap.pck.validity'], { signer: coming }],
  ['leaf revoked', ['dcap.pck.revoked'], { pckCrl: { revoked: [Uint8Array.of(0xaa, 1)] } }],
  ['CA revoked', ['dcap.ca.revoked'], { rootCrl: { revoked: [Uint8Array.of(0xcc, 1)] } }],
  ['TCB signer revoked', ['dcap.ca.revoked'], { rootCrl: { revoked: [Uint8Array.of(0xbb, 1)] } }],
  ['no SGX extension', ['dcap.pck.form'], { leaf: { extensions: [] } }],
  ['FMSPC twice', ['dcap.pck.form'], { sgxExtension: (m) => [...m, m[3] ?? derNull()] }],
  ['no FMSPC', ['dcap.pck.form'], { sgxExtension: (m) => m.toSpliced(3, 1) }],
  ['no PCE id', ['dcap.pck.form'], { sgxExtension: (m) => m.toSpliced(2, 1) }],
  ['foreign member', ['dcap.pck.form'], { sgxExtension: (m) => [...m, derSequence(derOid('1.2.3'), derInteger(1))] }],
  ['component 256', ['dcap.pck.form'], { components: [256, ...Array.from({ length: 15 }, () => 0)] }],
  ['15 components', ['dcap.pck.form'], { components: Array.from({ length: 15 }, () => 0) }],

  // CRLs.
  ['root CRL of another key', ['dcap.crl.signature'], { rootCrl: { signer: KEYS.other } }],
  ['root CRL of another name', ['dcap.crl.signature'], { rootCrl: { issuer: 'Intel SGX PCK Platform CA' } }],
  ['PCK CRL of another key', ['dcap.crl.signature'], { pckCrl: { signer: KEYS.other } }],
  ['PCK CRL of another name', ['dcap.crl.issuer'], { pckCrl: { issuer: 'Intel SGX PCK Processor CA' } }],
  ['PCK CRL ended', ['dcap.crl.dates'], { pckCrl: { nextUpdate: new Date('2026-06-14T00:00:00Z') } }],
  ['PCK CRL not yet valid', ['dcap.crl.dates'], { pckCrl: { thisUpdate: new Date('2026-06-16T00:00:00Z') } }],
  ['root CRL ended', ['dcap.crl.dates'], { rootCrl: { nextUpdate: new Date('2026-06-14T00:00:00Z') } }],
  [
    'CRL without number',
    ['dcap.crl.form'],
    { pckCrl: { extensions: [testExtension('2.5.29.35', derSequence(Uint8Array.of(0x80, 1, 7)))] } },
  ],
  [
    'CRL without key identifier',
    ['dcap.crl.form'],
    { rootCrl: { extensions: [testExtension('2.5.29.20', derInteger(1))] } },
  ],
  ['CRL without next update', ['dcap.crl.form'], { rootCrl: { nextUpdate: null } }],
  [
    'CRL that is none',
    ['dcap.crl.form'],
    { collateral: (raw) => ({ ...raw, pckCrl: new TextEncoder().encode('<html>') }) },
  ],
  ['CRL issuer may not sign lists', ['dcap.crl.signature'], { ca: { keyUsage: KEY_CERT_SIGN } }],

  // TCB info.
  ['TCB info edited', ['dcap.tcbinfo.signature'], { tcbInfoText: (t) => t.replace('OutOfDate', 'UpToDate') }],
  ['TCB info reformatted', ['dcap.tcbinfo.signature'], { tcbInfoText: (t) => t.replace(',', ', ') }],
  [
    'TCB info without signature form',
    ['dcap.tcbinfo.signature'],
    {
      collateral: (raw) => ({ ...raw, tcbInfoSignature: new TextEncoder().encode('00') }),
    },
  ],
  [
    'signer named otherwise',
    ['dcap.tcbinfo.signer', 'dcap.qe-identity.signer'],
    { signer: { subject: 'Intel SGX PCK Certificate' } },
  ],
  ['signer is a CA', ['dcap.tcbinfo.signer', 'dcap.qe-identity.signer'], { signer: { ca: true } }],
  ['signer not of the root', ['dcap.tcbinfo.signer', 'dcap.qe-identity.signer'], { signer: { signer: KEYS.other } }],
  ['TCB info of another FMSPC', ['dcap.tcbinfo.platform'], { tcbInfo: edit({ fmspc: '00806f050000' }) }],
  ['TCB info of another PCE', ['dcap.tcbinfo.platform'], { tcbInfo: edit({ pceId: '0001' }) }],
  ['TCB info ended', ['dcap.tcbinfo.dates'], { tcbInfo: edit({ nextUpdate: '2026-06-14T00:00:00Z' }) }],
  ['TCB info of tomorrow', ['dcap.tcbinfo.dates'], { tcbInfo: edit({ issueDate: '2026-06-16T00:00:00Z' }) }],
  ['QE identity ended', ['dcap.qe-identity.dates'], { qeIdentity: edit({ nextUpdate: '2026-06-14T00:00:00Z' }) }],
  ['QE identity of tomorrow', ['dcap.qe-identity.dates'], { qeIdentity: edit({ issueDate: '2026-06-16T00:00:00Z' }) }],

  // Levels.
  ['below every level', ['dcap.tcb.supported'], { components: Array.from({ length: 16 }, () => 0) }],
  ['PCESVN below every level', ['dcap.tcb.supported'], { pceSvn: 4 }],
  ['level Revoked', ['dcap.tcb.revoked'], { tcbInfo: edit({ tcbLevels: [tcbLevel('tdx', 3, 'Revoked')] }) }],
  ['QE Revoked', ['dcap.tcb.revoked'], { qeReport: (r) => put(r, 258, 5) }],
  ['TDX components', ['dcap.tcb.supported'], { tcbInfo: withTdxComponent(2, 1) }],
  ['unknown module', ['tdx.module.identity'], { body: (b) => put(b, 1, 2) }],
  ['module below every level', ['tdx.module.level'], { body: (b) => put(b, 0, 1) }],
  ['MRSIGNERSEAM', ['tdx.module.signer'], { body: (b) => put(b, 64, 1) }],
  ['SEAMATTRIBUTES', ['tdx.module.signer'], { body: (b) => put(b, 112, 1) }],
  ['MRSIGNERSEAM of a module of version 0', ['tdx.module.signer'], { body: (b) => put(put(b, 1, 0), 64, 1) }],
  ['attributes of the module identity', ['tdx.module.signer'], { tcbInfo: withModule({ attributes: '01'.repeat(8) }) }],

  // What the owner judges.
  ['TD in debug', ['tdx.td.debug'], { body: (b) => put(b, 120, 1) }],
  ['TD in another kind of debug', ['tdx.td.debug'], { body: (b) => put(b, 120, 0x80) }],
  ['no SEPT_VE_DISABLE', ['tdx.td.attributes'], { body: (b) => put(b, 123, 0) }],
  ['unknown TD attribute', ['tdx.td.attributes'], { body: (b) => put(b, 125, 1) }],
  ['XFAM without SSE', ['tdx.td.xfam'], { body: (b) => put(b, 128, 0xe5) }],
  ['unknown XFAM bit', ['tdx.td.xfam'], { body: (b) => put(b, 135, 0x80) }],
  ['enclave in debug', ['sgx.enclave.debug'], { tee: 'sgx', body: (b) => put(b, 48, 7) }],
  ['enclave not initialised', ['sgx.enclave.attributes'], { tee: 'sgx', body: (b) => put(b, 48, 4) }],
];

function withoutCrlChain<T extends object>(raw: T): T {
  return { ...raw, pckCrlIssuerChain: pemChain(world().rootDer) };
}

function withTdxComponent(index: number, svn: number) {
  return (document: JsonMap): JsonMap => {
    const level = structuredClone(tcbLevel('tdx', 1, 'UpToDate')) as { tcb: { tdxtcbcomponents: { svn: number }[] } };
    const component = level.tcb.tdxtcbcomponents[index];
    if (component !== undefined) component.svn = svn;
    return { ...document, tcbLevels: [level as unknown as JsonMap] };
  };
}

function withModule(changes: JsonMap) {
  return (document: JsonMap): JsonMap => ({
    ...document,
    tdxModuleIdentities: (document['tdxModuleIdentities'] as JsonMap[]).map((identity) => ({
      ...identity,
      ...changes,
    })),
  });
}

const APPRAISED = ['tdx.td', 'sgx.enclave', 'dcap.tcb.revoked'];

test('the sound one is accepted, in every version and body', () => {
  for (const spoil of [
    {},
    { tee: 'sgx' },
    { tee: 'sgx', version: 4 },
    { tee: 'sgx', version: 5 },
    { version: 5 },
    { version: 5, tdReport15: true },
  ] as const) {
    const { authentication, failed, warned, word } = judge(spoil);
    expect([word, failed, warned]).toEqual(['accept', [], []]);
    expect(authentication?.authentic?.tcb.status).toBe('UpToDate');
  }
});

describe('what is refused, and by which check alone', () => {
  test.each(cases)('%s', (_, fails, spoil) => {
    const { authentication, failed, findings, word } = judge(spoil);
    // A CA of another key is a stranger to its own CRL as well.
    if (fails.includes('dcap.pck.chain')) expect(failed).toContain('dcap.pck.chain');
    else expect([...failed].sort()).toEqual([...fails].sort());
    const appraised = fails.every((id) => APPRAISED.some((prefix) => id.startsWith(prefix)));
    expect(word).toBe(appraised ? 'accept' : 'reject');
    expect(authentication?.authentic === undefined).toBe(!appraised);
    for (const finding of findings) {
      if (finding.outcome === 'fail' || finding.outcome === 'warn') expect(finding.title).not.toContain('(unknown)');
      if (finding.outcome === 'fail') expect(finding.remedy).toMatch(/\.$/);
    }
  });
});

describe('chains', () => {
  test('a root of the right name and another key is not the pinned one', () => {
    const made = world();
    const bytes = world({ root: { key: KEYS.other, signer: KEYS.other }, ca: { signer: KEYS.other } }).quote;
    const { quote } = parseQuote(bytes);
    if (quote === undefined) throw new Error('unread');
    const { authentic, findings } = authenticateQuote(quote, verifyCollateral(made.raw, made.trust), NOW);
    expect(authentic).toBeUndefined();
    expect(findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id)).toEqual(['dcap.pck.root']);
  });

  test('two roots under one roof: quote of one, collateral of the other', () => {
    const one = world();
    const spoil = {
      root: { key: KEYS.other, signer: KEYS.other },
      ca: { signer: KEYS.other },
      signer: { signer: KEYS.other },
    };
    const two = world({ ...spoil, rootCrl: { signer: KEYS.other } });
    const anchors = [
      { name: 'one', publicKey: KEYS.root.spki },
      { name: 'two', publicKey: KEYS.other.spki, emulated: true as const },
    ];
    const trust = { ...one.trust, anchors };
    for (const [bytes, raw] of [
      [one.quote, two.raw],
      [two.quote, one.raw],
    ] as const) {
      const { quote } = parseQuote(bytes);
      if (quote === undefined) throw new Error('unread');
      const { authentic, findings } = authenticateQuote(quote, verifyCollateral(raw, trust), NOW);
      expect(authentic).toBeUndefined();
      expect(findings.some(({ id, outcome }) => id === 'dcap.pck.root' && outcome === 'fail')).toBe(true);
    }
    const mixed = verifyCollateral(
      { ...one.raw, qeIdentityIssuerChain: two.raw.qeIdentityIssuerChain ?? new Uint8Array() },
      trust,
    );
    expect(mixed.qeIdentity).toBeUndefined();
  });

  test('order does not count, number does', () => {
    const { pckChain } = world();
    const parts = Buffer.from(pckChain)
      .toString()
      .split(/(?<=-----END CERTIFICATE-----\n)/);
    const text = (...indexes: number[]): Uint8Array =>
      new TextEncoder().encode(indexes.map((index) => parts[index]).join(''));
    expect(judge({ certification: { type: 5, data: text(2, 0, 1) } }).word).toBe('accept');
    expect(judge({ certification: { type: 5, data: concatBytes(text(0, 1, 2), new Uint8Array(3)) } }).word).toBe(
      'accept',
    );
    for (const data of [text(0, 1), text(0, 1, 2, 2), text(0, 0, 1, 2), text(2), text(0, 1, 2, 1)]) {
      expect(judge({ certification: { type: 5, data } }).failed).toContain('dcap.pck.chain');
    }
    expect(judge({ certification: { type: 5, data: new Uint8Array(100_000) } }).failed).toContain('dcap.pck.form');
    expect(judge({ certification: { type: 5, data: Uint8Array.of(0x30, 0) } }).failed).toContain('dcap.pck.form');
  });

  test('a chain from elsewhere serves the types that carry none', () => {
    const data = new Uint8Array(404);
    expect(judge({ certification: { type: 3, data } }).word).toBe('accept');
    const { quote } = parseQuote(world({ certification: { type: 3, data } }).quote);
    const { raw, trust } = world();
    if (quote === undefined) throw new Error('unread');
    const { authentic, findings } = authenticateQuote(quote, verifyCollateral(raw, trust), NOW);
    expect(authentic).toBeUndefined();
    expect(findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id)).toEqual(['dcap.pck.source']);
  });

  test('a platform manifest certifies nothing: the verdict is incomplete, and says what to do', () => {
    for (const spoil of [{}, { version: 5 }, { tee: 'sgx' }] as const) {
      const certification = { type: 7, data: manifest(2000) };
      const { quote, findings: parsing } = parseQuote(world({ ...spoil, certification }).quote);
      if (quote === undefined) throw new Error('unread');
      expect(quote.certification).toEqual(certification);
      const { raw, trust } = world(spoil);
      const { authentic, findings } = authenticateQuote(quote, verifyCollateral(raw, trust), NOW);
      expect(authentic).toBeUndefined();
      const all = [...parsing, ...findings];
      expect(all.filter(({ outcome }) => outcome === 'fail')).toEqual([
        expect.objectContaining({
          id: 'dcap.pck.source',
          title: 'quote carries no PCK certificate (certification type 7)',
          remedy: expect.stringContaining('register it'),
        }),
      ]);
      expect(assembleVerdict({ kind: 'tdx', at: NOW, asked: false, findings: all }).verdict).toBe('incomplete');
    }
    // The QE report is signed by the PCK key all the same: with its chain from elsewhere the quote verifies.
    expect(judge({ certification: { type: 7, data: manifest(65_567) } }).word).toBe('accept');
    expect(judge({ certification: { type: 7, data: manifest(33) } }).word).toBe('accept');
  });

  test('a signer of its own chain: TCB info signed under the PCK CA is not believed', () => {
    const made = world();
    const chain = pemChain(...[made.pckChain].flatMap(() => []), made.rootDer);
    const { tcbInfo } = verifyCollateral({ ...made.raw, tcbInfoIssuerChain: chain }, made.trust);
    expect(tcbInfo).toBeUndefined();
  });
});

describe('time', () => {
  const late = new Date('2026-07-01T06:00:00Z');

  test('nothing is kept of it: the same chain and collateral at another time', () => {
    const made = world();
    const collateral = verifyCollateral(made.raw, made.trust);
    const { quote } = parseQuote(made.quote);
    if (quote === undefined) throw new Error('unread');
    const at = (now: Date) => authenticateQuote(quote, collateral, now).authentic !== undefined;
    expect([at(NOW), at(late), at(NOW), at(new Date('2026-05-01T00:00:00Z')), at(new Date(Number.NaN))]).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
    expect(at(new Date('2026-07-01T00:00:00Z'))).toBe(true);
    expect(at(new Date('2026-06-01T00:00:00Z'))).toBe(true);
  });

  test('past the next update only by the setting of the owner, and it says so', () => {
    const grace = { milliseconds: DAY, setting: 'collateral.stale_if_error = 24h' };
    expect(judge({}, { now: late }).failed).toEqual(['dcap.tcbinfo.dates', 'dcap.qe-identity.dates']);
    const { authentication, failed, warned } = judge({}, { now: late, grace });
    expect([failed, warned]).toEqual([[], ['collateral.item.stale']]);
    expect(authentication?.authentic?.dates.expired).toBe(true);
    const later = new Date(late.getTime() + DAY);
    expect(judge({}, { now: later, grace }).failed).toEqual(['dcap.tcbinfo.dates', 'dcap.qe-identity.dates']);
    // Certificates have no grace.
    expect(judge({ leaf: { notAfter: new Date('2026-07-01T00:00:00Z') } }, { now: late, grace }).failed).toEqual([
      'dcap.pck.validity',
    ]);
    // Nor has what is not yet valid.
    expect(judge({}, { now: new Date('2026-05-31T23:59:59Z'), grace }).failed).toContain('dcap.tcbinfo.dates');
  });

  test('an end that is near is a warning', () => {
    expect(judge({}, { now: new Date('2026-06-30T12:00:00Z') }).warned).toEqual(['collateral.item.ending']);
    expect(judge({}, { endingWithin: 30 * DAY }).warned).toEqual(['collateral.item.ending']);
  });
});

describe('statuses', () => {
  test.each<[string, Spoil, string, FindingId]>([
    ['level', { components: [4, ...Array.from({ length: 15 }, () => 0)] }, 'OutOfDate', 'dcap.tcb.level'],
    ['PCESVN', { pceSvn: 10 }, 'OutOfDate', 'dcap.tcb.level'],
    ['module', { body: (b) => put(b, 0, 2) }, 'OutOfDate', 'tdx.module.level'],
    ['quoting enclave', { qeReport: (r) => put(r, 258, 7) }, 'OutOfDate', 'dcap.qe.level'],
    ['level Revoked', { tcbInfo: edit({ tcbLevels: [tcbLevel('tdx', 3, 'Revoked')] }) }, 'Revoked', 'dcap.tcb.revoked'],
    ['module of version 0', { body: (b) => put(b, 0, 0, 0) }, 'UpToDate', 'dcap.tcb.level'],
  ])('%s', (_, spoil, status, cause) => {
    expect(judge(spoil).authentication?.authentic?.tcb).toMatchObject({ status, cause });
  });

  test('levels are taken from the highest, whatever their order', () => {
    const reversed = (document: JsonMap): JsonMap => ({
      ...document,
      tcbLevels: [...(document['tcbLevels'] as JsonMap[])].reverse(),
    });
    expect(judge({ tcbInfo: reversed }).authentication?.authentic?.tcb.status).toBe('UpToDate');
    const modules = withModule({ tcbLevels: [moduleLevel(2, 'OutOfDate'), moduleLevel(4, 'UpToDate')] });
    expect(judge({ tcbInfo: modules }).authentication?.authentic?.tcb.status).toBe('UpToDate');
    const qe = edit({ tcbLevels: [moduleLevel(6, 'OutOfDate'), moduleLevel(8, 'UpToDate')] });
    expect(judge({ qeIdentity: qe }).authentication?.authentic?.tcb.status).toBe('UpToDate');
  });

  test('components 0 and 1 are the business of the module identity, unless the module is of version 0', () => {
    const tcbInfo = withTdxComponent(0, 200);
    expect(judge({ tcbInfo }).word).toBe('accept');
    expect(judge({ tcbInfo, body: (b) => put(b, 1, 0) }).failed).toEqual(['dcap.tcb.supported']);
  });

  test('the table of what falls short names components and who updates them', () => {
    const labelled = (document: JsonMap): JsonMap => {
      const level = tcbLevel('tdx', 5, 'UpToDate') as { tcb: { sgxtcbcomponents: JsonMap[] } };
      Object.assign(level.tcb.sgxtcbcomponents[0] ?? {}, { type: 'Early Microcode Update', category: 'BIOS' });
      return { ...document, tcbLevels: [level as unknown as JsonMap, tcbLevel('tdx', 3, 'OutOfDate')] };
    };
    const { findings } = judge({
      tcbInfo: labelled,
      components: [4, ...Array.from({ length: 15 }, () => 0)],
      pceSvn: 12,
    });
    const finding = findings.find(({ id }) => id === 'dcap.tcb.level');
    expect(finding).toMatchObject({
      title: 'platform TCB is OutOfDate (level of 2025-08-13); UpToDate is demanded',
      compare: {
        rows: [{ component: 'sgx[0]', label: 'Early Microcode Update', has: 4, wants: 5, updated_by: 'BIOS' }],
      },
    });
    expect(finding?.remedy).toContain('BIOS');
  });

  test('advisories: of the levels used, against the list of the owner', () => {
    const spoil = { components: [4, ...Array.from({ length: 15 }, () => 0)] };
    expect(judge(spoil).authentication?.authentic?.tcb.advisoryIds).toEqual(['INTEL-SA-00001']);
    expect(judge(spoil).failed).toEqual([]);
    expect(judge(spoil, { acceptedAdvisories: [] }).failed).toEqual(['dcap.tcb.advisories']);
    expect(judge(spoil, { acceptedAdvisories: ['INTEL-SA-00001'] }).failed).toEqual([]);
  });

  test('status: one of those that the owner accepts', () => {
    const spoil = { components: [4, ...Array.from({ length: 15 }, () => 0)] };
    expect(judge(spoil, { acceptedStatuses: ['UpToDate', 'OutOfDate'] }).failed).toEqual([]);
    expect(judge({}, { acceptedStatuses: ['UpToDate'] }).failed).toEqual([]);
    const refused = judge(spoil, { acceptedStatuses: ['UpToDate', 'SWHardeningNeeded'] });
    expect(refused.failed).toEqual(['dcap.tcb.status']);
    expect(refused.findings.find(({ id }) => id === 'dcap.tcb.status')).toMatchObject({
      title: 'TCB status is OutOfDate; the owner accepts UpToDate, SWHardeningNeeded',
      causedBy: ['dcap.tcb.level'],
      origin: { kind: 'setting', key: 'tdx.accepted_tcb_statuses' },
    });
  });

  test('evaluation number: at least what is asked for; both documents of one', () => {
    expect(judge({}, { minimumEvaluation: 18 }).failed).toEqual([]);
    expect(judge({}, { minimumEvaluation: 19 }).failed).toEqual(['dcap.tcbinfo.evaluation']);
    expect(judge({ qeIdentity: edit({ tcbEvaluationDataNumber: 17 }) }).warned).toEqual(['collateral.set.consistent']);
    expect(judge({ qeIdentity: edit({ tcbEvaluationDataNumber: 17 }) }, { minimumEvaluation: 18 }).failed).toEqual([
      'dcap.tcbinfo.evaluation',
    ]);
  });

  test('a service TD is reported', () => {
    const spoil = { version: 5, tdReport15: true, body: (b: Uint8Array) => put(b, 600, 1) } as const;
    expect(judge(spoil).warned).toEqual(['tdx.td.service']);
  });

  test('the settings of the owner relax what is about the owner, and warn', () => {
    expect(judge({ body: (b) => put(b, 120, 1) }, { allowDebug: true }).warned).toContain('tdx.td.debug');
    expect(judge({ tee: 'sgx', body: (b) => put(b, 48, 7) }, { allowDebug: true }).failed).toEqual([]);
    const [withoutSeptVe, unknownBit] = [(b: Uint8Array) => put(b, 123, 0), (b: Uint8Array) => put(b, 123, 0x11)];
    const both = (b: Uint8Array) => put(b, 123, 0x01);
    const unknownFeature = (b: Uint8Array) => put(b, 128, 0xff);
    const relaxed = { allowUnknownAttributes: true } as const;
    expect(judge({ body: withoutSeptVe }, relaxed).failed).toEqual(['tdx.td.attributes']);
    expect(judge({ body: unknownBit }, { allowSeptVe: true }).failed).toEqual(['tdx.td.attributes']);
    expect(judge({ body: withoutSeptVe }, { allowSeptVe: true })).toMatchObject({
      failed: [],
      warned: ['tdx.td.attributes'],
    });
    expect(judge({ body: unknownBit }, relaxed)).toMatchObject({ failed: [], warned: ['tdx.td.attributes'] });
    expect(judge({ body: both }, { allowSeptVe: true }).failed).toEqual(['tdx.td.attributes']);
    expect(judge({ body: both }, relaxed).failed).toEqual(['tdx.td.attributes']);
    expect(judge({ body: both }, { ...relaxed, allowSeptVe: true }).failed).toEqual([]);
    expect(judge({ body: unknownFeature }, relaxed)).toMatchObject({ failed: [], warned: ['tdx.td.xfam'] });
    // FP and SSE are always on: a TD without them is none.
    expect(judge({ body: (b) => put(b, 128, 0xe5) }, relaxed).failed).toEqual(['tdx.td.xfam']);
    expect(judge({ tee: 'sgx' }, { enclaveFlags: 0x80n }).failed).toEqual(['sgx.enclave.attributes']);
  });
});

describe('form of TCB info and QE identity', () => {
  const levels = (change: (level: Record<string, unknown>) => void) => (document: JsonMap) => {
    const copy = structuredClone(document);
    for (const level of copy['tcbLevels'] as Record<string, unknown>[]) change(level);
    return copy;
  };
  const component = (value: unknown) =>
    levels((level) => {
      (level['tcb'] as { sgxtcbcomponents: { svn: unknown }[] }).sgxtcbcomponents[3] = { svn: value };
    });
  test.each<[string, (document: JsonMap) => JsonMap]>([
    ['svn 256', component(256)],
    ['svn as text', component('3')],
    ['svn of a half', component(0.5)],
    ['svn negative', component(-1)],
    ['15 components', levels((level) => (level['tcb'] as { sgxtcbcomponents: unknown[] }).sgxtcbcomponents.pop())],
    ['no TDX components', levels((level) => delete (level['tcb'] as JsonMap)['tdxtcbcomponents'])],
    ['status in another case', levels((level) => Object.assign(level, { tcbStatus: 'uptodate' }))],
    ['no levels', edit({ tcbLevels: [] })],
    ['two equal levels', edit({ tcbLevels: [tcbLevel('tdx', 1, 'UpToDate'), tcbLevel('tdx', 1, 'OutOfDate')] })],
    ['version 4', edit({ version: 4 })],
    ['tcbType 1', edit({ tcbType: 1 })],
    ['no module', (d) => Object.fromEntries(Object.entries(d).filter(([name]) => name !== 'tdxModule'))],
    ['empty module identities', edit({ tdxModuleIdentities: [] })],
    ['date that does not exist', edit({ issueDate: '2026-02-30T00:00:00Z' })],
    ['date without zone', edit({ nextUpdate: '2026-07-01T00:00:00' })],
    ['FMSPC of five bytes', edit({ fmspc: 'a0b0c0d0e0' })],
    ['advisory with control characters', levels((level) => Object.assign(level, { advisoryIDs: ['a\u001b[31m'] }))],
    ['module that is null', edit({ tdxModule: null })],
    ['levels that are no list', edit({ tcbLevels: {} })],
    ['identity with a number for an id', withModule({ id: 5 })],
    [
      'two identities of one id',
      (d) => ({ ...d, tdxModuleIdentities: [d['tdxModuleIdentities'], d['tdxModuleIdentities']].flat() as JsonMap[] }),
    ],
    ['module status unknown', withModule({ tcbLevels: [moduleLevel(4, 'SWHardeningNeeded')] })],
  ])('TCB info: %s', (_, tcbInfo) => {
    expect(judge({ tcbInfo }).failed).toEqual(['dcap.tcbinfo.form']);
  });

  test.each<[string, (document: JsonMap) => JsonMap]>([
    ['version 0', edit({ version: 0 })],
    ['version 3', edit({ version: 3 })],
    ['version 1 with levels', edit({ version: 1, isvsvn: 1, id: 'QE' })],
    ['unknown status', edit({ tcbLevels: [moduleLevel(1, 'Fine')] })],
    ['no levels', edit({ tcbLevels: [] })],
    ['mask of three bytes', edit({ miscselectMask: 'ffffff' })],
    ['unknown id', edit({ id: 'QX' })],
  ])('QE identity: %s', (_, qeIdentity) => {
    expect(judge({ qeIdentity }).failed).toEqual(['dcap.qe-identity.form']);
  });

  /** What API v1 of PCS served: one ISVSVN, no levels, no id, no evaluation number. */
  const version1 = (changes: { readonly [name: string]: unknown }) => (document: JsonMap) => {
    const { id, tcbEvaluationDataNumber, tcbLevels, ...rest } = document;
    const made = { ...rest, version: 1, isvsvn: 4, ...changes };
    return Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined)) as JsonMap;
  };
  const qeSvn = (svn: number) => (report: Uint8Array) => put(report, 258, svn & 0xff, svn >> 8);

  test('QE identity of version 1: from its ISVSVN on the enclave is up to date, below it is old', () => {
    for (const id of [{}, { id: 'QE' }]) {
      const good = judge({ tee: 'sgx', qeIdentity: version1(id), qeReport: qeSvn(4) });
      expect(good.failed).toEqual([]);
      expect(good.warned).toEqual(['collateral.set.consistent']);
      expect(good.authentication?.authentic?.tcb).toMatchObject({ status: 'UpToDate', qe: { isvSvn: 4 } });
    }
    const old = judge({ tee: 'sgx', qeIdentity: version1({}), qeReport: qeSvn(3) });
    expect(old.failed).toEqual([]);
    expect(old.warned).toContain('dcap.qe.level');
    expect(old.authentication?.authentic?.tcb).toMatchObject({ status: 'OutOfDate', qe: { isvSvn: 0 } });
    expect(old.findings.find(({ id }) => id === 'dcap.qe.level')).toMatchObject({
      expected: 4,
      actual: 3,
      source: 'Intel QE identity QE, version 1',
    });
    const every = judge({ tee: 'sgx', qeIdentity: version1({ isvsvn: 0 }), qeReport: qeSvn(0) });
    expect(every.authentication?.authentic?.tcb.qe.status).toBe('UpToDate');
    expect(every.authentication?.authentic?.collateral.qeIdentity?.levels).toHaveLength(1);
  });

  test('QE identity of version 1 names no evaluation, so that it is below whatever is asked for', () => {
    const spoil = { tee: 'sgx', qeIdentity: version1({}), qeReport: qeSvn(4) } as const;
    expect(judge(spoil).authentication?.authentic?.evaluationNumber).toBe(0);
    expect(judge(spoil, { minimumEvaluation: 1 }).failed).toEqual(['dcap.tcbinfo.evaluation']);
  });

  test.each<[string, readonly FindingId[], Spoil]>([
    ['for a TD', ['dcap.qe-identity.kind'], { qeIdentity: version1({}), qeReport: qeSvn(4) }],
    ['of another enclave', ['dcap.qe-identity.form'], { tee: 'sgx', qeIdentity: version1({ id: 'QVE' }) }],
    ['of the TD quoting enclave', ['dcap.qe-identity.form'], { tee: 'sgx', qeIdentity: version1({ id: 'TD_QE' }) }],
    ['without ISVSVN', ['dcap.qe-identity.form'], { tee: 'sgx', qeIdentity: version1({ isvsvn: undefined }) }],
    ['with ISVSVN as text', ['dcap.qe-identity.form'], { tee: 'sgx', qeIdentity: version1({ isvsvn: '4' }) }],
    ['with ISVSVN 65536', ['dcap.qe-identity.form'], { tee: 'sgx', qeIdentity: version1({ isvsvn: 65536 }) }],
    ['without MRSIGNER', ['dcap.qe-identity.form'], { tee: 'sgx', qeIdentity: version1({ mrsigner: undefined }) }],
    ['without issue date', ['dcap.qe-identity.form'], { tee: 'sgx', qeIdentity: version1({ issueDate: undefined }) }],
    [
      'that has ended',
      ['dcap.qe-identity.dates'],
      { tee: 'sgx', qeIdentity: version1({ nextUpdate: '2026-05-30T00:00:00Z' }), qeReport: qeSvn(4) },
    ],
    [
      'of another signer',
      ['dcap.qe.mrsigner'],
      { tee: 'sgx', qeIdentity: version1({ mrsigner: 'ee'.repeat(32) }), qeReport: qeSvn(4) },
    ],
    [
      'of another product',
      ['dcap.qe.prodid'],
      { tee: 'sgx', qeIdentity: version1({ isvprodid: 3 }), qeReport: qeSvn(4) },
    ],
    [
      'of other attributes',
      ['dcap.qe.attributes'],
      { tee: 'sgx', qeIdentity: version1({ attributes: '13'.padEnd(32, '0') }), qeReport: qeSvn(4) },
    ],
  ])('QE identity of version 1 %s', (_, fails, spoil) => {
    expect(judge(spoil).failed).toEqual(fails);
  });

  test('a QE level that is neither good nor revoked counts as old', () => {
    const qeIdentity = edit({ tcbLevels: [moduleLevel(1, 'ConfigurationNeeded')] });
    expect(judge({ qeIdentity }).authentication?.authentic?.tcb.qe.status).toBe('OutOfDate');
  });
});

describe('missing collateral is incomplete, never accepted', () => {
  test.each([
    'rootCaCrl',
    'pckCrl',
    'pckCrlIssuerChain',
    'tcbInfo',
    'tcbInfoSignature',
    'tcbInfoIssuerChain',
    'qeIdentity',
    'qeIdentitySignature',
    'qeIdentityIssuerChain',
  ] as const)('%s', (member) => {
    const { authentication, failed, findings, word } = judge({
      collateral: (raw) => Object.fromEntries(Object.entries(raw).filter(([name]) => name !== member)),
    });
    expect([word, failed]).toEqual(['incomplete', ['collateral.item.missing']]);
    expect(authentication?.authentic).toBeUndefined();
    const unasked: FindingId[] =
      member === 'rootCaCrl'
        ? ['dcap.ca.revoked', 'dcap.crl.signature']
        : member.startsWith('pckCrl')
          ? ['dcap.pck.revoked', 'dcap.crl.issuer', 'dcap.crl.signature']
          : member.startsWith('tcbInfo')
            ? ['dcap.tcbinfo.signature', 'dcap.tcbinfo.platform', 'dcap.tcb.supported']
            : ['dcap.qe-identity.signature', 'dcap.qe.mrsigner', 'dcap.qe.level'];
    for (const id of unasked) {
      expect(
        findings.filter((finding) => finding.id === id && finding.outcome === 'not-checked').length,
        id,
      ).toBeGreaterThan(0);
    }
  });
  test('all of it', () => {
    const { authentication, failed, findings, word } = judge({ collateral: () => ({}) });
    expect([word, failed]).toEqual(['incomplete', ['collateral.item.missing']]);
    // A document that is missing is not asked for its signature.
    const missing = findings.filter(({ id }) => id === 'collateral.item.missing').map(({ subject }) => subject);
    expect(missing).toEqual(['TCB info', 'QE identity', 'root CA CRL', 'PCK CRL']);
    expect(authentication).toMatchObject({ quoteSignature: true, qeReportSignature: true, qeReportDataBinding: true });
  });
});

test('padding behind the quote is accepted and reported', () => {
  const padded = judge({ quote: (q) => concatBytes(q, new Uint8Array(70)) });
  expect([padded.word, padded.warned]).toEqual(['accept', ['dcap.quote.trailing']]);
  const joined = judge({ quote: (q) => concatBytes(q, Uint8Array.of(0, 1)) });
  expect(joined.findings.find(({ id }) => id === 'dcap.quote.trailing')?.title).toBe(
    '2 bytes follow the quote, not all zero',
  );
});

test('a quote cut anywhere is refused', () => {
  for (const spoil of [{}, { tee: 'sgx' }, { version: 5, tdReport15: true }] as const) {
    const { quote } = world(spoil);
    for (let length = 0; length < quote.length; length += length < 1300 ? 1 : 61) {
      const { findings, quote: read } = parseQuote(quote.subarray(0, length));
      expect(read).toBeUndefined();
      expect(findings.filter(({ outcome }) => outcome === 'fail').length).toBe(1);
    }
  }
});

test('keys are kept by their bytes: clearing them changes nothing', () => {
  vendorKeys.clear();
  expect(judge().word).toBe('accept');
});
