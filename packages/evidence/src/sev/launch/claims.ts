/** Facts of an authentic launch, as policies see them under `input.sev`. */
import { encodeHex, type JsonObject } from '@assay/bytes';
import type { AuthenticPlatform } from '../chain/chain.js';
import type { AuthenticLaunch } from './measure.js';
import { readSevPolicy } from './policy.js';

/** What of the platform goes beside a launch. */
export type PlatformFacts = Pick<AuthenticPlatform, 'anchor' | 'chip'>;

/**
 * `measurement` (hex), `policy` (number), `api_major`, `api_minor`, `build_id`, and what follows from them: `es`, `debug_allowed`,
 * `key_sharing_allowed`. `root` names the pinned ARK; `emulated` is there, and true, for emulated platforms only.
 */
export function sevClaims(launch: AuthenticLaunch, platform: PlatformFacts): JsonObject {
  const { names } = readSevPolicy(launch.policy);
  return {
    measurement: encodeHex(launch.digest),
    policy: launch.policy,
    api_major: launch.api.major,
    api_minor: launch.api.minor,
    build_id: launch.build,
    es: names.includes('ES'),
    debug_allowed: !names.includes('NODBG'),
    key_sharing_allowed: !names.includes('NOKS'),
    chip: platform.chip,
    root: platform.anchor.name,
    ...(platform.anchor.emulated === true ? { emulated: true } : {}),
  };
}
