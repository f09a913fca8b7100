/** A report beside the chain that is to vouch for it: signature and MAC. */
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import { sm2Verify } from '../sm/index.js';
import type { CsvChainExamination, VerifiedCsvChain } from './chain.js';
import type { CsvReport } from './report/report.js';

const FORMAT = 'Hygon CSV attestation report';
const origin = { kind: 'spec', document: FORMAT } as const;

declare const authentic: unique symbol;
/** A report of right form, signed by a PEK under a trusted root. Only `authenticate` makes one. */
export interface AuthenticCsvReport {
  readonly [authentic]: true;
  readonly report: CsvReport;
  readonly chain: VerifiedCsvChain;
}

export interface CsvAuthentication {
  readonly findings: readonly FindingDraft[];
  /** Undefined when there was no key to verify with. */
  readonly signature: boolean | undefined;
  readonly authentic?: AuthenticCsvReport;
}

/** @param wellFormed the report's form held; its signature is verified all the same */
export function authenticate(report: CsvReport, wellFormed: boolean, chain: CsvChainExamination): CsvAuthentication {
  const signature = verifies(report, chain);
  const findings = [macFinding(report), signatureFinding(report, signature)];
  const { verified } = chain;
  const good = findings.every(({ outcome }) => outcome !== 'fail');
  if (!good || !wellFormed || signature !== true || verified === undefined) return { findings, signature };
  return { findings, signature, authentic: { report, chain: verified } as unknown as AuthenticCsvReport };
}

function verifies(report: CsvReport, { pek }: CsvChainExamination): boolean | undefined {
  if (pek === undefined) return undefined;
  const { r, s } = report.signature;
  return sm2Verify(pek.key, pek.userId, report.signed, r, s);
}

function signatureFinding({ serial }: CsvReport, signature: boolean | undefined): FindingDraft {
  const subject = 'report';
  if (signature === true) return passed('csv.report.signature', subject);
  if (signature === undefined) {
    return notChecked('csv.report.signature', 'not checked: the PEK was not read', { subject });
  }
  return failed('csv.report.signature', {
    subject,
    params: { serial },
    expected: 'PEK',
    actual: null,
    compare: { relation: 'signed-by', type: 'key' },
    source: `${FORMAT}: SM2 with SM3, user id of the PEK`,
    origin,
    causedBy: ['csv.report.mac'],
  });
}

function macFinding({ mac }: CsvReport): FindingDraft {
  const subject = 'PEK and serial number';
  if (mac === true) return passed('csv.report.mac', subject);
  if (mac === null) {
    const why = 'not checked: the guest’s library checked the MAC and took its input away';
    return notChecked('csv.report.mac', why, { subject });
  }
  return failed('csv.report.mac', {
    subject,
    expected: 'HMAC-SM3 under the guest’s nonce',
    actual: null,
    compare: { relation: 'equal', type: 'digest' },
    source: `${FORMAT}: MAC over PEK, serial number and reserved bytes`,
    origin,
  });
}
