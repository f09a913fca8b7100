import { encodeBase64, type JsonObject } from '@assay/bytes';
import { padded } from '../fixed.js';
import type { EmulatedEventLog } from '../intel/event-log.js';
import type { IntelOrders } from '../intel/intel.js';
import type { IntelPlatform } from '../intel/platform.js';
import { quotingEnclave } from '../intel/qe-identity.js';
import { encodeQuote, type QuoteFields } from '../intel/quote.js';
import { defaultTdReport, type TdReportFields } from '../intel/td-report.js';
import type { TestWorld } from '../world.js';

/** What differs from an ordinary TD on an up-to-date machine. */
export interface TdxOverrides {
  readonly platform?: IntelPlatform;
  /** 4 quotes a TD 1.0 body, 5 the body of {@link body}. Default 4. */
  readonly version?: 4 | 5;
  /** Body of a version 5 quote. Default TD 1.5. */
  readonly body?: 'td-1.0' | 'td-1.5';
  readonly report?: Partial<TdReportFields>;
  readonly quote?: Partial<Omit<QuoteFields, 'body' | 'version'>>;
  /** Certificates of the chain inside the quote; default: the vendor's standing orders. */
  readonly orders?: IntelOrders;
  /** CC event log of the guest; the RTMRs follow it unless `report` says otherwise. */
  readonly eventLog?: EmulatedEventLog;
  /** Changes the finished quote. */
  readonly alter?: (quote: Uint8Array) => Uint8Array;
}

/** A quote of an emulated TD. `reportData` is what the quote binds, at most 64 bytes. */
export function tdxQuote(world: TestWorld, reportData: Uint8Array, overrides: TdxOverrides = {}): Uint8Array {
  const { intel } = world;
  const platform = overrides.platform ?? intel.platform();
  const version = overrides.version ?? 4;
  const kind = version === 4 ? 'td-1.0' : (overrides.body ?? 'td-1.5');
  const report = {
    ...defaultTdReport(),
    reportData: padded(reportData, 64, 'report data'),
    ...(overrides.eventLog === undefined ? {} : { rtmrs: overrides.eventLog.rtmrs }),
    ...overrides.report,
  };
  const quote = encodeQuote({
    version,
    body: { kind, report },
    ...quotingParts(world, platform, 'tdx', overrides.orders),
    ...overrides.quote,
  });
  return overrides.alter?.(quote) ?? quote;
}

/** Evidence as guests send it (guest-components, `tdx` attester). */
export function tdxEvidence(world: TestWorld, reportData: Uint8Array, overrides: TdxOverrides = {}): JsonObject {
  return {
    cc_eventlog: overrides.eventLog === undefined ? null : encodeBase64(overrides.eventLog.log),
    quote: encodeBase64(tdxQuote(world, reportData, overrides)),
  };
}

/** The parts of a quote that the machine's quoting enclave brings. */
export function quotingParts(
  world: TestWorld,
  platform: IntelPlatform,
  tee: 'sgx' | 'tdx',
  orders: IntelOrders | undefined,
): Pick<QuoteFields, 'attestationKey' | 'qeReport' | 'qeAuthData' | 'qeSigner' | 'certification'> {
  const { intel } = world;
  return {
    attestationKey: intel.attestationKey(platform, tee),
    qeReport: quotingEnclave(tee),
    qeAuthData: Uint8Array.from({ length: 32 }, (_, index) => index),
    qeSigner: intel.pki.pckKey(platform),
    certification: { type: 5, data: Buffer.from(`${intel.pckChain(platform, orders)}\0`) },
  };
}
