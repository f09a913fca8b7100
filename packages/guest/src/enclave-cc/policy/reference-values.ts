/** What a verifier shall know of the enclave that is agent and boot instance, from what its build signed. */
import { encodeBase64, encodeHex, encodeUtf8, type JsonObject } from '@assay/bytes';
import type { AuthenticSigstruct } from '@assay/evidence/sgx';

/** Names that the policy of {@link attestationPolicy} asks for. */
export const REFERENCE_VALUES = {
  mrEnclave: 'enclave_cc_mr_enclave',
  mrSigner: 'enclave_cc_mr_signer',
  isvProdId: 'enclave_cc_isv_prod_id',
  minimumIsvSvn: 'enclave_cc_minimum_isv_svn',
} as const;

/**
 * Reference values by name. Builds side by side are all accepted, from the lowest security version on: MRENCLAVE names each build anyway.
 *
 * @param builds at least one. Only what was checked can be handed over
 */
export function referenceValuesOf(builds: readonly [AuthenticSigstruct, ...AuthenticSigstruct[]]): JsonObject {
  const each = (value: (build: AuthenticSigstruct) => string): string[] => [...new Set(builds.map(value))];
  return {
    [REFERENCE_VALUES.mrEnclave]: each(({ enclaveHash }) => encodeHex(enclaveHash)),
    [REFERENCE_VALUES.mrSigner]: each(({ mrSigner }) => encodeHex(mrSigner)),
    [REFERENCE_VALUES.isvProdId]: each(({ isvProdId }) => hexOfU16(isvProdId)),
    [REFERENCE_VALUES.minimumIsvSvn]: Math.min(...builds.map(({ isvSvn }) => isvSvn)),
  };
}

/** The same as a message that every RVPS of Confidential Containers takes. It is not signed: whoever hands it in vouches for it. */
export function referenceValueMessage(values: JsonObject): JsonObject {
  return { version: '0.1.0', type: 'sample', payload: encodeBase64(encodeUtf8(JSON.stringify(values))) };
}

/** As claims have it: as it is stored, little-endian. */
function hexOfU16(value: number): string {
  return encodeHex(Uint8Array.of(value & 0xff, value >> 8));
}
