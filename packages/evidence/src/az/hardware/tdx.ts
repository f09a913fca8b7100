/** The TD quote that comes with an HCL report. */

import { dcapCollateral } from '../../dcap/claims.js';
import type { TdxQuote } from '../../dcap/quote/model.js';
import { emulatedHardware, type QuoteExamination, type QuoteExaminer } from '../../dcap/verifier.js';
import type { Endorsements } from '../../verifier.js';
import { type HardwareExamination, summariseHardware } from './hardware.js';

const WHAT = 'TD quote';

export interface TdxHardwareInput {
  readonly quote: Uint8Array;
  readonly endorsements: Endorsements;
  readonly examine: QuoteExaminer<TdxQuote>;
  readonly now: Date;
}

/** Verifies the quote in full. */
export function examineTdx({
  endorsements,
  examine,
  now,
  quote: bytes,
}: TdxHardwareInput): HardwareExamination & { readonly examination: QuoteExamination<TdxQuote> } {
  const examination = examine(bytes, endorsements, now);
  const { authentication, findings, quote } = examination;
  const authentic = authentication?.authentic;
  const all = authentic?.emulated === true ? [...findings, emulatedHardware('tdx')] : findings;
  return {
    examination,
    findings: [...all, summariseHardware(WHAT, findings, now, authentic !== undefined)],
    collateral: authentic === undefined ? [] : dcapCollateral(authentic, now),
    reportData: quote?.body.reportData,
    authentic: authentic === undefined ? undefined : { kind: 'tdx', quote: authentic },
  };
}
