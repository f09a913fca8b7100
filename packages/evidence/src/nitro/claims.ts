/** Claims of an authentic document. Confidential Containers has no such verifier: the names are Assay's, in the manner of its other ones. */
import { encodeHex, type JsonObject } from '@assay/bytes';
import type { FindingRef } from '@assay/bytes/findings';
import type { ParsedDocument } from './document.js';
import type { ReportDataField } from './rules.js';
import { type AuthenticDocument, isDebug } from './verify.js';

/**
 * What policies see under `input.nitro`, with `report_data`, which the service moves to the top. Byte strings are lower-case
 * hex; `pcr00` to `pcr31` stand flat, as the TPM verifier's; `timestamp` is RFC 3339 with milliseconds.
 */
export function nitroClaims({ anchor, document }: AuthenticDocument, field: ReportDataField = 'user_data'): JsonObject {
  const pcrs = [...document.pcrs].map(([index, value]): [string, string] => [pcrName(index), encodeHex(value)]);
  return {
    module_id: document.moduleId,
    digest: document.digest,
    timestamp: document.timestamp.toISOString(),
    debug: isDebug(document),
    ...Object.fromEntries(pcrs),
    public_key: hexOrNull(document.publicKey),
    user_data: hexOrNull(document.userData),
    nonce: hexOrNull(document.nonce),
    report_data: encodeHex(reportDataOf(document, field)),
    // Only there when it has to be: a policy of production refuses it by its presence.
    ...(anchor.emulated === true ? { emulated: true } : {}),
  };
}

/** The member that carries the report data; empty where it is null. */
export function reportDataOf(document: ParsedDocument, field: ReportDataField): Uint8Array {
  return (field === 'nonce' ? document.nonce : document.userData) ?? new Uint8Array();
}

/** Which finding made a claim. */
export const NITRO_CLAIM_ORIGINS: { readonly [path: string]: FindingRef } = {
  '': 'nitro.signature.valid',
  digest: 'nitro.document.algorithm',
  timestamp: 'nitro.chain.validity',
  debug: 'nitro.enclave.debug',
  report_data: 'binding.report-data.match',
};

export function hexOrNull(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : encodeHex(bytes);
}

function pcrName(index: number): string {
  return `pcr${String(index).padStart(2, '0')}`;
}
