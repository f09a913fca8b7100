/** What a quote says about itself beside what the owner wants: never a question of authenticity. */
import { encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, passed, unmet, warned } from '@assay/bytes/findings';
import type { ParsedQuote } from './quote/model.js';
import { allZero, type SgxReport, type TdReport, u64 } from './quote/report.js';

/** Settings of the owner. Everything is asked unless it is relaxed here, and a relaxed check still warns. */
export interface Appraisal {
  /** Accept TDs and enclaves in debug. */
  readonly allowDebug?: boolean;
  /** Accept TDs with attributes and features that this release does not know. */
  readonly allowUnknownAttributes?: boolean;
  /** Accept TDs without SEPT_VE_DISABLE: the host can then raise #VE at will, which some kernels do not withstand. */
  readonly allowSeptVe?: boolean;
  /** Bits that an enclave's ATTRIBUTES flags must have, beside INIT. */
  readonly enclaveFlags?: bigint;
}

const SGX_DEBUG = 0x2n;
const SGX_INIT = 0x1n;
/** Flags of an enclave's ATTRIBUTES, by their bits (Intel SDM, SGX ATTRIBUTES). */
export const SGX_FLAG_BITS = {
  INIT: 0,
  DEBUG: 1,
  MODE64BIT: 2,
  PROVISIONKEY: 4,
  EINITTOKENKEY: 5,
  CET: 6,
  KSS: 7,
  AEXNOTIFY: 10,
} as const;
const SGX_FLAGS = Object.entries(SGX_FLAG_BITS).map(([name, bit]) => [bit, name] as const);

const TD_DEBUG = 0xffn;
const SEPT_VE_DISABLE = 1n << 28n;
const TD_FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [0, 'DEBUG'],
  [27, 'LASS'],
  [28, 'SEPT_VE_DISABLE'],
  [29, 'MIGRATABLE'],
  [30, 'PKS'],
  [31, 'KL'],
  [63, 'PERFMON'],
];
const TD_KNOWN = TD_FLAGS.reduce((bits, [bit]) => bits | (1n << BigInt(bit)), TD_DEBUG);

/** XFAM: x87 and SSE always; AVX, AVX-512, PT, PKRU, CET, UINTR, LBR, AMX, APX may be there (Intel TDX module specification). */
const XFAM_FIXED = 0x3n;
const XFAM_KNOWN = 0xedbe7n;

export function isDebug(quote: ParsedQuote): boolean {
  if (quote.tee === 'sgx') return (u64(quote.body.attributes.subarray(0, 8)) & SGX_DEBUG) !== 0n;
  return (u64(quote.body.tdAttributes) & TD_DEBUG) !== 0n;
}

export function appraise(quote: ParsedQuote, settings: Appraisal): FindingDraft[] {
  return quote.tee === 'sgx' ? appraiseEnclave(quote.body, settings) : appraiseTd(quote.body, settings);
}

/** What is relaxed by the owner names the setting; what is not, the specification. */
function ruleOf(key: string) {
  return { source: `rule of the owner: ${key}`, origin: { kind: 'setting', key } } as const;
}

function appraiseEnclave(body: SgxReport, settings: Appraisal): FindingDraft[] {
  const subject = 'enclave';
  const flags = u64(body.attributes.subarray(0, 8));
  const actual = `0x${flags.toString(16)}`;
  const source = 'Intel SDM: SGX ATTRIBUTES';
  const findings: FindingDraft[] = [];
  if ((flags & SGX_DEBUG) === 0n) findings.push(passed('sgx.enclave.debug', subject));
  else {
    const compare = { relation: 'equal', type: 'flags' } as const;
    const facts = { subject, params: { actual }, expected: 'DEBUG clear', actual, compare, source };
    findings.push(
      settings.allowDebug === true
        ? warned('sgx.enclave.debug', { ...facts, ...ruleOf('sgx.debug_allowed') })
        : failed('sgx.enclave.debug', facts),
    );
  }
  const wanted = SGX_INIT | (settings.enclaveFlags ?? 0n);
  if ((flags & wanted) === wanted) return [...findings, passed('sgx.enclave.attributes', subject)];
  const expected = names(wanted, SGX_FLAGS);
  const found = names(flags, SGX_FLAGS);
  const compare = {
    relation: 'equal',
    type: 'flags',
    display: { expected, actual: found },
  } as const;
  const facts = { subject, params: { actual, names: found, expected }, expected, actual, compare, source };
  return [...findings, failed('sgx.enclave.attributes', facts)];
}

