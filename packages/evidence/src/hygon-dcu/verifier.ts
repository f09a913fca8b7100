/** The verifier of TEE `hygondcu`: reports of Hygon's DCU accelerators, each signed by the CEK of its own chip. */
import { encodeHex, type JsonObject, type JsonValue } from '@assay/bytes';
import { type FindingDraft, type FindingRef, failed, notChecked, passed, refuses, warned } from '@assay/bytes/findings';
import { compareReportData } from '../binding/report-data.js';
import { SM2_SA, USAGE } from '../csv/certificate/certificate.js';
import { type CsvChainExamination, examineChain } from '../csv/chain.js';
import { endorsedHskCek } from '../csv/endorsements.js';
import { MemberFault, malformed } from '../csv/json.js';
import { isSerial } from '../csv/report/report.js';
import type { CsvRoot, CsvTrust } from '../csv/roots.js';
import { type CsvVerifierOptions, trustOf } from '../csv/verifier.js';
import { sm2Verify } from '../sm/index.js';
import type { ClaimSet, Verifier, VerifierResult, VerifyInput } from '../verifier.js';
import { type DcuReport, readDcuReports } from './report.js';

const TEE = 'hygondcu';
/** Size of user_data in bytes. */
const USER_DATA_SIZE = 64;
const FORMAT = 'Hygon DCU attestation report';
const origin = { kind: 'spec', document: FORMAT } as const;

/** @throws DecodeError for what is no root certificate */
export function createHygonDcuVerifier(options: Pick<CsvVerifierOptions, 'roots' | 'emulatedRoots'> = {}): Verifier {
  const trust = trustOf(options);
  return { tee: TEE, verify: (input) => verify(input, trust) };
}

/** Serial numbers of the chips in the evidence, as `cert.hygon.cn` takes them. Nothing is believed here. */
export function dcuNeeds(value: JsonValue): readonly string[] {
  const reports = readReports(value);
  return reports instanceof MemberFault ? [] : [...new Set(reports.map(({ serial }) => serial).filter(isSerial))];
}

function readReports(value: JsonValue): readonly DcuReport[] | MemberFault {
  try {
    return readDcuReports(value);
  } catch (error) {
    if (error instanceof MemberFault) return error;
    throw error;
  }
}

function verify(input: VerifyInput, trust: CsvTrust): VerifierResult {
  const reports = readReports(input.evidence);
  if (reports instanceof MemberFault) {
    const why = 'not compared: the evidence was not read';
    const unread = notChecked('binding.report-data.match', why, { subject: TEE });
    return { accepted: false, findings: [malformed(reports, TEE), unread, initData(input)] };
  }
  const judged = reports.map((report, index) => judge(report, `dcu${index}`, input, trust));
  const findings = [
    passed('evidence.json.form', TEE),
    ...judged.flatMap((one) => one.findings),
    ...demanded(input),
    initData(input),
  ];
  const claimSets = judged.flatMap(({ claims }) => (claims === undefined ? [] : [claims]));
  // One device that is not what it says spoils all: they share the guest's memory.
  if (claimSets.length !== reports.length || findings.some(refuses)) return { accepted: false, findings };
  const [first] = judged;
  const same = judged.every(({ matched }) => matched === first?.matched);
  if (!same) return { accepted: false, findings: [...findings, apart()] };
  return { accepted: true, findings, claimSets, matched: first?.matched };
}

declare const authentic: unique symbol;
/** A report of right form, signed by the CEK of its chip under a trusted root, and bound. Only `judge` makes one. */
interface AuthenticDcuReport {
  readonly [authentic]: true;
  readonly report: DcuReport;
  readonly root: CsvRoot;
}

interface Judged {
  readonly findings: readonly FindingDraft[];
  readonly claims?: ClaimSet;
  readonly matched: number | undefined;
}

function judge(report: DcuReport, subject: string, input: VerifyInput, trust: CsvTrust): Judged {
  const form = formFaults(report, subject);
  const hskCek = endorsedHskCek(input.endorsements ?? {}, report.serial);
  const chain = hskCek === undefined ? undefined : examineChain({ hsk: hskCek.hsk, cek: hskCek.cek }, trust);
  const data = compareReportData(report.userData, input.reportData, USER_DATA_SIZE, subject);
  const signature = checkSignature(report, subject, chain);
  const root = chain?.verified?.root;
  const findings = [
    ...(form.length === 0 ? [passed('csv.dcu.form', subject)] : form),
    chain === undefined ? missing(report, subject) : passed('csv.endorsement.missing', subject),
    ...(chain?.findings ?? []),
    signature,
    data.finding,
    ...(root === undefined || signature.outcome !== 'pass' ? [] : [hardware(root, subject)]),
  ];
  if (root === undefined || findings.some(refuses)) return { findings, matched: data.matched };
  const authentic = { report, root } as unknown as AuthenticDcuReport;
  const claims = claimsOf(authentic);
  return { findings, matched: data.matched, claims: { class: 'dcu', claims, origins: DCU_CLAIM_ORIGINS } };
}

