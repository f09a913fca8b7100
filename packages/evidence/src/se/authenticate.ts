/** The ultravisor's answer beside the request that it answers: sealed members, measurement, host key. */
import { constantTimeEqual, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import type { SeEvidence } from './evidence.js';
import { type HostKeyExamination, judgeDates, type TrustedHostKey } from './host-key/document.js';
import { measure } from './measurement.js';
import type { MeasurementSeal, RequestSecrets } from './request/sealing.js';

export const PHKH_SIZE = 32;
const TAG_SIZE = 16;
const CLOCK = "this server's clock";

declare const authentic: unique symbol;
/** An answer to a request of this server, measured by a machine whose host key is trusted now. Only `authenticate` makes one. */
export interface AuthenticSeEvidence {
  readonly [authentic]: true;
  readonly evidence: SeEvidence;
  /** Of the image that runs. */
  readonly imageTags: Uint8Array;
  readonly hostKey: TrustedHostKey;
}

export interface SeAuthentication {
  readonly findings: readonly FindingDraft[];
  /** The host key that the evidence names, trusted or not. */
  readonly used: HostKeyExamination | undefined;
  readonly authentic?: AuthenticSeEvidence;
}

/** What an answer is compared with. */
export interface SeExpectations {
  readonly seal: MeasurementSeal;
  readonly imageTags: readonly Uint8Array[];
  readonly hostKeys: readonly HostKeyExamination[];
  readonly now: Date;
}

export function authenticate(evidence: SeEvidence, expected: SeExpectations): SeAuthentication {
  const secrets = expected.seal.open(evidence.sealedKey, evidence.sealedNonce);
  const measured = judgeMeasurement(evidence, secrets, expected.imageTags);
  const host = judgeHostKey(evidence, expected.hostKeys, expected.now);
  const findings = [judgeSecrets(secrets), measured.finding, ...host.findings];
  const { imageTags } = measured;
  const { trusted: hostKey, used } = host;
  if (imageTags === undefined || hostKey === undefined) return { findings, used };
  return { findings, used, authentic: { evidence, imageTags, hostKey } as unknown as AuthenticSeEvidence };
}

/** One finding for whatever is wrong with the sealed members: it does not tell what. */
function judgeSecrets(secrets: RequestSecrets | undefined): FindingDraft {
  const subject = 'encr_measurement_key, encr_request_nonce';
  if (secrets !== undefined) return passed('se.challenge.own', subject);
  return failed('se.challenge.own', {
    subject,
    expected: 'sealed by this server',
    actual: null,
    compare: { relation: 'rule', type: 'key' },
    source: 'challenge of this server',
    origin: { kind: 'request', what: 'challenge' },
  });
}

/** The measurement holds for the tags in the evidence, or for those of another image that the owner set. */
function judgeMeasurement(
  evidence: SeEvidence,
  secrets: RequestSecrets | undefined,
  known: readonly Uint8Array[],
): { readonly finding: FindingDraft; readonly imageTags?: Uint8Array } {
  const { measurement, configUid, userData, additionalData } = evidence;
  const subject = 'measurement';
  const { measurementKey, nonce } = secrets ?? { measurementKey: new Uint8Array(64), nonce: new Uint8Array(16) };
  const candidates = [evidence.imageTags, ...known].map((imageTags) => ({
    imageTags,
    computed: measure(measurementKey, { imageTags, configUid, userData, nonce, additionalData }),
  }));
  const found = candidates.find(({ computed }) => constantTimeEqual(computed, measurement));
  if (secrets === undefined) {
    const why = 'not compared: the measurement key was not sealed by this server';
    return { finding: notChecked('se.measurement.valid', why, { subject }) };
  }
  if (found !== undefined) return { finding: passed('se.measurement.valid', subject), imageTags: found.imageTags };
  const actual = encodeHex(measurement);
  const finding = failed('se.measurement.valid', {
    subject,
    // What was computed is an authenticator under a secret key: it stays here.
    params: { actual, tag: encodeHex(tagOf(evidence.imageTags)) },
    expected: null,
    actual,
    compare: { relation: 'equal', type: 'digest' },
    source: 'HMAC-SHA-512 under the key of this request',
    origin: { kind: 'request', what: 'challenge' },
  });
  return { finding };
}

interface HostJudgement {
  readonly findings: readonly FindingDraft[];
  readonly trusted?: TrustedHostKey | undefined;
  readonly used?: HostKeyExamination;
}

/** The host key that opened the request is one of those that are set, and is trusted at this time. */
function judgeHostKey({ additionalData }: SeEvidence, keys: readonly HostKeyExamination[], now: Date): HostJudgement {
  const hash = additionalData.subarray(PHKH_SIZE);
  const actual = encodeHex(hash);
  const used = keys.find(({ key }) => key !== undefined && constantTimeEqual(key.hash, hash));
  if (used !== undefined) {
    const dates = judgeDates(used, now, CLOCK);
    const findings = [passed('se.host-key.match', 'attestation host key', actual), ...used.findings, ...dates.findings];
    return { findings, trusted: dates.trusted, used };
  }
  const finding = failed('se.host-key.match', {
    subject: 'attestation host key',
    params: { actual, n: keys.length },
    expected: keys.flatMap(({ key }) => (key === undefined ? [] : [encodeHex(key.hash)])),
    actual,
    compare: { relation: 'one-of', type: 'digest' },
    source: 'host-key documents of this server',
    origin: { kind: 'setting', key: 'se.host_key_documents' },
  });
  return { findings: [finding] };
}

/** The last 16 bytes: the header's own tag. */
export function tagOf(imageTags: Uint8Array): Uint8Array {
  return imageTags.subarray(imageTags.length - TAG_SIZE);
}
