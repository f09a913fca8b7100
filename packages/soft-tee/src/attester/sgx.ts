import { encodeBase64, type JsonObject } from '@assay/bytes';
import { padded } from '../fixed.js';
import type { IntelOrders } from '../intel/intel.js';
import type { IntelPlatform } from '../intel/platform.js';
import { encodeQuote, type QuoteFields } from '../intel/quote.js';
import { defaultSgxReport, type SgxReportFields } from '../intel/sgx-report.js';
import type { TestWorld } from '../world.js';
import { quotingParts } from './tdx.js';

/** What differs from an ordinary enclave on an up-to-date machine. */
export interface SgxOverrides {
  readonly platform?: IntelPlatform;
  /** Default 3. */
  readonly version?: 3 | 4 | 5;
  readonly report?: Partial<SgxReportFields>;
  readonly quote?: Partial<Omit<QuoteFields, 'body' | 'version'>>;
  readonly orders?: IntelOrders;
  /** Changes the finished quote. */
  readonly alter?: (quote: Uint8Array) => Uint8Array;
}

/** A quote of an emulated enclave. `reportData` is what the quote binds, at most 64 bytes. */
export function sgxQuote(world: TestWorld, reportData: Uint8Array, overrides: SgxOverrides = {}): Uint8Array {
  const platform = overrides.platform ?? world.intel.platform();
  const report = { ...defaultSgxReport(), reportData: padded(reportData, 64, 'report data'), ...overrides.report };
  const quote = encodeQuote({
    version: overrides.version ?? 3,
    body: { kind: 'sgx', report },
    ...quotingParts(world, platform, 'sgx', overrides.orders),
    ...overrides.quote,
  });
  return overrides.alter?.(quote) ?? quote;
}

/** Evidence as guests send it (guest-components, `sgx` attester). */
export function sgxEvidence(world: TestWorld, reportData: Uint8Array, overrides: SgxOverrides = {}): JsonObject {
  return { quote: encodeBase64(sgxQuote(world, reportData, overrides)) };
}
