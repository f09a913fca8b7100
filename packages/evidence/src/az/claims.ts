/** Claims of Azure confidential VMs, by the names that policies of Confidential Containers read. */
import { encodeBase64, type JsonObject } from '@assay/bytes';
import type { FindingRef } from '@assay/bytes/findings';
import { dcapOrigins } from '../dcap/claims.js';
import { type AuthenticEventlog, eventlogClaims } from '../eventlog/index.js';
import { SNP_CLAIM_ORIGINS, snpClaims } from '../snp/claims.js';
import { tdxClaims } from '../tdx/claims.js';
import { boundClaims, pcrClaims } from '../tpm/claims.js';
import type { AuthenticAz } from './verify.js';

/** What policies see under `input["az-snp-vtpm"]` or `input["az-tdx-vtpm"]`: the hardware's claims, and `tpm.pcrNN`. */
export function azClaims({ hardware, quote }: AuthenticAz, log?: AuthenticEventlog): JsonObject {
  const own = hardware.kind === 'snp' ? azSnpClaims(hardware.report) : tdxClaims(hardware.quote);
  // What the hardware binds is the vTPM's key: report data and init-data are those of the vTPM.
  const { init_data: _register, report_data: _hash, ...claims } = own;
  return {
    ...claims,
    tpm: pcrClaims(quote),
    ...(log === undefined ? {} : { uefi_event_logs: eventlogClaims(log) }),
    ...boundClaims(quote),
  };
}

/** Every value is a text here, and the measurement base64; the chip is not named. */
function azSnpClaims(report: Parameters<typeof snpClaims>[0]): JsonObject {
  const { chip_id: _chip, emulated, measurement: _measurement, ...claims } = snpClaims(report);
  return {
    ...Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, String(value)])),
    measurement: encodeBase64(report.report.measurement),
    // Policies ask for the presence of this one, as for every TEE.
    ...(emulated === undefined ? {} : { emulated }),
  };
}

/** Which finding made a claim. */
export function azOrigins({ hardware }: AuthenticAz): { readonly [path: string]: FindingRef } {
  const own = hardware.kind === 'snp' ? SNP_CLAIM_ORIGINS : dcapOrigins(hardware.quote);
  return {
    ...own,
    tpm: 'tpm.pcr.digest',
    uefi_event_logs: 'eventlog.register.replay',
    report_data: 'binding.report-data.match',
    init_data: 'binding.init-data.match',
  };
}
