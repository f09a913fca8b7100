/** What a token binds: report data in the realm's challenge, init-data in its personalization value. */
import type { FindingDraft } from '@assay/bytes/findings';
import { compareInitData } from '../binding/init-data.js';
import { compareReportData } from '../binding/report-data.js';
import type { ExpectedInitData, ExpectedReportData } from '../verifier.js';
import type { RealmClaims } from './token/realm.js';

/** The challenge has 64 bytes: shorter report data is zero-padded. */
const CHALLENGE_SIZE = 64;

/** The personalization value is compared as it is: a digest that has not 64 bytes is another value (init-data wants sha512). */
export function bind(
  realm: RealmClaims,
  reportData: readonly ExpectedReportData[] | undefined,
  initData: ExpectedInitData | undefined,
): { readonly findings: readonly FindingDraft[]; readonly matched: number | undefined } {
  const challenge = compareReportData(realm.challenge, reportData, CHALLENGE_SIZE, 'realm challenge');
  const value = compareInitData(realm.personalizationValue, initData, 'exact', 'realm personalization value');
  return { findings: [challenge.finding, value.finding], matched: challenge.matched };
}
