/** The verifier of TEE `nvidia`: GPUs and NVSwitches, alone or as a protected PCIe machine. */
import { createHash } from 'node:crypto';
import { encodeUtf8, type JsonObject } from '@assay/bytes';
import { type CollateralUse, type FindingDraft, failed, notChecked, refuses, warned } from '@assay/bytes/findings';
import type { ClaimSet, Verifier, VerifierResult, VerifyInput } from '../verifier.js';
import type { TrustAnchor } from '../x509/index.js';
import { appraiseDevice } from './appraise.js';
import { authenticateDevice, readForm } from './authenticate.js';
import { compareNonce, nonceMissing } from './binding.js';
import { type NvidiaTrust, nvidiaTrust, nvidiaTrustIn } from './chain/roots.js';
import { deviceClaims, NVIDIA_CLAIM_ORIGINS } from './claims.js';
import { isSwitch } from './device.js';
import { type DeviceEvidence, readNvidiaEvidence } from './evidence.js';
import { NRAS_CLAIM_ORIGINS, nrasKeys, type RemoteOptions, verifyRemotely } from './nras/verify.js';
import type { NvidiaRules } from './rules.js';
import { judgeTopology, type Node, nodeOf } from './topology.js';

export interface NvidiaVerifierOptions {
  /** Roots of emulated hardware, added by the owner by name: claims then say `emulated: true`. */
  readonly emulatedRoots?: readonly TrustAnchor[];
  /** Instead of NVIDIA's pins. */
  readonly roots?: readonly TrustAnchor[];
  readonly rules?: NvidiaRules;
  /** NVIDIA's remote attestation service judges the evidence instead of this verifier. */
  readonly remote?: RemoteOptions;
}

/** What one device came to. */
interface Judged {
  readonly findings: readonly FindingDraft[];
  readonly matching: ReadonlySet<number>;
  readonly uses: readonly CollateralUse[];
  readonly claimSet?: ClaimSet;
  readonly node?: Node;
  /** SHA-256 of what tells the device from another one. */
  readonly identity?: string;
}

const CLOCK = "this server's clock";

/** A verifier of NVIDIA devices; make one and keep it. */
export function createNvidiaVerifier(options: NvidiaVerifierOptions = {}): Verifier {
  const { emulatedRoots = [], roots } = options;
  const trust = roots === undefined ? nvidiaTrust(emulatedRoots) : nvidiaTrustIn(roots, emulatedRoots);
  return { tee: 'nvidia', verify: (input) => verify(input, trust, options) };
}

/** Trusts NVIDIA's roots alone, and verifies here. */
export const nvidiaVerifier: Verifier = createNvidiaVerifier();

function verify(input: VerifyInput, trust: NvidiaTrust, options: NvidiaVerifierOptions): VerifierResult {
  const { devices, finding } = readNvidiaEvidence(input.evidence);
  const initData = notChecked('binding.init-data.match', 'not compared: NVIDIA devices bind no init-data', {
    subject: 'nvidia',
  });
  if (devices === undefined) return { accepted: false, findings: [finding, initData] };
  const judged = devices.map((device, place) =>
    options.remote === undefined
      ? judgeLocally(device, input, trust, options.rules ?? {})
      : judgeRemotely(device, place, input, options.remote),
  );
  const findings: FindingDraft[] = [
    finding,
    ...judged.flatMap((one) => one.findings),
    ...checkDistinct(devices, judged),
  ];
  if (input.reportData === undefined) findings.push(nonceMissing());
  findings.push(initData);
  const matched = (input.reportData ?? []).findIndex((_, index) => judged.every(({ matching }) => matching.has(index)));
  // 0.1.0 has two forms of one text: all devices must have bound the same one.
  if (matched < 0 && judged.every(({ matching }) => matching.size > 0)) findings.push(nonceMissing());
  const claimSets = judged.flatMap(({ claimSet }) => (claimSet === undefined ? [] : [claimSet]));
  const collateral = judged.flatMap(({ uses }) => uses);
  if (findings.some(refuses) || claimSets.length !== devices.length || matched < 0) {
    return { accepted: false, findings, collateral };
  }
  const emulated = claimSets.some(({ claims }) => claims['emulated'] === true);
  if (emulated) findings.push(emulatedHardware());
  const nodes = judged.flatMap(({ node }) => (node === undefined ? [] : [node]));
  const topology = judgeTopology(nodes, emulated);
  return {
    accepted: true,
    findings: [...findings, ...topology.findings],
    claimSets: [...claimSets, ...topology.claimSets],
    collateral,
    matched,
  };
}

