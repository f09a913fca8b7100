/** Claims of a TPM, by the names that policies of Confidential Containers read. */
import { encodeBase64, encodeHex, type JsonObject } from '@assay/bytes';
import type { FindingRef } from '@assay/bytes/findings';
import { type AuthenticEventlog, eventlogClaims } from '../eventlog/index.js';
import { INIT_DATA_PCR } from './init-data.js';
import type { AkTrust } from './key/trust.js';
import type { AuthenticTpmQuote } from './quote/verify.js';

/** `pcr00` to `pcr23` of the SHA-256 bank: those that the quote covers. */
export function pcrClaims({ pcrs }: AuthenticTpmQuote): JsonObject {
  return Object.fromEntries(
    [...(pcrs.get('sha256') ?? [])].map(([index, value]) => [`pcr${String(index).padStart(2, '0')}`, encodeHex(value)]),
  );
}

/** `report_data` and `init_data`, which the service moves to the top: the nonce of the quote, and PCR 8 as it was extended. */
export function boundClaims({ pcrs, quote }: AuthenticTpmQuote): JsonObject {
  const initData = pcrs.get('sha256')?.get(INIT_DATA_PCR);
  return {
    report_data: encodeHex(quote.extraData),
    ...(initData === undefined ? {} : { init_data: encodeHex(initData) }),
  };
}

/** What policies see under `input.tpm`. */
export function tpmClaims(
  quote: AuthenticTpmQuote,
  vouched: { readonly trust: AkTrust; readonly emulated: boolean },
  log: AuthenticEventlog | undefined,
): JsonObject {
  return {
    ak_public: encodeBase64(quote.ak.spki),
    ak_trust: vouched.trust,
    ...pcrClaims(quote),
    ...(log === undefined ? {} : { uefi_event_logs: eventlogClaims(log) }),
    ...(vouched.emulated ? { emulated: true } : {}),
    ...boundClaims(quote),
  };
}

/** Which finding made a claim. */
export const TPM_CLAIM_ORIGINS: { readonly [path: string]: FindingRef } = {
  '': 'tpm.pcr.digest',
  ak_public: 'tpm.key.trust',
  ak_trust: 'tpm.key.trust',
  emulated: 'evidence.hardware.backed',
  uefi_event_logs: 'eventlog.register.replay',
  report_data: 'binding.report-data.match',
  init_data: 'binding.init-data.match',
};
