/** The verifier of TEE `cca`: tokens of Arm CCA, under platform keys that the owner enrolled. */
import { notChecked, refuses } from '@assay/bytes/findings';
import type { CoseKey } from '../cose/index.js';
import type { Verifier, VerifierResult, VerifyInput } from '../verifier.js';
import { bind } from './binding.js';
import { CCA_CLAIM_ORIGINS, ccaClaims } from './claims.js';
import { readCcaEvidence } from './evidence.js';
import type { CcaRules } from './rules.js';
import { type CcaAnchor, type CcaTrust, ccaTrust } from './stores/anchors.js';
import { verifyCcaToken } from './verify.js';

/** Name of the endorsement that a Veraison service gives. */
export const VERAISON_EAR = 'veraison_ear';

export interface CcaVerifierOptions {
  /** Platform keys of the owner's machines. Without one every token is incomplete: CCA has no vendor's root. */
  readonly anchors?: readonly CcaAnchor[];
  /** Platform keys of emulated hardware, added by the owner by name: claims then say `emulated: true`. */
  readonly emulatedAnchors?: readonly CcaAnchor[];
  readonly rules?: CcaRules;
  /** Key of a Veraison service, pinned by the owner: its result is taken for platforms without a key, as endorsement `veraison_ear`. */
  readonly veraison?: CoseKey;
}

export function createCcaVerifier({ rules = {}, veraison, ...options }: CcaVerifierOptions = {}): Verifier {
  const trust = trustOf(options);
  return { tee: 'cca', verify: (input) => verify(input, trust, rules, veraison) };
}

/** Keys of a verifier's options. */
export function trustOf({
  anchors = [],
  emulatedAnchors = [],
}: Pick<CcaVerifierOptions, 'anchors' | 'emulatedAnchors'>): CcaTrust {
  return ccaTrust([...anchors, ...emulatedAnchors.map((anchor) => ({ ...anchor, emulated: true as const }))]);
}

function verify(input: VerifyInput, trust: CcaTrust, rules: CcaRules, key: CoseKey | undefined): VerifierResult {
  const evidence = readCcaEvidence(input.evidence);
  if (evidence.token === undefined) return { accepted: false, findings: [evidence.finding, ...unbound()] };
  const ear = input.endorsements?.[VERAISON_EAR];
  const { authentic, findings, token } = verifyCcaToken({
    token: evidence.token,
    trust,
    rules,
    ...(key === undefined || ear === undefined ? {} : { veraison: { key, ear, now: input.now } }),
  });
  if (token === undefined) return { accepted: false, findings: [evidence.finding, ...findings, ...unbound()] };
  const bound = bind(token.realm, input.reportData, input.initData);
  const all = [evidence.finding, ...findings, ...bound.findings];
  if (authentic === undefined || all.some(refuses)) return { accepted: false, findings: all };
  return {
    accepted: true,
    findings: all,
    claimSets: [{ class: 'cpu', claims: ccaClaims(authentic), origins: CCA_CLAIM_ORIGINS }],
    matched: bound.matched,
  };
}

function unbound() {
  return (['binding.report-data.match', 'binding.init-data.match'] as const).map((id) =>
    notChecked(id, 'not compared: the token was not read', { subject: 'cca' }),
  );
}
