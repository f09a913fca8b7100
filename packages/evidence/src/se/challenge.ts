/** The challenge for a guest of Secure Execution: what the guest hands to its ultravisor, and gives back with the answer. */
import { encodeBase64, type JsonObject } from '@assay/bytes';
import { ADDITIONAL_DATA_SIZE } from './evidence.js';
import { MEASUREMENT_SIZE } from './measurement.js';
import type { HostPublicKey } from './request/key.js';
import { buildRequest, ephemeralKey, IV_SIZE, NONCE_SIZE, PROTECTION_KEY_SIZE } from './request/request.js';
import type { MeasurementSeal } from './request/sealing.js';

export interface ChallengeParts {
  /** Host keys that may open the request: each is trusted at the time of the challenge. */
  readonly hostKeys: readonly HostPublicKey[];
  readonly imageTags: Uint8Array;
  readonly seal: MeasurementSeal;
}

/**
 * Text of a challenge, as Confidential Containers' SE attester reads it.
 *
 * The protection key, the IV and the key pair of the request are made for it and forgotten. Measurement key and nonce travel sealed: nothing
 * is kept here.
 */
export function makeChallenge(
  { hostKeys, imageTags, seal }: ChallengeParts,
  random: (bytes: number) => Uint8Array,
): string {
  const { nonce, measurementKey } = seal.secrets(random(NONCE_SIZE));
  const request = buildRequest({
    hostKeys,
    measurementKey,
    nonce,
    protectionKey: random(PROTECTION_KEY_SIZE),
    iv: random(IV_SIZE),
    ephemeral: ephemeralKey(random),
  });
  const challenge: JsonObject = {
    request_blob: encodeBase64(request),
    measurement_size: MEASUREMENT_SIZE,
    additional_size: ADDITIONAL_DATA_SIZE,
    encr_measurement_key: encodeBase64(seal.seal(measurementKey)),
    encr_request_nonce: encodeBase64(seal.seal(nonce)),
    image_hdr_tags: encodeBase64(imageTags),
  };
  return JSON.stringify(challenge);
}
