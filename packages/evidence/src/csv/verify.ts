/** A CSV report and its certificates: every question asked, every answer kept. */
import { type FindingDraft, failed, notChecked, passed, warned } from '@assay/bytes/findings';
import { appraise } from './appraise.js';
import { type AuthenticCsvReport, authenticate, type CsvAuthentication } from './authenticate.js';
import { type CsvChainExamination, examineChain } from './chain.js';
import { checkForm } from './report/form.js';
import type { CsvReport } from './report/report.js';
import type { CsvTrust } from './roots.js';
import type { CsvRules } from './rules.js';

/** HSK and CEK, and who brought them. */
export interface HskCek {
  readonly hsk: Uint8Array;
  readonly cek: Uint8Array;
  /** `evidence`: the guest chose them; `endorsement`: they were looked up by the chip's serial number. */
  readonly from: 'evidence' | 'endorsement';
}

export interface CsvInput {
  readonly report: Uint8Array;
  readonly version: 1 | 2;
  readonly hskCek: HskCek | undefined;
  /** Root certificate that came along; only from files. */
  readonly hrk?: Uint8Array | undefined;
  readonly trust: CsvTrust;
  readonly rules: CsvRules;
}

export interface CsvVerification {
  readonly findings: readonly FindingDraft[];
  readonly report?: CsvReport;
  readonly chain?: CsvChainExamination;
  readonly authentication?: CsvAuthentication;
  readonly authentic?: AuthenticCsvReport;
}

/** Verifies one report. Pure, and without exceptions for what report and certificates may hold. */
export function verifyCsvReport(input: CsvInput): CsvVerification {
  const form = checkForm(input.report, input.version);
  const { report } = form;
  if (report === undefined) {
    const why = 'not checked: the report was not read';
    return { findings: [...form.findings, notChecked('csv.report.signature', why, { subject: 'report' })] };
  }
  const { hskCek } = input;
  const wellFormed = form.findings.every(({ outcome }) => outcome === 'pass');
  if (hskCek === undefined) return withoutChain(report, form.findings, input);
  const chain = examineChain({ hrk: input.hrk, hsk: hskCek.hsk, cek: hskCek.cek, pek: report.pek }, input.trust);
  const authentication = authenticate(report, wellFormed, chain);
  const { authentic } = authentication;
  const findings = [
    ...form.findings,
    passed('csv.endorsement.missing', 'HSK and CEK', hskCek.from),
    ...chain.findings,
    ...authentication.findings,
    ...appraise(report, input.rules),
    boundSerial(report, hskCek),
    ...hardware(authentic),
  ];
  return { findings, report, chain, authentication, ...(authentic === undefined ? {} : { authentic }) };
}

/** Without HSK and CEK nothing says whose the PEK is; what it signed can be verified all the same. */
function withoutChain(report: CsvReport, before: readonly FindingDraft[], input: CsvInput): CsvVerification {
  const alone = examineChain({ hrk: undefined, hsk: NOTHING, cek: NOTHING, pek: report.pek }, input.trust);
  const chain = { findings: [], links: {}, pek: alone.pek };
  const authentication = authenticate(report, false, chain);
  const unread = alone.pek === undefined ? alone.findings.filter(({ subject }) => subject === 'PEK') : [];
  const why = 'not checked: HSK and CEK are missing';
  const findings = [
    ...before,
    missing(report.serial),
    ...unread.filter(({ id }) => id === 'csv.chain.form'),
    notChecked('csv.chain.root', why, { subject: 'HRK' }),
    notChecked('csv.chain.links', why, { subject: 'PEK' }),
    ...authentication.findings,
    ...appraise(report, input.rules),
  ];
  return { findings, report, authentication, chain };
}

const NOTHING = new Uint8Array();

function missing(serial: string): FindingDraft {
  return failed('csv.endorsement.missing', {
    subject: 'HSK and CEK',
    params: { serial, reason: 'neither in the evidence nor among the endorsements' },
    expected: 'HSK and CEK',
    actual: null,
    compare: { relation: 'present', type: 'certificate' },
    source: 'Hygon CSV: the chain from the root key to the chip',
    origin: { kind: 'vendor', vendor: 'Hygon', document: 'hsk_cek' },
  });
}

/** No certificate names a chip: a serial number is true where the CEK was looked up by it. */
function boundSerial({ serial }: CsvReport, { from }: HskCek): FindingDraft {
  if (from === 'endorsement') return passed('csv.serial.bound', 'serial number', serial);
  return warned('csv.serial.bound', {
    subject: 'serial number',
    params: { serial },
    expected: 'a CEK that was looked up by the serial number',
    actual: 'a CEK that came with the evidence',
    compare: { relation: 'rule', type: 'text' },
    source: 'Hygon CSV: neither report nor certificates sign the serial number',
    origin: { kind: 'spec', document: 'Hygon CSV attestation report' },
  });
}

/** Evidence under the root of emulated hardware proves nothing, and says so. */
function hardware(authentic: AuthenticCsvReport | undefined): FindingDraft[] {
  if (authentic === undefined) return [];
  const { root } = authentic.chain;
  if (root.emulated !== true) return [passed('evidence.hardware.backed', 'csv')];
  return [
    warned('evidence.hardware.backed', {
      subject: 'csv',
      params: { tee: 'emulated csv' },
      source: `${root.name}: root of an emulated TEE, added by name`,
      origin: { kind: 'setting', key: 'csv.emulated_hrks' },
    }),
  ];
}
