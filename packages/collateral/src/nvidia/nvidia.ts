/** What NVIDIA says about devices: reference manifests and revocation for verification here, or its remote service's answers. */
import type { JsonValue } from '@assay/bytes';
import type { CollateralUse, FindingDraft } from '@assay/bytes/findings';
import {
  type Demand,
  manifestCertificates,
  type NvidiaTrust,
  nrasQuestions,
  nvidiaNeeds,
  revocationQuestions,
} from '@assay/evidence/nvidia';
import type { NvidiaManifests } from './manifests.js';
import type { NvidiaRemote } from './remote.js';
import type { NvidiaRevocation } from './revocation.js';

export interface NvidiaCollateralOptions {
  readonly trust: NvidiaTrust;
  /** Absent: nobody is asked. */
  readonly manifests?: NvidiaManifests;
  readonly revocation?: NvidiaRevocation;
  readonly remote?: NvidiaRemote;
  /** What the owner asks for: where it is optional, a failure to get it refuses nothing. */
  readonly rim: Demand;
  readonly ocsp: Demand;
}

export interface NvidiaCollateralSet {
  readonly endorsements: Readonly<Record<string, Uint8Array>>;
  readonly findings: readonly FindingDraft[];
  readonly uses: readonly CollateralUse[];
}

export class NvidiaCollateral {
  readonly #options: NvidiaCollateralOptions;

  constructor(options: NvidiaCollateralOptions) {
    this.#options = options;
  }

  get manifests(): NvidiaManifests | undefined {
    return this.#options.manifests;
  }

  /** Everything that one piece of evidence needs. Rejects only when the cache fails. */
  async get(evidence: JsonValue, now: Date): Promise<NvidiaCollateralSet> {
    const { remote } = this.#options;
    if (remote !== undefined) return { ...(await remote.ask(nrasQuestions(evidence))), uses: [] };
    const { manifests, ocsp, revocation, rim, trust } = this.#options;
    const needs = nvidiaNeeds(evidence, trust, now);
    const wanted = rim === 'off' ? undefined : await manifests?.get(needs.manifests);
    const questions = [
      ...needs.certificates,
      ...Object.values(wanted?.endorsements ?? {}).flatMap((bytes) => revocationQuestions(manifestCertificates(bytes))),
    ];
    const status = ocsp === 'off' ? undefined : await revocation?.get(questions);
    return {
      endorsements: { ...wanted?.endorsements, ...status?.endorsements },
      findings: [...asDemanded(wanted?.findings ?? [], rim), ...asDemanded(status?.findings ?? [], ocsp)],
      uses: [],
    };
  }
}

/** The verifier says what is missing, and refuses where it is required; how it came about is only said. */
function asDemanded(findings: readonly FindingDraft[], demand: Demand): FindingDraft[] {
  return findings.map((finding) =>
    finding.outcome === 'fail' && demand !== 'required' ? { ...finding, outcome: 'warn' } : finding,
  );
}
