/** The verifier of TEE `se`: IBM Secure Execution. It makes the challenge, and judges the ultravisor's answer to it. */
import { constantTimeEqual, encodeHex, type JsonObject } from '@assay/bytes';
import {
  assayError,
  type FindingDraft,
  type FindingRef,
  failed,
  notChecked,
  passed,
  refuses,
  warned,
} from '@assay/bytes/findings';
import { compareReportData } from '../binding/report-data.js';
import type { Verifier, VerifierResult, VerifyInput } from '../verifier.js';
import {
  ATTRIBUTE_TYPE,
  attributeTexts,
  EMULATED_ORGANIZATION,
  parseCertificates,
  type TrustAnchor,
} from '../x509/index.js';
import { makeChallenge } from './challenge.js';
import { REPORT_DATA_SIZE, readSeEvidence, type SeEvidence } from './evidence.js';
import { readAuthorities } from './host-key/authorities.js';
import {
  collateralUses,
  examineHostKey,
  type HostKeyExamination,
  judgeDates,
  type TrustedHostKey,
} from './host-key/document.js';
import { measure } from './measurement.js';
import { MOST_HOST_KEYS, REQUEST_VERSION } from './request/request.js';
import type { MeasurementSeal, RequestSecrets } from './request/sealing.js';

const TEE = 'se';
const PHKH_SIZE = 32;
const TAG_SIZE = 16;
const CLOCK = "this server's clock";

/** What the owner of a server gives it: files, already read. */
export interface SeMaterials {
  /** Host-key documents by name, DER or PEM. */
  readonly hostKeyDocuments: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** IBM's signing key and the intermediates above it. */
  readonly certificates: readonly Uint8Array[];
  readonly crls: readonly Uint8Array[];
  /** Certificates that are trusted as roots; those of emulated machines only where {@link emulatedRoots} names them too. */
  readonly roots: readonly Uint8Array[];
  readonly emulatedRoots?: readonly TrustAnchor[];
  /** Tags of images, 208 bytes each (`imageTags`): the first goes into challenges, all are tried. */
  readonly imageTags: readonly Uint8Array[];
  /** Asked for once, when it is first needed: an RSA key takes its time to make. */
  readonly seal: () => MeasurementSeal;
}

/** A verifier for these materials: certificates and CRLs are checked once, dates at each use. */
export function createSeVerifier(materials: SeMaterials): Verifier {
  const { hostKeyDocuments, certificates, crls, roots, emulatedRoots = [] } = materials;
  const anchors = [...rootAnchors(roots), ...emulatedRoots.map((anchor) => ({ ...anchor, emulated: true as const }))];
  const authorities = readAuthorities({ certificates, crls, roots, anchors });
  const keys = hostKeyDocuments.map(({ name, bytes }) => examineHostKey(bytes, name, authorities));
  let made: MeasurementSeal | undefined;
  const seal = (): MeasurementSeal => {
    made ??= materials.seal();
    return made;
  };
  return {
    tee: TEE,
    verify: (input) => verify(input, { ...materials, seal }, keys),
    challenge: (_, random, now) => challenge({ ...materials, seal }, keys, random, now),
  };
}

/** Roots that the owner trusts. A certificate of an emulated machine is one only when it was added by name. */
export function rootAnchors(roots: readonly Uint8Array[]): TrustAnchor[] {
  return roots
    .flatMap((bytes) => parseCertificates(bytes))
    .filter(({ subject }) => !attributeTexts(subject, ATTRIBUTE_TYPE.organization).includes(EMULATED_ORGANIZATION))
    .map(({ subject, publicKey }) => ({
      name: `given root ${subject.commonName ?? 'without a name'}`,
      publicKey: publicKey.der,
    }));
}

function challenge(
  { imageTags, seal }: SeMaterials,
  keys: readonly HostKeyExamination[],
  random: (bytes: number) => Uint8Array,
  now: Date,
): string {
  const [tags] = imageTags;
  const trusted = keys.flatMap((key) => judgeDates(key, now, CLOCK).trusted ?? []);
  const reason =
    keys.length === 0
      ? 'no host-key document is set'
      : tags === undefined
        ? 'no image header is set'
        : `${keys.length} host-key documents, none trusted now`;
  if (tags === undefined || trusted.length === 0) {
    const fault = firstFault(keys, now);
    const causes = fault === undefined ? [] : [{ text: fault, confirmed: true as const }];
    throw assayError('se.challenge.ready', { params: { reason }, ...(causes.length === 0 ? {} : { causes }) });
  }
  const hostKeys = trusted.slice(0, MOST_HOST_KEYS).map(({ key }) => key);
  return makeChallenge({ hostKeys, imageTags: tags, seal: seal() }, random);
}

