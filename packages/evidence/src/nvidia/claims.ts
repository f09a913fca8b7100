/** Claims of authentic NVIDIA devices, by the names that policies of Confidential Containers know. */
import { encodeHex, type JsonObject } from '@assay/bytes';
import type { FindingRef } from '@assay/bytes/findings';
import type { DeviceAppraisal } from './appraise.js';
import type { AuthenticReport } from './authenticate.js';
import { CLAIMED } from './device.js';
import { opaqueMembers } from './report/opaque.js';
import type { ParsedReport } from './report/report.js';

/** What policies see under `input.nvidia` of a device that was verified here. `uuid` is what the guest says, nothing proves it. */
export function deviceClaims(
  { anchor, arch, report }: AuthenticReport,
  uuid: string,
  appraisal: DeviceAppraisal,
): JsonObject {
  const { rim } = appraisal;
  return {
    arch: CLAIMED[arch],
    uuid,
    measurements: measurements(report),
    config: opaqueMembers(report.opaque),
    ...(rim === undefined
      ? {}
      : {
          rim: {
            ...(rim.driver === undefined ? {} : { driver: rim.driver }),
            ...(rim.vbios === undefined ? {} : { vbios: rim.vbios }),
            ...(rim.complete ? { measres: 'success' } : {}),
          },
        }),
    ...(appraisal.good ? { ocsp_status: 'good' } : {}),
    // Only there when it has to be: a policy of production refuses it by its presence.
    ...(anchor.emulated === true || appraisal.emulated ? { emulated: true } : {}),
  };
}

/** Which finding made a claim. */
export const NVIDIA_CLAIM_ORIGINS: { readonly [path: string]: FindingRef } = {
  '': 'nvidia.report.signature',
  arch: 'nvidia.device.arch',
  rim: 'nvidia.rim.match',
  ocsp_status: 'nvidia.chain.revoked',
};

export function measurements(report: ParsedReport): { readonly [index: string]: string } {
  return Object.fromEntries([...report.measurements].map(([index, value]) => [String(index), encodeHex(value)]));
}
