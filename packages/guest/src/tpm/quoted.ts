import { createHash } from 'node:crypto';
import { concatBytes, DecodeError } from '@assay/bytes';
import { parseQuote, parseSignature, selectPcrs } from '@assay/evidence/tpm';
import { readPcrs } from './commands/pcr.js';
import { type Quote, quote } from './commands/quote.js';
import type { Tpm } from './tpm.js';
import { TpmError } from './tpm-error.js';

/** All PCRs of a PC. */
export const ALL_PCRS: readonly number[] = Array.from({ length: 24 }, (_, pcr) => pcr);
const BANK = 'sha256';
const TRIES = 5;
/** TPM_RC_SIZE about the first parameter: a TPM whose longest hash is SHA-256 takes no nonce longer than that. */
const NONCE_TOO_LONG = 0x1d5;
const LONG_NONCE = 64;
const SHORT_NONCE = 32;

/** A quote with the values it is about. */
export interface QuotedPcrs extends Quote {
  /** Values of the SHA-256 bank, from PCR 0. */
  readonly pcrs: readonly Uint8Array[];
}

/**
 * Quotes all PCRs of the SHA-256 bank. Values and quote are of one moment: what is extended between them starts over.
 *
 * @param nonce qualifying data as it is
 */
export async function quotePcrs(tpm: Tpm, key: number, nonce: Uint8Array): Promise<QuotedPcrs> {
  for (let n = 0; n < TRIES; n += 1) {
    const values = await readPcrs(tpm, BANK, ALL_PCRS);
    const made = await quote(tpm, key, nonce, [selectPcrs(BANK, ALL_PCRS)]);
    const pcrs = ALL_PCRS.map((pcr) => values.get(pcr) ?? new Uint8Array());
    if (agree(made, pcrs)) return { ...made, pcrs };
  }
  throw new TpmError('unfit', `PCRs of ${tpm.name} changed during each of ${TRIES} quotes`, 'Try again later.');
}

/** Quotes with report data: zero-padded to 64 bytes, or, where a TPM takes only that, cut to 32. */
export async function quoteReportData(tpm: Tpm, key: number, reportData: Uint8Array): Promise<QuotedPcrs> {
  try {
    return await quotePcrs(tpm, key, resized(reportData, LONG_NONCE));
  } catch (error) {
    if (!(error instanceof TpmError) || error.code !== NONCE_TOO_LONG) throw error;
    return quotePcrs(tpm, key, resized(reportData, SHORT_NONCE));
  }
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const field = new Uint8Array(size);
  field.set(bytes.subarray(0, size));
  return field;
}

/** Whether the quote is about these values: its digest is made with the hash of its signature. */
function agree({ attest, signature }: Quote, pcrs: readonly Uint8Array[]): boolean {
  try {
    const { hash } = parseSignature(signature);
    const digest = createHash(hash)
      .update(concatBytes(...pcrs))
      .digest();
    return Buffer.compare(digest, parseQuote(attest).pcrDigest) === 0;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const remedy = 'Use an attestation key with RSASSA, RSAPSS or ECDSA.';
    throw new TpmError('response', `the TPM's quote is not one: ${error.message}`, remedy, { cause: error });
  }
}
