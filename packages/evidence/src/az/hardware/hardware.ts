/** The hardware beneath the vTPM: what SNP and TDX have in common here. */
import {
  assembleVerdict,
  type CollateralUse,
  type FindingDraft,
  failed,
  notChecked,
  passed,
  refuses,
  stageOf,
} from '@assay/bytes/findings';
import type { AuthenticQuote } from '../../dcap/authenticate.js';
import type { TdxQuote } from '../../dcap/quote/model.js';
import type { AuthenticReport } from '../../snp/authenticate.js';

/** The proof about the hardware; `reportData` is what it binds. */
export type AuthenticHardware =
  | { readonly kind: 'snp'; readonly report: AuthenticReport }
  | { readonly kind: 'tdx'; readonly quote: AuthenticQuote<TdxQuote> };

export interface HardwareExamination {
  /** Those of the hardware's own verification, then the one about it as a whole. */
  readonly findings: readonly FindingDraft[];
  readonly collateral: readonly CollateralUse[];
  /** REPORT_DATA, authentic or not; undefined when nothing could be read. */
  readonly reportData: Uint8Array | undefined;
  readonly authentic: AuthenticHardware | undefined;
}

/** Says of the hardware as a whole whether it was accepted; with endorsements missing nothing is said. */
export function summariseHardware(
  what: string,
  findings: readonly FindingDraft[],
  at: Date,
  authentic: boolean,
): FindingDraft {
  const refusing = findings.filter((finding) => refuses(finding) && stageOf(finding) !== 'appraise');
  if (authentic && refusing.length === 0) return passed('az.hcl.hardware', what);
  const verdict = assembleVerdict({ kind: what, at, asked: false, findings });
  if (verdict.verdict === 'incomplete') {
    const causedBy = refusing.map(({ id }) => id);
    return notChecked('az.hcl.hardware', `not judged: ${verdict.summary}`, { subject: what, causedBy });
  }
  return failed('az.hcl.hardware', {
    subject: what,
    params: { what, cause: verdict.summary },
    expected: 'authentic',
    actual: verdict.summary,
    compare: { relation: 'rule', type: 'text' },
    source: `verification of the ${what}`,
    origin: { kind: 'vendor', document: what },
    causedBy: refusing.map(({ id, subject }) => ({ id, subject })),
  });
}
