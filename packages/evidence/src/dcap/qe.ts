/** Checks of the quoting enclave: its report's signature, what it binds, and Intel's identity of it. */
import { hash } from 'node:crypto';
import { concatBytes, encodeHex } from '@assay/bytes';
import { type FindingDraft, type FindingRef, failed, passed, unmet } from '@assay/bytes/findings';
import { type Certificate, verifyFixedWidth } from '../x509/index.js';
import { unchecked } from './collateral/findings.js';
import type { QeIdentity, QeIdentityId, QeLevel } from './collateral/qe-identity.js';
import type { PckChain } from './pck/chain.js';
import type { ParsedQuote, Tee } from './quote/model.js';
import { allZero, type SgxReport, sameBytes } from './quote/report.js';

const SUBJECT = 'quoting enclave';
const DEBUG = 0x02;
const IDENTITY_OF: Readonly<Record<Tee, QeIdentityId>> = { sgx: 'QE', tdx: 'TD_QE' };

const PASSED = {
  signature: passed('dcap.qe.signature', SUBJECT),
  binding: passed('dcap.qe.binding', SUBJECT),
  kind: passed('dcap.qe-identity.kind', 'QE identity'),
  mrsigner: passed('dcap.qe.mrsigner', SUBJECT),
  prodid: passed('dcap.qe.prodid', SUBJECT),
  attributes: passed('dcap.qe.attributes', SUBJECT),
};

export interface QeChecks {
  readonly signed: boolean;
  readonly bound: boolean;
  /** Undefined: no identity, or below every level. */
  readonly level: QeLevel | undefined;
  readonly findings: readonly FindingDraft[];
}

export function checkQe(quote: ParsedQuote, chain: PckChain, identity: QeIdentity | undefined): QeChecks {
  const findings: FindingDraft[] = [];
  const signed = checkSignature(quote, chain, findings);
  const bound = checkBinding(quote, findings);
  const level = identity === undefined ? withoutIdentity(quote, findings) : checkIdentity(quote, identity, findings);
  return { signed, bound, level, findings };
}

function checkSignature(quote: ParsedQuote, chain: PckChain, findings: FindingDraft[]): boolean {
  const { leaf, leafKey } = chain;
  if (leaf === undefined) {
    const causes: FindingRef[] = ['dcap.pck.form', 'dcap.pck.chain', 'dcap.pck.source'];
    findings.push(...unchecked(['dcap.qe.signature'], SUBJECT, 'there is no PCK certificate', causes));
    return false;
  }
  const signed =
    leafKey !== undefined && verifyFixedWidth('sha256', quote.qeReport.bytes, quote.qeReportSignature, leafKey);
  findings.push(signed ? PASSED.signature : unsigned(leaf));
  return signed;
}

function unsigned(leaf: Certificate): FindingDraft {
  return failed('dcap.qe.signature', {
    subject: SUBJECT,
    params: { serial: leaf.serial },
    expected: leaf.fingerprint,
    compare: { relation: 'signed-by', type: 'key' },
    source: 'Intel DCAP: the PCK key signs the QE report',
  });
}

/** REPORTDATA is SHA-256(attestation key ‖ authentication data); the second half is zero. */
function checkBinding(quote: ParsedQuote, findings: FindingDraft[]): boolean {
  const { reportData } = quote.qeReport;
  const digest = hash('sha256', concatBytes(quote.attestationKey, quote.qeAuthData), 'buffer');
  const holds = sameBytes(reportData.subarray(0, 32), digest) && allZero(reportData.subarray(32));
  if (holds) findings.push(PASSED.binding);
  else {
    const [expected, actual] = [encodeHex(digest) + '00'.repeat(32), encodeHex(reportData)];
    findings.push(
      failed('dcap.qe.binding', {
        subject: SUBJECT,
        params: { actual, expected },
        expected,
        actual,
        compare: { relation: 'equal', type: 'digest' },
        source: 'Intel DCAP: QE REPORTDATA binds the attestation key',
      }),
    );
  }
  return holds;
}

function withoutIdentity(quote: ParsedQuote, findings: FindingDraft[]): undefined {
  const causes: FindingRef[] = [
    'dcap.qe-identity.signer',
    'dcap.qe-identity.signature',
    'dcap.qe-identity.form',
    ...['QE identity', 'QE identity signature', 'QE identity issuer chain'].map((subject) => ({
      id: 'collateral.item.missing' as const,
      subject,
    })),
  ];
  findings.push(checkDebug(quote.qeReport, undefined));
  const ids = ['dcap.qe-identity.kind', 'dcap.qe.mrsigner', 'dcap.qe.prodid', 'dcap.qe.level'] as const;
  findings.push(...unchecked(ids, SUBJECT, 'no QE identity stands', causes));
}

