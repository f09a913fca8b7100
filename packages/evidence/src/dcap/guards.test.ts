/** Guards that no vector and no spoiled part alone reaches: each of these goes red when its `if` no longer decides. */

import { derElement, derOctetString, derOid, derSequence, encodeBase64, type JsonValue } from '@assay/bytes';
import { assembleVerdict } from '@assay/bytes/findings';
import { expect, test } from 'vitest';
import { verifyTdxFiles } from '../tdx/files.js';
import { createTdxVerifier } from '../tdx/verifier.js';
import { EMULATED_ORGANIZATION } from '../x509/index.js';
import { pemChain, testKey } from '../x509/testing/issue.js';
import { authenticateQuote } from './authenticate.js';
import { Members } from './collateral/members.js';
import { teeOfTcbInfo } from './collateral/tcb-info.js';
import { verifyCollateral } from './collateral/verify.js';
import { collateralNeeds } from './needs.js';
import type { PckPlatform } from './pck/extension.js';
import { parseQuote } from './quote/parse.js';
import { readSgxReport, readTdReport } from './quote/report.js';
import { dcapTrust } from './roots.js';
import { matchLevel } from './tcb/match.js';
import { judge } from './testing/run.js';
import { KEYS, NOW, type Spoil, world } from './testing/world.js';

const SGX = '1.2.840.113741.1.13.1';
const anchor = { name: 'test root', publicKey: KEYS.root.spki };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const told = (spoil: Spoil): string =>
  JSON.stringify(judge(spoil).findings.filter(({ outcome }) => outcome === 'fail'));

test('trust without an anchor is a mistake of the caller', () => {
  expect(() => dcapTrust([])).toThrow(RangeError);
});

test('report bodies of another size are not read', () => {
  expect(() => readSgxReport(new Uint8Array(385))).toThrow(RangeError);
  expect(() => readTdReport(new Uint8Array(585))).toThrow(RangeError);
});

test('a key of P-384 in the chain is refused, though its signature holds', () => {
  const found = judge({ leaf: { key: testKey('P-384') } });
  expect(found.word).toBe('reject');
  expect(JSON.stringify(found.findings)).toContain('P-256 is wanted');
});

test('names: the CA and the root of a PCK chain, of an issuer chain', () => {
  const ca = told({ ca: { subject: 'Some CA' }, leaf: { issuer: 'Some CA' } });
  expect(ca).toContain('"actual":"Some CA"');
  expect(ca).toContain('"id":"dcap.crl.chain"');
  const part = { issuer: 'Some Root' };
  const root = told({ root: { ...part, subject: 'Some Root' }, ca: part, signer: part });
  expect(root).toContain('"actual":"Some Root"');
  expect(root).toContain('Some Root stands where the root belongs');
});

test('chains out of bounds are told as such', () => {
  const data = new Uint8Array(100_000);
  expect(told({ certification: { type: 5, data } })).toContain('100000 bytes is too long');
  expect(told({ certification: { type: 5, data: Uint8Array.of(0x30, 0) } })).toContain('DER where PEM is due');
  expect(told({ collateral: (raw) => ({ ...raw, tcbInfoIssuerChain: data }) })).toContain('100000 bytes are too many');
  const { rootDer } = world();
  const twice = pemChain(rootDer, rootDer, rootDer);
  expect(told({ collateral: (raw) => ({ ...raw, tcbInfoIssuerChain: twice }) })).not.toContain('certificates; 2');
});

test('the SGX extension: an unknown type, an FMSPC of five bytes', () => {
  const replaced = (at: number, value: Uint8Array): Spoil => ({
    sgxExtension: (members) => members.with(at, derSequence(derOid(`${SGX}.${at + 1}`), value)),
  });
  expect(told(replaced(4, derElement(0x0a, Uint8Array.of(9))))).toContain('SGX type 9 is unknown');
  expect(told(replaced(3, derOctetString(new Uint8Array(5))))).toContain('FMSPC has 5 bytes; 6 are right');
});

test('documents of Intel: members that are absent or no text, TCB info of version 2', () => {
  const members = new Members({ list: ['a', 1] });
  expect(() => members.text('x')).toThrow('x: absent');
  expect(() => members.texts('list', 9)).toThrow('list[1]: not a text');
  expect(teeOfTcbInfo(bytes('{"version":2,"id":"TDX"}'))).toBe('sgx');
});

test('what the evidence holds instead is told; a text log that is no text is refused', () => {
  const { quote } = world();
  const verdict = (evidence: JsonValue, collateral?: Uint8Array): string =>
    JSON.stringify(
      createTdxVerifier({ roots: [anchor] }).verify({
        evidence,
        reportData: undefined,
        initData: undefined,
        endorsements: collateral === undefined ? {} : { collateral },
        now: NOW,
      }),
    );
  expect(verdict({})).toContain('"actual":"absent"');
  expect(verdict({ quote: null })).toContain('"actual":"null"');
  expect(verdict({ quote: encodeBase64(quote), aa_eventlog: 5 })).toContain('`aa_eventlog` is a number');
  expect(verdict({ quote: encodeBase64(quote) }, bytes('{'))).toContain('"id":"collateral.answer.form"');
});

