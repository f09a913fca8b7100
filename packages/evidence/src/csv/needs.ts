/** Which endorsements CSV and DCU evidence needs: what a collateral service is asked for before it is verified. */
import type { JsonValue } from '@assay/bytes';
import { readCsvEvidence } from './evidence.js';
import { checkForm } from './report/form.js';
import { isSerial } from './report/report.js';

export interface CsvNeeds {
  /** Serial number of the chip, as `cert.hygon.cn` takes it. */
  readonly serials: readonly string[];
  /** The evidence brings HSK and CEK of its own. */
  readonly suppliesHskCek: boolean;
}

/** Nothing is believed here: the answer only says what to look for. @returns undefined for evidence without a readable report */
export function csvNeeds(value: JsonValue): CsvNeeds | undefined {
  const { evidence } = readCsvEvidence(value);
  const report = evidence === undefined ? undefined : checkForm(evidence.report, evidence.version).report;
  if (evidence === undefined || report === undefined || !isSerial(report.serial)) return undefined;
  return { serials: [report.serial], suppliesHskCek: evidence.hskCek !== undefined };
}
