/** What a document binds: the owner's rule says where, and nothing in it speaks for init-data. */
import { encodeHex } from '@assay/bytes';
import { type FindingDraft, notChecked } from '@assay/bytes/findings';
import { compareReportData, type ReportDataComparison } from '../binding/report-data.js';
import type { ExpectedInitData, ExpectedReportData } from '../verifier.js';
import { reportDataOf } from './claims.js';
import type { ParsedDocument } from './document.js';
import type { NitroRules } from './rules.js';

/** Size that libraries with a fixed report data field write, zero-padded. */
const PADDED = 64;

/** Compares the member of the owner's rule: the digest as it is, or zero-padded to 64 bytes. */
export function bindReportData(
  document: ParsedDocument,
  expected: readonly ExpectedReportData[] | undefined,
  rules: NitroRules,
): ReportDataComparison {
  const field = rules.reportData ?? 'user_data';
  const actual = reportDataOf(document, field);
  return compareReportData(actual, expected, actual.length === PADDED ? PADDED : 'exact', field);
}

/** An enclave has no register for init-data: what counts is in its image, hence in its PCRs. */
export function unboundInitData(expected: ExpectedInitData | undefined): FindingDraft {
  const why = expected === undefined ? 'no init-data was given' : 'an enclave has no register that binds it';
  return notChecked('binding.init-data.match', `not compared: ${why}`, {
    subject: 'nitro',
    ...(expected === undefined ? {} : { expected: encodeHex(expected.digest) }),
  });
}
