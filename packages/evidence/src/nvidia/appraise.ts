/** An authentic report beside what NVIDIA and the owner say about it: golden measurements and revocation. */
import { type CollateralUse, type FindingDraft, failed, notChecked } from '@assay/bytes/findings';
import type { Endorsements } from '../verifier.js';
import type { TrustAnchor } from '../x509/index.js';
import type { AuthenticReport } from './authenticate.js';
import { isSwitch } from './device.js';
import { judgeRevocation } from './revocation.js';
import { compareWithManifests, type Manifests } from './rim/compare.js';
import { type AuthenticManifest, manifestUse, verifyManifest } from './rim/manifest.js';
import { manifestNames } from './rim/names.js';
import type { NvidiaRules } from './rules.js';

export interface AppraisalInput {
  readonly name: string;
  readonly endorsements: Endorsements;
  /** Anchors of manifests. */
  readonly anchors: readonly TrustAnchor[];
  readonly rules: NvidiaRules;
  readonly now: Date;
  readonly clock: string;
}

export interface DeviceAppraisal {
  readonly findings: readonly FindingDraft[];
  readonly uses: readonly CollateralUse[];
  /** Ids of the manifests whose golden values the report was found to have; complete when every one that it needs is there. */
  readonly rim?: { readonly driver?: string; readonly vbios?: string; readonly complete: boolean };
  /** Every certificate of device and manifests is good. */
  readonly good: boolean;
  /** Manifests under a root of emulated hardware. */
  readonly emulated: boolean;
}

/** Kinds of manifest, with the role under which files give them. */
const KINDS = [
  ['driver', 'driver_rim'],
  ['vbios', 'vbios_rim'],
] as const;

export function appraiseDevice(authentic: AuthenticReport, input: AppraisalInput): DeviceAppraisal {
  const { clock, endorsements, name, now, rules } = input;
  const ocsp = rules.ocsp ?? 'optional';
  const revocation = { subject: name, endorsements, demand: ocsp, now, clock };
  const device = judgeRevocation({ ...revocation, path: authentic.certificates, from: 1 });
  const { findings, manifests, complete } = readManifests(authentic, input);
  const used = Object.values(manifests) as readonly AuthenticManifest[];
  const signers = used.map((manifest) =>
    judgeRevocation({ ...revocation, subject: manifest.id, path: manifest.certificates, from: 0 }),
  );
  const compared = used.length === 0 ? [] : compareWithManifests(authentic.report, name, manifests);
  const all = [...device.findings, ...findings, ...signers.flatMap((one) => one.findings), ...compared];
  const holds = used.length > 0 && all.every(({ outcome }) => outcome !== 'fail');
  return {
    findings: all,
    uses: [...device.uses, ...used.map(manifestUse), ...signers.flatMap(({ uses }) => uses)],
    ...(holds
      ? {
          rim: {
            ...(manifests.driver === undefined ? {} : { driver: manifests.driver.id }),
            ...(manifests.vbios === undefined ? {} : { vbios: manifests.vbios.id }),
            complete,
          },
        }
      : {}),
    good: device.good && signers.every(({ good }) => good),
    emulated: used.some(({ anchor }) => anchor.emulated === true),
  };
}

function readManifests(
  { arch, report }: AuthenticReport,
  { anchors, clock, endorsements, name, now, rules }: AppraisalInput,
): { readonly findings: FindingDraft[]; readonly manifests: Manifests; readonly complete: boolean } {
  const demand = rules.rim ?? 'optional';
  if (demand === 'off') {
    const off = notChecked('nvidia.rim.match', 'not compared: `nvidia.rim` is off', {
      subject: name,
      origin: { kind: 'setting', key: 'nvidia.rim', value: 'off' },
    });
    return { findings: [off], manifests: {}, complete: false };
  }
  const names = manifestNames(report.opaque, arch);
  const findings: FindingDraft[] = [];
  const manifests: { driver?: AuthenticManifest; vbios?: AuthenticManifest } = {};
  let complete = true;
  for (const [kind, role] of KINDS) {
    if (kind === 'driver' && isSwitch(arch)) continue;
    const id = names[kind] ?? `of the ${kind}`;
    const bytes = own(endorsements, `rim:${id}`) ?? own(endorsements, role);
    if (bytes === undefined) {
      complete = false;
      findings.push(missing(id, name, demand));
      continue;
    }
    const { findings: read, manifest } = verifyManifest(bytes, id, anchors, now, clock);
    findings.push(...read);
    if (manifest === undefined) complete = false;
    else manifests[kind] = manifest;
  }
  return { findings, manifests, complete };
}

function missing(id: string, gpu: string, demand: 'required' | 'optional'): FindingDraft {
  if (demand === 'optional') {
    return notChecked('nvidia.rim.match', `not compared: no RIM ${id} is at hand`, { subject: gpu });
  }
  return failed('nvidia.rim.missing', {
    subject: gpu,
    params: { rim: id, gpu },
    expected: id,
    actual: null,
    compare: { relation: 'present', type: 'text' },
    source: 'rule of the owner: nvidia.rim',
    origin: { kind: 'setting', key: 'nvidia.rim', value: 'required' },
  });
}

function own(endorsements: Endorsements, name: string): Uint8Array | undefined {
  const bytes = Object.hasOwn(endorsements, name) ? endorsements[name] : undefined;
  return bytes === undefined || bytes.length === 0 ? undefined : bytes;
}