function firstFault(keys: readonly HostKeyExamination[], now: Date): string | undefined {
  const findings = keys.flatMap((key) => [...key.findings, ...judgeDates(key, now, CLOCK).findings]);
  return findings.find(({ outcome }) => outcome === 'fail')?.title;
}

function verify(input: VerifyInput, materials: SeMaterials, keys: readonly HostKeyExamination[]): VerifierResult {
  const seal = materials.seal();
  const { evidence, findings: form } = readSeEvidence(input.evidence, seal.size);
  if (evidence === undefined) {
    const why = 'not compared: the evidence was not read';
    const unbound = notChecked('binding.report-data.match', why, { subject: TEE });
    return { accepted: false, findings: [...form, unbound, initData(input)] };
  }
  const secrets = seal.open(evidence.sealedKey, evidence.sealedNonce);
  const measured = judgeMeasurement(evidence, secrets, materials.imageTags);
  const host = judgeHostKey(evidence, keys, input.now);
  const bound = evidence.userData.subarray(0, REPORT_DATA_SIZE);
  const reportData = compareReportData(bound, input.reportData, REPORT_DATA_SIZE, TEE);
  const findings = [
    ...form,
    judgeSecrets(secrets),
    measured.finding,
    ...host.findings,
    reportData.finding,
    initData(input),
    ...(measured.imageTags === undefined || host.trusted === undefined ? [] : [hardware(host.trusted)]),
  ];
  const { imageTags } = measured;
  const { trusted } = host;
  const collateral = host.used === undefined ? [] : collateralUses(host.used);
  if (imageTags === undefined || trusted === undefined || findings.some(refuses)) {
    return { accepted: false, findings, collateral };
  }
  return {
    accepted: true,
    findings,
    collateral,
    claimSets: [{ class: 'cpu', claims: claimsOf(evidence, imageTags, trusted), origins: SE_CLAIM_ORIGINS }],
    matched: reportData.matched,
  };
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

/** No register holds init-data; the image measures what was built into it. */
function initData({ initData: expected }: VerifyInput): FindingDraft {
  const why = expected === undefined ? 'no init-data was given' : 'se evidence has no register that binds it';
  return notChecked('binding.init-data.match', `not compared: ${why}`, { subject: TEE });
}

function hardware({ anchor }: TrustedHostKey): FindingDraft {
  if (anchor.emulated !== true) return passed('evidence.hardware.backed', TEE);
  return warned('evidence.hardware.backed', {
    subject: TEE,
    params: { tee: 'emulated se' },
    source: `${anchor.name}: root of an emulated TEE, added by name`,
    origin: { kind: 'setting', key: 'trust.emulated_roots' },
  });
}

function tagOf(imageTags: Uint8Array): Uint8Array {
  return imageTags.subarray(imageTags.length - TAG_SIZE);
}

/** What policies see under `input.se`, with `report_data`, which the service moves to the top. */
function claimsOf(evidence: SeEvidence, imageTags: Uint8Array, { anchor }: TrustedHostKey): JsonObject {
  const { additionalData, configUid, userData } = evidence;
  return {
    version: REQUEST_VERSION,
    cuid: encodeHex(configUid),
    tag: encodeHex(tagOf(imageTags)),
    image_phkh: encodeHex(additionalData.subarray(0, PHKH_SIZE)),
    attestation_phkh: encodeHex(additionalData.subarray(PHKH_SIZE)),
    report_data: encodeHex(userData.subarray(0, REPORT_DATA_SIZE)),
    // Only there when it has to be: a policy of production refuses it by its presence.
    ...(anchor.emulated === true ? { emulated: true } : {}),
  };
}

/** Which finding made a claim. */
export const SE_CLAIM_ORIGINS: { readonly [path: string]: FindingRef } = {
  '': 'se.measurement.valid',
  attestation_phkh: 'se.host-key.match',
  report_data: 'binding.report-data.match',
};