test('files: no quote, a bundle that is none, emulated hardware, a time that was chosen', () => {
  const parts = ['root', 'ca', 'leaf', 'signer', 'rootCrl', 'pckCrl'] as const;
  const made = world(Object.fromEntries(parts.map((part) => [part, { organization: EMULATED_ORGANIZATION }])));
  const piece = (value: Uint8Array | undefined): string => new TextDecoder().decode(value);
  const { raw } = made;
  const hex = (value: Uint8Array | undefined): string => Buffer.from(value ?? []).toString('hex');
  const bundle = bytes(
    JSON.stringify({
      root_ca_crl: hex(raw.rootCaCrl),
      pck_crl: hex(raw.pckCrl),
      pck_crl_issuer_chain: piece(raw.pckCrlIssuerChain),
      tcb_info: piece(raw.tcbInfo),
      tcb_info_signature: piece(raw.tcbInfoSignature),
      tcb_info_issuer_chain: piece(raw.tcbInfoIssuerChain),
      qe_identity: piece(raw.qeIdentity),
      qe_identity_signature: piece(raw.qeIdentitySignature),
      qe_identity_issuer_chain: piece(raw.qeIdentityIssuerChain),
    }),
  );
  expect(() => verifyTdxFiles({}, { at: NOW })).toThrow(RangeError);
  const { quote } = made;
  const broken = verifyTdxFiles({ quote, collateral: bytes('{') }, { at: NOW });
  expect(broken.findings).toContainEqual(expect.objectContaining({ id: 'collateral.answer.form', outcome: 'fail' }));
  const emulated = { emulatedRoots: [anchor] };
  const result = verifyTdxFiles({ quote, collateral: bundle }, { at: NOW, ...emulated });
  expect(result.verdict).toBe('accept');
  expect(result.findings).toContainEqual(expect.objectContaining({ id: 'evidence.hardware.backed', outcome: 'warn' }));
  const late = new Date('2026-08-01T00:00:00Z');
  const causes = (asOf: boolean): string[] =>
    verifyTdxFiles({ quote, collateral: bundle }, { at: late, asOf, ...emulated }).findings.flatMap((finding) =>
      (finding.causes ?? []).map(({ text }) => text),
    );
  expect(causes(true).join()).not.toContain('clock');
  expect(causes(false).join()).toContain('clock');
});

test('needs are read from a quote or the chain beside it, and from nothing else', () => {
  const { pckChain, quote } = world();
  const needs = { tee: 'tdx', fmspc: 'a0b0c0d0e0f0', pceId: '0000', ca: 'platform' };
  expect(collateralNeeds(quote)).toEqual(needs);
  expect(collateralNeeds(new Uint8Array(9))).toBeUndefined();
  const data = new Uint8Array(404);
  const without = world({ certification: { type: 3, data } }).quote;
  expect(collateralNeeds(without)).toEqual({ tee: 'tdx', certificationType: 3, certificationData: data });
  expect(collateralNeeds(without, pckChain)).toEqual(needs);
  expect(collateralNeeds(without, pemChain(world().rootDer))).toBeUndefined();
  expect(collateralNeeds(without, new Uint8Array(3))).toBeUndefined();
  const strange = world({ ca: { subject: 'Some CA' }, leaf: { issuer: 'Some CA' } });
  expect(collateralNeeds(strange.quote)).toBeUndefined();
});

test('what the body is, against what the header says, is told', () => {
  const spoil: Spoil = { tee: 'sgx', version: 5, header: (header) => Uint8Array.from(header).fill(0x81, 4, 5) };
  expect(JSON.stringify(parseQuote(world(spoil).quote, 'tdx').findings)).toContain('"expected":"SGX"');
});

test('a certificate that ended fails alone; TCB info for another platform does not pass as well', () => {
  const of = (spoil: Spoil, id: string): string[] =>
    judge(spoil).findings.flatMap((finding) => (finding.id === id ? [finding.outcome] : []));
  const dates = of({ leaf: { notAfter: new Date('2026-06-01T00:00:00Z') } }, 'dcap.pck.validity');
  expect(dates.filter((outcome) => outcome === 'fail')).toHaveLength(1);
  expect(of({}, 'dcap.tcbinfo.platform')).toEqual(['pass']);
  expect(of({ tcbInfo: (document) => ({ ...document, pceId: '0001' }) }, 'dcap.tcbinfo.platform')).toEqual(['fail']);
});

test('a level without TDX components is reached by no TD', () => {
  const { raw, trust } = world({ tee: 'sgx' });
  const info = verifyCollateral(raw, trust).tcbInfo;
  if (info === undefined) throw new Error('unread');
  const platform = { components: new Array(16).fill(255), pceSvn: 99 } as unknown as PckPlatform;
  expect(matchLevel(info, platform, undefined).level).toBeDefined();
  expect(matchLevel(info, platform, new Uint8Array(16)).level).toBeUndefined();
});

test('without a chain and without collateral nothing is dated, and the verdict is no acceptance', () => {
  const { quote, trust } = world({ certification: { type: 3, data: new Uint8Array(404) } });
  const parsed = parseQuote(quote).quote;
  if (parsed === undefined) throw new Error('unread');
  const { findings } = authenticateQuote(parsed, verifyCollateral({}, trust), NOW);
  expect(assembleVerdict({ kind: 'test', at: NOW, asked: false, findings }).verdict).toBe('incomplete');
  expect(findings.map(({ id }) => id)).not.toContain('collateral.item.ending');
  expect(findings.filter(({ id, outcome }) => id === 'dcap.pck.validity' && outcome === 'pass')).toEqual([]);
});
