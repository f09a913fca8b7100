/** What has to be fetched for a quote, before anything about it is believed. */
import { DecodeError, encodeHex } from '@assay/bytes';
import { orderChain, parseCertificates } from '../x509/index.js';
import { readPckPlatform } from './pck/extension.js';
import { type PckCa, pckCaOf } from './pck/names.js';
import type { Tee } from './quote/model.js';
import { parseQuote } from './quote/parse.js';

/** Names the collateral of a quote. From unproven bytes: good for a request, for nothing else. */
export interface CollateralNeeds {
  readonly tee: Tee;
  /** FMSPC, 6 bytes in lower-case hex. */
  readonly fmspc: string;
  readonly pceId: string;
  /** Issuer of the PCK certificate, which names the PCK CRL. */
  readonly ca: PckCa;
}

/** A platform that the quote only names: its PCK certificate has to be asked from a PCCS. */
export interface PckCertificateNeeds {
  readonly tee: Tee;
  /** Certification data type, 1 to 4 or 7, and its bytes. */
  readonly certificationType: number;
  readonly certificationData: Uint8Array;
}

/**
 * Reads what a quote needs.
 *
 * @param chain PCK chain from elsewhere, for quotes that do not carry one
 * @returns undefined for what is no quote, or names no platform
 */
export function collateralNeeds(
  quote: Uint8Array,
  chain?: Uint8Array,
): CollateralNeeds | PckCertificateNeeds | undefined {
  const parsed = parseQuote(quote).quote;
  if (parsed === undefined) return undefined;
  const { data, type } = parsed.certification;
  const { tee } = parsed;
  if (type !== 5 && chain === undefined) return { tee, certificationType: type, certificationData: data };
  try {
    const path = orderChain(parseCertificates(type === 5 ? data : (chain ?? data)));
    const [leaf, intermediate] = typeof path === 'string' ? [] : path;
    const ca = intermediate === undefined ? undefined : pckCaOf(intermediate);
    if (leaf === undefined || ca === undefined) return undefined;
    const { fmspc, pceId } = readPckPlatform(leaf);
    return { tee, fmspc: encodeHex(fmspc), pceId: encodeHex(pceId), ca };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
