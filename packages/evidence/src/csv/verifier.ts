/** The verifier of TEE `csv`: evidence of the CSV attester; HSK and CEK from the evidence, a cache or Hygon. */
import { type FindingDraft, notChecked, refuses } from '@assay/bytes/findings';
import { compareReportData } from '../binding/report-data.js';
import type { Verifier, VerifierResult, VerifyInput } from '../verifier.js';
import { CSV_CLAIM_ORIGINS, csvClaims } from './claims.js';
import { endorsedHskCek } from './endorsements.js';
import { csvEventLog } from './event-log.js';
import { compareWithReport, readCsvEvidence } from './evidence.js';
import { checkForm } from './report/form.js';
import { type CsvRoot, type CsvTrust, csvTrust, csvTrustIn } from './roots.js';
import type { CsvRules } from './rules.js';
import { type CsvVerification, verifyCsvReport } from './verify.js';

const TEE = 'csv';
/** Size of report_data in bytes. */
const REPORT_DATA_SIZE = 64;

export interface CsvVerifierOptions {
  /** Root certificates of emulated hardware, added by the owner by name: claims then say `emulated: true`. */
  readonly emulatedRoots?: readonly CsvRoot[];
  /** Instead of Hygon's pin. */
  readonly roots?: readonly CsvRoot[];
  readonly rules?: CsvRules;
}

/** A verifier with its own cache of verified chains; make one and keep it. @throws DecodeError for what is no root certificate */
export function createCsvVerifier(options: CsvVerifierOptions = {}): Verifier {
  const trust = trustOf(options);
  const rules = options.rules ?? {};
  return { tee: TEE, verify: (input) => verify(input, trust, rules) };
}

/** Anchors of a verifier's options. */
export function trustOf({ emulatedRoots = [], roots }: Pick<CsvVerifierOptions, 'roots' | 'emulatedRoots'>): CsvTrust {
  if (roots === undefined) return csvTrust(emulatedRoots);
  return csvTrustIn([...roots, ...emulatedRoots.map((root) => ({ ...root, emulated: true as const }))]);
}

/** Trusts Hygon's root alone. */
export const csvVerifier: Verifier = createCsvVerifier();

function verify(input: VerifyInput, trust: CsvTrust, rules: CsvRules): VerifierResult {
  const { evidence, finding } = readCsvEvidence(input.evidence);
  if (evidence === undefined) return { accepted: false, findings: [finding, ...unbound(input)] };
  const serial = checkForm(evidence.report, evidence.version).report?.serial ?? '';
  const result: CsvVerification = verifyCsvReport({
    report: evidence.report,
    version: evidence.version,
    // The guest's own come first, as everywhere: the chain above them says whether they are Hygon's.
    hskCek: evidence.hskCek ?? endorsedHskCek(input.endorsements ?? {}, serial),
    trust,
    rules,
  });
  const { report } = result;
  if (report === undefined) return { accepted: false, findings: [finding, ...result.findings, ...unbound(input)] };
  const reportData = compareReportData(report.reportData, input.reportData, REPORT_DATA_SIZE, TEE);
  const log = csvEventLog(evidence.eventLog, report);
  const findings = [
    finding,
    ...result.findings,
    ...compareWithReport(evidence, report),
    reportData.finding,
    initData(input),
    ...log.findings,
  ];
  if (result.authentic === undefined || findings.some(refuses)) return { accepted: false, findings };
  const claims = { ...csvClaims(result.authentic), ...log.claims };
  return {
    accepted: true,
    findings,
    claimSets: [{ class: 'cpu', claims, origins: CSV_CLAIM_ORIGINS }],
    matched: reportData.matched,
  };
}

/** No register of CSV holds init-data; whoever needs it bound must put it into the measurement. */
function initData({ initData: expected }: VerifyInput): FindingDraft {
  const why = expected === undefined ? 'no init-data was given' : 'csv evidence has no register that binds it';
  return notChecked('binding.init-data.match', `not compared: ${why}`, { subject: TEE });
}

function unbound(input: VerifyInput): FindingDraft[] {
  const why = 'not compared: the report was not read';
  return [notChecked('binding.report-data.match', why, { subject: TEE }), initData(input)];
}