function judgeLocally(device: DeviceEvidence, input: VerifyInput, trust: NvidiaTrust, rules: NvidiaRules): Judged {
  const { name } = device;
  const result = authenticateDevice({
    report: device.report,
    chain: device.chain,
    name,
    declared: device.arch,
    anchors: trust.devices,
    now: input.now,
    clock: CLOCK,
  });
  const nonce = result.report === undefined ? undefined : compareNonce(result.report, name, input.reportData);
  const findings = [...result.findings, ...(nonce === undefined ? [] : [nonce.finding])];
  const matching = nonce?.matching ?? new Set<number>();
  const { authentic } = result;
  if (authentic === undefined) return { findings, matching, uses: [] };
  const appraisal = appraiseDevice(authentic, {
    name,
    endorsements: input.endorsements ?? {},
    anchors: trust.manifests,
    rules,
    now: input.now,
    clock: CLOCK,
  });
  const [leaf] = authentic.certificates;
  return {
    findings: [...findings, ...appraisal.findings],
    matching,
    uses: appraisal.uses,
    claimSet: {
      class: isSwitch(authentic.arch) ? 'switch' : 'gpu',
      claims: deviceClaims(authentic, device.uuid, appraisal),
      origins: NVIDIA_CLAIM_ORIGINS,
    },
    node: nodeOf(authentic),
    identity: digest(leaf?.publicKey.der ?? new Uint8Array(0)),
  };
}

/** The service judges chain, signature and measurements; the nonce is compared here all the same. */
function judgeRemotely(device: DeviceEvidence, place: number, input: VerifyInput, remote: RemoteOptions): Judged {
  const { name } = device;
  const form = readForm(device.report, name);
  if (form.report === undefined) return { findings: form.findings, matching: new Set(), uses: [] };
  const nonce = compareNonce(form.report, name, input.reportData);
  const endorsements = input.endorsements ?? {};
  const key = `nras:${place}`;
  const answer = Object.hasOwn(endorsements, key) ? endorsements[key] : undefined;
  const options = { ...remote, now: input.now, clock: CLOCK };
  const result = verifyRemotely(device, form.report, answer, nrasKeys(endorsements), options);
  return {
    findings: [...form.findings, nonce.finding, ...result.findings],
    matching: nonce.matching,
    uses: [],
    identity: digest(identityOf(result.claims, form.report.signature)),
    ...(result.claims === undefined
      ? {}
      : {
          claimSet: {
            class: isSwitch(device.arch) ? 'switch' : 'gpu',
            claims: result.claims,
            origins: NRAS_CLAIM_ORIGINS,
          },
        }),
    ...(result.node === undefined ? {} : { node: result.node }),
  };
}

/** The service names the device; without an answer, a report stands for itself. */
function identityOf(claims: JsonObject | undefined, signature: Uint8Array): Uint8Array {
  const ueid = claims?.['ueid'];
  return typeof ueid === 'string' ? encodeUtf8(ueid) : signature;
}

/** One device listed twice would pass for two. */
function checkDistinct(devices: readonly DeviceEvidence[], judged: readonly Judged[]): FindingDraft[] {
  const seen = new Map<string, string>();
  return judged.flatMap(({ identity }, place): FindingDraft[] => {
    const gpu = devices[place]?.name ?? '';
    const other = identity === undefined ? undefined : seen.get(identity);
    if (identity !== undefined && other === undefined) seen.set(identity, gpu);
    if (other === undefined) return [];
    return [
      failed('nvidia.device.distinct', {
        subject: gpu,
        params: { gpu, other },
        expected: null,
        actual: identity ?? null,
        compare: { relation: 'not-in', type: 'key' },
        source: 'keys of the devices before it',
        origin: { kind: 'vendor', vendor: 'NVIDIA', document: 'device certificate' },
      }),
    ];
  });
}

/** Says in every verdict that nothing stands behind it. */
function emulatedHardware(): FindingDraft {
  return warned('evidence.hardware.backed', {
    subject: 'nvidia',
    params: { tee: 'emulated nvidia' },
    source: 'root of emulated hardware, added by name',
    origin: { kind: 'setting', key: 'trust.emulated_roots' },
  });
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
