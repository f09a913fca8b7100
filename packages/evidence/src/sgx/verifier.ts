import type { SgxQuote } from '../dcap/quote/model.js';
import { createDcapVerifier, type DcapTee, type DcapVerifierOptions } from '../dcap/verifier.js';
import type { Verifier } from '../verifier.js';
import { sgxClaims } from './claims.js';

export const SGX_TEE: DcapTee<SgxQuote> = {
  tee: 'sgx',
  initData: ({ body }) => ({ name: 'CONFIGID', value: body.configId }),
  claims: sgxClaims,
  origins: { 'body.attributes.flags': 'sgx.enclave.attributes' },
};

/** Verifier of `sgx`: evidence `{"quote": b64}`, endorsements by the names of `COLLATERAL_NAMES`. */
export function createSgxVerifier(options: DcapVerifierOptions = {}): Verifier {
  return createDcapVerifier(SGX_TEE, options);
}

/** With Intel's root and every check on. */
export const sgxVerifier: Verifier = createSgxVerifier();
