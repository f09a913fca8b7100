/** Verification of a report given as files, as `assay verify csv` does it. */
import type { JsonObject } from '@assay/bytes';
import { assembleVerdict, type FindingData, type Verdict } from '@assay/bytes/findings';
import { compareReportData } from '../binding/report-data.js';
import type { ExpectedReportData } from '../verifier.js';
import { csvClaims, reportMembers } from './claims.js';
import { endorsedHskCek } from './endorsements.js';
import { compareWithReport } from './evidence.js';
import { checkForm } from './report/form.js';
import { guessVersion } from './report/report.js';
import type { CsvRoot } from './roots.js';
import type { CsvRules } from './rules.js';
import { trustOf } from './verifier.js';
import { type CsvVerification, verifyCsvReport } from './verify.js';

export interface CsvFileOptions {
  /** Time of verification. Nothing of CSV has dates: it only stands in the verdict. */
  readonly at: Date;
  /** The time was chosen by the caller; default true. */
  readonly asOf?: boolean;
  /** HRK certificates that are trusted instead of Hygon's, for this call alone. */
  readonly roots?: readonly Uint8Array[];
  readonly emulatedRoots?: readonly CsvRoot[];
  readonly reportData?: Uint8Array;
  readonly rules?: CsvRules;
}

/**
 * A verdict with the members that describe the report beside it. `claims` are fields of an authentic report,
 * `policy_claims` the same as policies see them under `input.csv`.
 */
export type CsvFileResult = Verdict & { readonly [member: string]: FindingData | undefined };

/**
 * @param files `report` (2548 or 4096 bytes); `hsk_cek` (HSK then CEK), `hrk` and `pek` as far as they are there
 * @throws RangeError when `report` is missing, DecodeError when a trust anchor is no HRK certificate
 */
export function verifyCsvFiles(files: { readonly [role: string]: Uint8Array }, options: CsvFileOptions): CsvFileResult {
  const { report: bytes, hrk, pek } = files;
  if (bytes === undefined) throw new RangeError('file report is missing');
  const version = guessVersion(bytes);
  const serial = checkForm(bytes, version).report?.serial ?? '';
  const result = verifyCsvReport({
    report: bytes,
    version,
    hskCek: endorsedHskCek(files, serial),
    hrk,
    trust: trustOf({
      ...(options.emulatedRoots === undefined ? {} : { emulatedRoots: options.emulatedRoots }),
      ...(options.roots === undefined
        ? {}
        : { roots: options.roots.map((root) => ({ name: 'given root', bytes: root })) }),
    }),
    rules: options.rules ?? {},
  });
  const { report, authentic } = result;
  const findings = [...result.findings];
  if (report !== undefined) {
    const { reportData } = options;
    const expected: ExpectedReportData[] | undefined =
      reportData === undefined ? undefined : [{ bytes: reportData, algorithm: 'as given', members: '--report-data' }];
    findings.push(compareReportData(report.reportData, expected, report.reportData.length, 'csv').finding);
    if (pek !== undefined) findings.push(...compareWithReport({ pek, serial: undefined }, report));
  }
  const verdict = assembleVerdict({
    kind: 'csv',
    at: options.at,
    asOf: options.asOf ?? true,
    asked: false,
    findings,
    ...(authentic === undefined ? {} : { claims: reportMembers(authentic.report) }),
  });
  const policyClaims = authentic === undefined ? {} : { policy_claims: csvClaims(authentic) };
  return { ...verdict, ...members(result), ...policyClaims } as CsvFileResult;
}

function members({ report, chain, authentication }: CsvVerification): JsonObject {
  if (report === undefined) return {};
  const { signature } = authentication ?? {};
  return {
    version: report.version,
    report_form: report.form,
    mac: report.mac,
    chip_id: report.serial,
    links: { ...chain?.links, ...(signature === undefined ? {} : { pek_report: signature }) },
  };
}
