import { decodeBase64, encodeBase64, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { padded } from '../fixed.js';
import { attest, type SeAnswer, type SeGuest, type SeMachine } from '../se/ultravisor.js';
import type { TestWorld } from '../world.js';

/** What differs from an ordinary guest on an emulated IBM Z. */
export interface SeOverrides {
  readonly machine?: SeMachine;
  readonly guest?: SeGuest;
  /** Goes behind the report data. */
  readonly moreUserData?: Uint8Array;
  /** What is measured instead of the report data. */
  readonly reportData?: Uint8Array;
  /** Changes the request before the ultravisor gets it. */
  readonly alterRequest?: (request: Uint8Array) => Uint8Array;
  readonly alterAnswer?: (answer: SeAnswer) => SeAnswer;
  /** Changes the finished evidence. */
  readonly alterEvidence?: (evidence: JsonObject) => JsonObject;
}

/** Evidence as guests send it (guest-components, `se` attester): the ultravisor's answer to the challenge, and parts of the challenge. */
export function seEvidence(
  world: TestWorld,
  reportData: Uint8Array,
  overrides: SeOverrides = {},
  challenge?: string,
): JsonObject {
  const given = challenge === undefined ? undefined : parseJsonStrict(challenge);
  if (!isJsonObject(given ?? null))
    throw new TypeError('evidence of Secure Execution answers a challenge; there is none');
  const members = given as JsonObject;
  const text = (name: string): string => {
    const value = members[name];
    if (typeof value !== 'string') throw new TypeError(`the challenge has no ${name}`);
    return value;
  };
  const bound = overrides.reportData ?? padded(reportData, 64, 'report data');
  const userData = Uint8Array.from([...bound, ...(overrides.moreUserData ?? [])]);
  const request = decodeBase64(text('request_blob'));
  const answer = attest(
    overrides.machine ?? world.se.machine(),
    overrides.guest ?? world.se.guest(),
    overrides.alterRequest?.(request) ?? request,
    userData,
  );
  const { additionalData, configUid, measurement } = overrides.alterAnswer?.(answer) ?? answer;
  const evidence: JsonObject = {
    measurement: encodeBase64(measurement),
    additional_data: encodeBase64(additionalData),
    user_data: encodeBase64(userData),
    cuid: encodeBase64(configUid),
    encr_measurement_key: text('encr_measurement_key'),
    encr_request_nonce: text('encr_request_nonce'),
    image_hdr_tags: text('image_hdr_tags'),
  };
  return overrides.alterEvidence?.(evidence) ?? evidence;
}
