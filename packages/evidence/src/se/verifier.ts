/** The verifier of TEE `se`: IBM Secure Execution. It makes the challenge, and judges the ultravisor's answer to it. */
import { assayError, type FindingDraft, notChecked, passed, refuses, warned } from '@assay/bytes/findings';
import { compareReportData } from '../binding/report-data.js';
import type { Verifier, VerifierResult, VerifyInput } from '../verifier.js';
import {
  ATTRIBUTE_TYPE,
  attributeTexts,
  EMULATED_ORGANIZATION,
  parseCertificates,
  type TrustAnchor,
} from '../x509/index.js';
import { authenticate } from './authenticate.js';
import { makeChallenge } from './challenge.js';
import { SE_CLAIM_ORIGINS, seClaims } from './claims.js';
import { REPORT_DATA_SIZE, readSeEvidence } from './evidence.js';
import { readAuthorities } from './host-key/authorities.js';
import {
  collateralUses,
  examineHostKey,
  type HostKeyExamination,
  judgeDates,
  type TrustedHostKey,
} from './host-key/document.js';
import { MOST_HOST_KEYS } from './request/request.js';
import type { MeasurementSeal } from './request/sealing.js';

const TEE = 'se';
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
  const authentication = authenticate(evidence, {
    seal,
    imageTags: materials.imageTags,
    hostKeys: keys,
    now: input.now,
  });
  const { authentic, used } = authentication;
  const bound = evidence.userData.subarray(0, REPORT_DATA_SIZE);
  const reportData = compareReportData(bound, input.reportData, REPORT_DATA_SIZE, TEE);
  const findings = [
    ...form,
    ...authentication.findings,
    reportData.finding,
    initData(input),
    ...(authentic === undefined ? [] : [hardware(authentic.hostKey)]),
  ];
  const collateral = used === undefined ? [] : collateralUses(used);
  if (authentic === undefined || findings.some(refuses)) return { accepted: false, findings, collateral };
  return {
    accepted: true,
    findings,
    collateral,
    claimSets: [{ class: 'cpu', claims: seClaims(authentic), origins: SE_CLAIM_ORIGINS }],
    matched: reportData.matched,
  };
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
