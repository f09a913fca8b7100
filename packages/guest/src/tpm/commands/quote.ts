import { type PcrSelection, TpmWriter, writePcrSelectionList } from '@assay/evidence/tpm';
import { ALG, CC } from '../constants.js';
import { NO_PASSWORD } from '../session.js';
import { parametersOf, sized, type Tpm } from '../tpm.js';

/** A signed statement about PCRs. */
export interface Quote {
  /** TPMS_ATTEST, what is signed. */
  readonly attest: Uint8Array;
  /** TPMT_SIGNATURE over it. */
  readonly signature: Uint8Array;
}

/** TPM2B_DATA: algorithm and digest of the longest hash. */
export const LONGEST_QUALIFYING_DATA = 66;
const LARGEST_ATTEST = 2048;

/**
 * TPM2_Quote, in the key's own scheme.
 *
 * @param qualifyingData nonce; at most 66 bytes, on most TPMs as long as their longest digest at most
 */
export async function quote(
  tpm: Tpm,
  key: number,
  qualifyingData: Uint8Array,
  selections: readonly PcrSelection[],
): Promise<Quote> {
  const name = 'TPM2_Quote';
  if (qualifyingData.length > LONGEST_QUALIFYING_DATA) {
    throw new RangeError(`qualifying data of ${qualifyingData.length} bytes; ${LONGEST_QUALIFYING_DATA} fit`);
  }
  const parameters = new TpmWriter().sized(qualifyingData).u16(ALG.null);
  const answer = await tpm.execute({
    name,
    code: CC.quote,
    handles: [key],
    authorizations: [NO_PASSWORD],
    parameters: writePcrSelectionList(parameters, selections).finish(),
  });
  return parametersOf(name, answer, (reader) => ({
    attest: sized(reader, 'attest', LARGEST_ATTEST),
    signature: Uint8Array.from(reader.rest()),
  }));
}
