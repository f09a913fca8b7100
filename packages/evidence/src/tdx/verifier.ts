import type { TdxQuote } from '../dcap/quote/model.js';
import { createDcapVerifier, type DcapTee, type DcapVerifierOptions } from '../dcap/verifier.js';
import type { Verifier } from '../verifier.js';
import { tdxClaims } from './claims.js';
import { tdxEventLogs } from './event-log.js';

export const TDX_TEE: DcapTee<TdxQuote> = {
  tee: 'tdx',
  initData: ({ body }) => ({ name: 'MRCONFIGID', value: body.mrConfigId }),
  claims: tdxClaims,
  origins: {
    td_attributes: 'tdx.td.attributes',
    'td_attributes.debug': 'tdx.td.debug',
    'quote.body.td_attributes': 'tdx.td.attributes',
    'quote.body.xfam': 'tdx.td.xfam',
    'quote.body.mr_servicetd': 'tdx.td.service',
    uefi_event_logs: 'eventlog.register.replay',
  },
  eventLogs: tdxEventLogs,
};

/** Verifier of `tdx`: evidence `{"quote": b64, "cc_eventlog": b64}`, endorsements by the names of `COLLATERAL_NAMES`. */
export function createTdxVerifier(options: DcapVerifierOptions = {}): Verifier {
  return createDcapVerifier(TDX_TEE, options);
}

/** With Intel's root and every check on. */
export const tdxVerifier: Verifier = createTdxVerifier();
