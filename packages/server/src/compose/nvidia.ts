/** What NVIDIA is asked, by the owner's settings. */
import { type CollateralCache, type Fetcher, type KeepingPolicy, rimSource, type Timing } from '@assay/collateral';
import { NvidiaCollateral, NvidiaManifests, NvidiaRemote, NvidiaRevocation } from '@assay/collateral/nvidia';
import { type NvidiaTrust, nvidiaTrust } from '@assay/evidence/nvidia';
import type { TrustAnchor } from '@assay/evidence/x509';
import type { NvidiaSection } from '../config/tee/nvidia.js';

export interface NvidiaParts {
  readonly settings: NvidiaSection;
  readonly emulatedRoots: readonly TrustAnchor[];
  readonly cache: CollateralCache;
  readonly timing: Timing;
  readonly policy: Partial<KeepingPolicy>;
  /** A client within a budget of its own. */
  readonly fetcher: (limit: { requests: number; intervalMs: number }) => Fetcher;
}

const MINUTE = 60_000;
/** A machine of twelve devices asks about some dozens of certificates at its first handshake, and then for an hour no more. */
const LIMITS = {
  rim: { requests: 120, intervalMs: MINUTE },
  ocsp: { requests: 600, intervalMs: MINUTE },
  nras: { requests: 600, intervalMs: MINUTE },
};

export function nvidiaCollateral(parts: NvidiaParts): NvidiaCollateral {
  const { cache, emulatedRoots, fetcher, policy, settings, timing } = parts;
  const { nras, ocsp, ocsp_responder: responder, rim, rim_service: service, service_key: key, verifier } = settings;
  const trust: NvidiaTrust = nvidiaTrust(emulatedRoots);
  const headers = key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } };
  const common = { trust, rim, ocsp };
  if (verifier === 'remote') {
    const remote = new NvidiaRemote({ url: nras, fetcher: fetcher(LIMITS.nras), timing, ...headers });
    return new NvidiaCollateral({ ...common, remote });
  }
  const sources = service === 'off' ? [] : [rimSource({ url: service, fetcher: fetcher(LIMITS.rim), ...headers })];
  return new NvidiaCollateral({
    ...common,
    manifests: new NvidiaManifests({ sources, cache, timing, policy, anchors: trust.manifests }),
    ...(responder === 'off'
      ? {}
      : { revocation: new NvidiaRevocation({ url: responder, fetcher: fetcher(LIMITS.ocsp), timing, ...headers }) }),
  });
}
