/** Claims of an authentic answer, by the names that policies of Confidential Containers know. */
import { encodeHex, type JsonObject } from '@assay/bytes';
import type { FindingRef } from '@assay/bytes/findings';
import { type AuthenticSeEvidence, PHKH_SIZE, tagOf } from './authenticate.js';
import { REPORT_DATA_SIZE } from './evidence.js';
import { REQUEST_VERSION } from './request/request.js';

/** What policies see under `input.se`, with `report_data`, which the service moves to the top. */
export function seClaims({ evidence, hostKey, imageTags }: AuthenticSeEvidence): JsonObject {
  const { additionalData, configUid, userData } = evidence;
  return {
    // Of the request, 0x0100: policies written for Trustee compare with 256.
    version: REQUEST_VERSION,
    cuid: encodeHex(configUid),
    tag: encodeHex(tagOf(imageTags)),
    image_phkh: encodeHex(additionalData.subarray(0, PHKH_SIZE)),
    attestation_phkh: encodeHex(additionalData.subarray(PHKH_SIZE)),
    report_data: encodeHex(userData.subarray(0, REPORT_DATA_SIZE)),
    // Only there when it has to be: a policy of production refuses it by its presence.
    ...(hostKey.anchor.emulated === true ? { emulated: true } : {}),
  };
}

/** Which finding made a claim. */
export const SE_CLAIM_ORIGINS: { readonly [path: string]: FindingRef } = {
  '': 'se.measurement.valid',
  attestation_phkh: 'se.host-key.match',
  report_data: 'binding.report-data.match',
};