function appraiseTd(body: TdReport, settings: Appraisal): FindingDraft[] {
  return [debugOf(body, settings), attributesOf(body, settings), xfamOf(body, settings), serviceOf(body)];
}

function debugOf(body: TdReport, settings: Appraisal): FindingDraft {
  const flags = u64(body.tdAttributes);
  if ((flags & TD_DEBUG) === 0n) return passed('tdx.td.debug', 'TD');
  const actual = hex(flags);
  const bit = (flags & TD_DEBUG).toString(2).split('').reverse().indexOf('1');
  const facts = {
    subject: 'TD',
    params: { actual, bit },
    expected: 'bits 0 to 7 clear',
    actual,
    compare: { relation: 'equal', type: 'flags' },
    source: 'Intel TDX module specification: ATTRIBUTES.TUD',
  } as const;
  return settings.allowDebug === true
    ? warned('tdx.td.debug', { ...facts, ...ruleOf('tdx.debug_allowed') })
    : failed('tdx.td.debug', facts);
}

function attributesOf(body: TdReport, settings: Appraisal): FindingDraft {
  const flags = u64(body.tdAttributes);
  const unknown = flags & ~TD_KNOWN;
  if (unknown === 0n && (flags & SEPT_VE_DISABLE) !== 0n) return passed('tdx.td.attributes', 'TD');
  const found = names(flags, TD_FLAGS);
  const expected = unknown === 0n ? 'SEPT_VE_DISABLE set' : `no unknown bits (${hex(unknown)})`;
  const facts = {
    subject: 'TD',
    params: { actual: hex(flags), names: found, expected },
    expected,
    actual: hex(flags),
    compare: { relation: 'equal', type: 'flags', display: { actual: found } },
    source: 'Intel TDX module specification: TD ATTRIBUTES',
    ...(unknown === 0n ? {} : { remedy: 'Launch with attributes that are known here, or update Assay.' }),
  } as const;
  const missing = (flags & SEPT_VE_DISABLE) === 0n;
  const relaxed = [
    ...(unknown === 0n ? [] : [settings.allowUnknownAttributes]),
    ...(missing ? [settings.allowSeptVe] : []),
  ].every((allowed) => allowed === true);
  if (!relaxed) return failed('tdx.td.attributes', facts);
  const key = unknown === 0n ? 'tdx.sept_ve_allowed' : 'tdx.unknown_attributes_allowed';
  return warned('tdx.td.attributes', { ...facts, ...ruleOf(key) });
}

function xfamOf(body: TdReport, settings: Appraisal): FindingDraft {
  const flags = u64(body.xfam);
  const unknown = flags & ~XFAM_KNOWN;
  if (unknown === 0n && (flags & XFAM_FIXED) === XFAM_FIXED) return passed('tdx.td.xfam', 'TD');
  const expected = unknown === 0n ? 'bits 0 and 1 (FP, SSE) are wanted' : `bits ${hex(unknown)} are unknown`;
  const facts = {
    subject: 'TD',
    params: { actual: hex(flags), expected },
    expected,
    actual: hex(flags),
    compare: { relation: 'equal', type: 'flags' },
    source: 'Intel TDX module specification: XFAM',
  } as const;
  const relaxed = settings.allowUnknownAttributes === true && (flags & XFAM_FIXED) === XFAM_FIXED;
  return relaxed
    ? warned('tdx.td.xfam', { ...facts, ...ruleOf('tdx.unknown_attributes_allowed') })
    : failed('tdx.td.xfam', facts);
}

function serviceOf(body: TdReport): FindingDraft {
  const { mrServiceTd } = body;
  if (mrServiceTd === undefined || allZero(mrServiceTd)) return passed('tdx.td.service', 'TD');
  const actual = encodeHex(mrServiceTd);
  return unmet('tdx.td.service', {
    subject: 'TD',
    params: { actual },
    expected: '00'.repeat(48),
    actual,
    compare: { relation: 'equal', type: 'digest' },
    source: 'Intel TDX module specification: SERVTD_HASH',
  });
}

function names(flags: bigint, known: readonly (readonly [number, string])[]): string {
  const set = known.filter(([bit]) => (flags & (1n << BigInt(bit))) !== 0n).map(([, name]) => name);
  return set.length === 0 ? 'none' : set.join(', ');
}

function hex(flags: bigint): string {
  return `0x${flags.toString(16)}`;
}