/** The guest's runtime data must be asked for: a device report without it may be anybody's. */
function demanded({ reportData }: VerifyInput): FindingDraft[] {
  if (reportData !== undefined) return [];
  return [
    failed('csv.dcu.form', {
      subject: TEE,
      params: { field: 'user_data', actual: 'compared with nothing', expected: 'report data have to be asked for' },
      expected: 'report data',
      actual: null,
      compare: { relation: 'present', type: 'bytes' },
      source: FORMAT,
      origin,
    }),
  ];
}

function apart(): FindingDraft {
  return failed('csv.dcu.form', {
    subject: TEE,
    params: { field: 'user_data', actual: 'of two forms of runtime data', expected: 'the same in every report' },
    expected: 'the same in every report',
    actual: null,
    compare: { relation: 'equal', type: 'bytes' },
    source: FORMAT,
    origin,
  });
}

function formFaults(report: DcuReport, subject: string): FindingDraft[] {
  const words: readonly (readonly [string, number, number])[] = [
    ['sig_usage', report.sigUsage, USAGE.cek],
    ['sig_algo', report.sigAlgo, SM2_SA],
  ];
  const fault = (field: string, actual: string, expected: string): FindingDraft =>
    failed('csv.dcu.form', {
      subject,
      params: { field, actual, expected },
      expected,
      actual,
      compare: { relation: 'well-formed', type: 'bytes' },
      source: FORMAT,
      origin,
    });
  const hex = (value: number): string => `0x${value.toString(16)}`;
  return [
    ...words.flatMap(([field, actual, wanted]) => (actual === wanted ? [] : [fault(field, hex(actual), hex(wanted))])),
    ...(isSerial(report.serial) ? [] : [fault('chip_id', 'no serial number', 'letters and digits, then NULs')]),
  ];
}

function checkSignature(report: DcuReport, subject: string, chain: CsvChainExamination | undefined): FindingDraft {
  const cek = chain?.cek;
  if (cek === undefined) return notChecked('csv.dcu.signature', 'not checked: there is no CEK', { subject });
  const { r, s } = report.signature;
  if (sm2Verify(cek.key, cek.userId, report.signed, r, s)) return passed('csv.dcu.signature', subject);
  return failed('csv.dcu.signature', {
    subject,
    params: { serial: report.serial },
    expected: 'CEK',
    actual: null,
    compare: { relation: 'signed-by', type: 'key' },
    source: `${FORMAT}: SM2 with SM3, user id of the CEK`,
    origin,
  });
}

function missing({ serial }: DcuReport, subject: string): FindingDraft {
  return failed('csv.endorsement.missing', {
    subject,
    params: { serial, reason: 'not among the endorsements' },
    expected: 'HSK and CEK',
    actual: null,
    compare: { relation: 'present', type: 'certificate' },
    source: 'Hygon: the chain from the root key to the chip',
    origin: { kind: 'vendor', vendor: 'Hygon', document: 'hsk_cek' },
  });
}

function hardware({ emulated, name }: CsvRoot, subject: string): FindingDraft {
  if (emulated !== true) return passed('evidence.hardware.backed', subject);
  return warned('evidence.hardware.backed', {
    subject,
    params: { tee: 'emulated hygondcu' },
    source: `${name}: root of an emulated TEE, added by name`,
    origin: { kind: 'setting', key: 'csv.emulated_hrks' },
  });
}

/** The report has no register for it. */
function initData({ initData: expected }: VerifyInput): FindingDraft {
  const why = expected === undefined ? 'no init-data was given' : 'hygondcu evidence has no register that binds it';
  return notChecked('binding.init-data.match', `not compared: ${why}`, { subject: TEE });
}

/** What policies see under `input.hygondcu`, with `report_data`, which the service moves to the top. */
function claimsOf({ report, root }: AuthenticDcuReport): JsonObject {
  return {
    body: {
      version: report.version,
      chip_id: encodeHex(report.chipId),
      user_data: encodeHex(report.userData),
      measure: encodeHex(report.measure),
      reserved: encodeHex(report.reserved),
      sig_usage: report.sigUsage.toString(16),
      sig_algo: report.sigAlgo.toString(16),
    },
    report_data: encodeHex(report.userData),
    ...(root.emulated === true ? { emulated: true } : {}),
  };
}

const DCU_CLAIM_ORIGINS: { readonly [path: string]: FindingRef } = {
  '': 'csv.dcu.signature',
  report_data: 'binding.report-data.match',
};