function checkIdentity(quote: ParsedQuote, identity: QeIdentity, findings: FindingDraft[]): QeLevel | undefined {
  const { qeReport, tee } = quote;
  const edition = identity.version === 1 ? 'version 1' : `evaluation ${identity.evaluationNumber}`;
  const source = `Intel QE identity ${identity.id}, ${edition}`;
  const wanted = IDENTITY_OF[tee];
  if (identity.id === wanted) findings.push(PASSED.kind);
  else {
    findings.push(
      failed('dcap.qe-identity.kind', {
        subject: 'QE identity',
        params: { actual: identity.id, expected: wanted },
        expected: wanted,
        actual: identity.id,
        compare: { relation: 'equal', type: 'text' },
        source: `tee_type of the quote`,
      }),
    );
  }
  if (sameBytes(qeReport.mrSigner, identity.mrSigner)) findings.push(PASSED.mrsigner);
  else {
    const [expected, actual] = [encodeHex(identity.mrSigner), encodeHex(qeReport.mrSigner)];
    const compare = { relation: 'equal', type: 'digest' } as const;
    const facts = { subject: SUBJECT, params: { actual, expected }, expected, actual, compare, source };
    findings.push(failed('dcap.qe.mrsigner', facts));
  }
  if (qeReport.isvProdId === identity.isvProdId) findings.push(PASSED.prodid);
  else {
    const [expected, actual] = [identity.isvProdId, qeReport.isvProdId];
    const compare = { relation: 'equal', type: 'integer' } as const;
    const facts = { subject: SUBJECT, params: { actual, expected }, expected, actual, compare, source };
    findings.push(failed('dcap.qe.prodid', facts));
  }
  findings.push(...checkMasked(qeReport, identity, source));
  return checkLevel(qeReport, identity, source, findings);
}

function checkMasked(report: SgxReport, identity: QeIdentity, source: string): FindingDraft[] {
  const findings: FindingDraft[] = [];
  const fields = [
    ['MISCSELECT', report.miscSelect, identity.miscSelect, identity.miscSelectMask],
    ['ATTRIBUTES', report.attributes, identity.attributes, identity.attributesMask],
  ] as const;
  for (const [field, actual, expected, mask] of fields) {
    if (expected.every((byte, index) => ((actual[index] ?? 0) & (mask[index] ?? 0)) === byte)) continue;
    findings.push(masked(field, encodeHex(actual), encodeHex(expected), encodeHex(mask), source));
  }
  // Asked on its own, because a mask may leave the bit out.
  const debug = checkDebug(report, source);
  if (debug.outcome === 'fail') findings.push(debug);
  return findings.length > 0 ? findings : [PASSED.attributes];
}

/** A quoting enclave in debug signs what the host wants, whatever the identity's mask says. */
function checkDebug(report: SgxReport, source: string | undefined): FindingDraft {
  if (((report.attributes[0] ?? 0) & DEBUG) === 0) return PASSED.attributes;
  const actual = encodeHex(report.attributes);
  return masked('ATTRIBUTES', actual, 'DEBUG clear', '0200000000000000', source ?? 'Intel SDM: ATTRIBUTES.DEBUG');
}

function masked(field: string, actual: string, expected: string, mask: string, source: string): FindingDraft {
  return failed('dcap.qe.attributes', {
    subject: SUBJECT,
    params: { field, actual, expected, mask },
    expected,
    actual,
    compare: { relation: 'equal', type: 'flags' },
    source,
  });
}

function checkLevel(
  report: SgxReport,
  identity: QeIdentity,
  source: string,
  findings: FindingDraft[],
): QeLevel | undefined {
  const level = identity.levels.find(({ isvSvn }) => isvSvn <= report.isvSvn);
  const best = identity.levels.find(({ status }) => status === 'UpToDate')?.isvSvn;
  const lowest = identity.levels.at(-1)?.isvSvn ?? 0;
  if (level?.status === 'UpToDate') {
    findings.push(passed('dcap.qe.level', SUBJECT, report.isvSvn));
    return level;
  }
  const status = level === undefined ? `below every level, ${lowest} is the lowest` : level.status;
  const facts = {
    subject: SUBJECT,
    params: { actual: report.isvSvn, status, expected: best ?? 'none' },
    expected: best ?? null,
    actual: report.isvSvn,
    compare: { relation: 'at-least', type: 'svn' },
    source,
  } as const;
  // Below every level nothing is known about it, so it is not believed; else its status is for policy to judge.
  if (level === undefined)
    findings.push(failed('dcap.qe.level', { ...facts, severity: 'critical', stage: 'authenticate' }));
  else findings.push(unmet('dcap.qe.level', facts));
  return level;
}
