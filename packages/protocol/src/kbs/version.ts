import { ProtocolError, quoteBriefly } from '../protocol-error.js';

/** What differs between the versions of the KBS protocol. Code asks this table; it never compares version strings. */
export interface ProtocolTraits {
  /** `extra-params` of Request and Challenge: a JSON string that is always empty, or any JSON value. */
  readonly extraParams: 'empty-text' | 'json';
  /** Whether Request may list hash algorithms and Challenge may select one; without it SHA-384 is used. */
  readonly hashNegotiation: boolean;
  /** Where nonce, key and init-data stand in Attestation: `tee-pubkey` at the top, or inside `runtime-data` beside the echoed nonce. */
  readonly attestation: 'flat' | 'runtime-data';
  /** `tee-evidence`: JSON text inside a string, a JSON value, or `{primary_evidence, additional_evidence}`. */
  readonly evidence: 'json-text' | 'json' | 'composite';
  /**
   * What the evidence's report data is the hash of. `fields`: nonce ‖ n ‖ e as sent; `object`: canonical JSON. Where there are two, the
   * message does not say which: the evidence may match either.
   */
  readonly runtimeData: readonly RuntimeDataForm[];
  /** Whether the hashed object of the primary evidence holds `additional-evidence`. */
  readonly bindsAdditionalEvidence: boolean;
  /** Whether the client echoes the nonce. */
  readonly nonceEcho: boolean;
  readonly initData: boolean;
  /** Form of the encrypted answer: 1 is the form before RFC 7516 conformance, 2 conforms. */
  readonly jweForm: JweForm;
}

export type RuntimeDataForm = 'fields' | 'object';
export type JweForm = 1 | 2;

const V0_1_0: ProtocolTraits = {
  extraParams: 'empty-text',
  hashNegotiation: false,
  attestation: 'flat',
  evidence: 'json-text',
  runtimeData: ['fields', 'object'],
  bindsAdditionalEvidence: false,
  nonceEcho: false,
  initData: false,
  jweForm: 1,
};

const V0_1_1: ProtocolTraits = {
  ...V0_1_0,
  extraParams: 'json',
  hashNegotiation: true,
  evidence: 'json',
  runtimeData: ['object'],
};

const V0_2_0: ProtocolTraits = { ...V0_1_1, jweForm: 2 };

const V0_3_0: ProtocolTraits = { ...V0_2_0, evidence: 'composite', bindsAdditionalEvidence: true };

const V0_4_0: ProtocolTraits = { ...V0_3_0, attestation: 'runtime-data', nonceEcho: true, initData: true };

export const PROTOCOL_VERSIONS = {
  '0.1.0': V0_1_0,
  '0.1.1': V0_1_1,
  '0.2.0': V0_2_0,
  '0.3.0': V0_3_0,
  '0.4.0': V0_4_0,
} as const satisfies Readonly<Record<string, ProtocolTraits>>;

export type ProtocolVersion = keyof typeof PROTOCOL_VERSIONS;

/** What this project's own client speaks. */
export const CURRENT_PROTOCOL_VERSION: ProtocolVersion = '0.4.0';

export function protocolTraits(version: ProtocolVersion): ProtocolTraits {
  return PROTOCOL_VERSIONS[version];
}

/**
 * The served version that a semantic version names. Build metadata (`0.4.0+x`) does not matter, a pre-release is another version.
 *
 * @throws ProtocolError `request.version.served`
 */
export function parseProtocolVersion(text: string): ProtocolVersion {
  const core = text.replace(/\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*$/, '');
  if (Object.hasOwn(PROTOCOL_VERSIONS, core)) return core as ProtocolVersion;
  const served = Object.keys(PROTOCOL_VERSIONS).join(', ');
  throw new ProtocolError(
    'request.version.served',
    `protocol version ${quoteBriefly(text)} is not served; served are ${served}`,
    { path: '/version', expected: served, actual: quoteBriefly(text) },
  );
}
