/** `@assay/evidence/tdx`: TDX quotes. `parse` → `authenticate` → `claims`; `verify` does all three, and binds. */
import { type Authentication, authenticateQuote, type DcapOptions } from '../dcap/authenticate.js';
import type { VerifiedCollateral } from '../dcap/collateral/verify.js';
import type { TdxQuote } from '../dcap/quote/model.js';
import { parseQuote, type QuoteParse } from '../dcap/quote/parse.js';
import type { VerifierResult, VerifyInput } from '../verifier.js';
import { tdxVerifier } from './verifier.js';

export { tdxClaims as claims } from './claims.js';
export { verifyTdxFiles } from './files.js';
export { createTdxVerifier, tdxVerifier } from './verifier.js';

/** Reads a quote that must be one of TDX. */
export function parse(bytes: Uint8Array): QuoteParse<TdxQuote> {
  const { findings, quote } = parseQuote(bytes, 'tdx');
  return { findings, quote: quote?.tee === 'tdx' ? quote : undefined };
}

/** Verifies a quote against collateral that was verified before. */
export function authenticate(
  quote: TdxQuote,
  collateral: VerifiedCollateral,
  now: Date,
  options?: DcapOptions,
): Authentication<TdxQuote> {
  return authenticateQuote(quote, collateral, now, options);
}

/** Parses, authenticates, appraises, binds and makes claims, with Intel's root and every check on. */
export function verify(input: VerifyInput): VerifierResult {
  return tdxVerifier.verify(input);
}
