/** What a launch is to the resource policy: an appraisal of the form that attestation tokens have. */
import type { JsonObject } from '@assay/bytes';

/** Facts of a launch that a connection keeps; made from an authentic launch alone. */
export interface LaunchFacts {
  /** Base64. */
  readonly digest: string;
  readonly policy: number;
  readonly api: { readonly major: number; readonly minor: number };
  readonly build: number;
  /** The shim's words. */
  readonly description: string;
  /** Claims of launch and platform, as policies see them under `sev`. */
  readonly claims: JsonObject;
}

/** AR4SI values: 2 and 3 affirm, 33 and 36 are a warning, 97 contraindicates. */
const NOT_RECOGNISED = { hardware: 97, executables: 33, configuration: 36 } as const;

/**
 * Claims for `data.policy.allow`: one submodule `cpu0`. `affirming` needs hardware under AMD's root, a guest policy that keeps the host
 * out, and a launch policy that names the digest.
 */
export function policyInput({ claims }: LaunchFacts, digestIsNamed: boolean): JsonObject {
  const hardware = claims['emulated'] === true ? NOT_RECOGNISED.hardware : 2;
  const closed = claims['debug_allowed'] === false && claims['key_sharing_allowed'] === false;
  const vector = {
    hardware,
    executables: digestIsNamed ? 3 : NOT_RECOGNISED.executables,
    configuration: closed ? 2 : NOT_RECOGNISED.configuration,
  };
  const worst = Math.max(...Object.values(vector));
  return {
    submods: {
      cpu0: {
        'ear.status': worst >= 96 ? 'contraindicated' : worst >= 32 ? 'warning' : 'affirming',
        'ear.trustworthiness-vector': vector,
        'ear.appraisal-policy-id': 'sev-launch-policy',
        'ear.veraison.annotated-evidence': { sev: claims },
      },
    },
  };
}
