/** Claims of an authentic report, by the names that policies of Confidential Containers know. */
import { encodeHex, type JsonObject } from '@assay/bytes';
import type { FindingRef } from '@assay/bytes/findings';
import type { AuthenticReport } from './authenticate.js';
import { hexNumber, readPlatformInfo, readPolicy } from './report/policy.js';
import { type ReportFields, versionText } from './report/report.js';
import { readTcb } from './tcb.js';

/** What policies see under `input.snp`, with `report_data` and `init_data`, which the service moves to the top. */
export function snpClaims({ report, chain }: AuthenticReport): JsonObject {
  const policy = readPolicy(report.policy);
  const platform = readPlatformInfo(report.platformInfo);
  const tcb = readTcb(report.reportedTcb, chain.product);
  return {
    policy_abi_major: policy.abiMajor,
    policy_abi_minor: policy.abiMinor,
    policy_smt_allowed: policy.flags.smt,
    policy_migrate_ma: policy.flags.migrateMa,
    policy_debug_allowed: policy.flags.debug,
    policy_single_socket: policy.flags.singleSocket,
    reported_tcb_bootloader: tcb.bootloader,
    reported_tcb_tee: tcb.tee,
    reported_tcb_snp: tcb.snp,
    reported_tcb_microcode: tcb.microcode,
    platform_tsme_enabled: platform.tsme,
    platform_smt_enabled: platform.smt,
    measurement: encodeHex(report.measurement),
    chip_id: encodeHex(report.chipId),
    report_data: encodeHex(report.reportData),
    init_data: encodeHex(report.hostData),
    // Only there when it has to be: a policy of production refuses it by its presence.
    ...(chain.anchor.emulated === true ? { emulated: true } : {}),
  };
}

/** Which finding made a claim. */
export const SNP_CLAIM_ORIGINS: { readonly [path: string]: FindingRef } = {
  '': 'snp.signature.valid',
  policy_debug_allowed: 'snp.guest.debug',
  policy_migrate_ma: 'snp.guest.migration',
  reported_tcb_bootloader: 'snp.tcb.equal',
  reported_tcb_tee: 'snp.tcb.equal',
  reported_tcb_snp: 'snp.tcb.equal',
  reported_tcb_microcode: 'snp.tcb.equal',
  chip_id: 'snp.chip.id',
  report_data: 'binding.report-data.match',
  init_data: 'binding.init-data.match',
};

/** Every field of a report, for those who look at one: numbers, flag words as `0x` hex, byte strings as hex. */
export function reportMembers(fields: ReportFields): JsonObject {
  const { cpuid } = fields;
  return {
    version: fields.version,
    guest_svn: fields.guestSvn,
    policy: hexNumber(fields.policy),
    family_id: encodeHex(fields.familyId),
    image_id: encodeHex(fields.imageId),
    vmpl: fields.vmpl,
    sig_algo: fields.signatureAlgorithm,
    current_tcb: encodeHex(fields.currentTcb),
    platform_info: hexNumber(fields.platformInfo),
    key_info: hexNumber(fields.keyInfo),
    report_data: encodeHex(fields.reportData),
    measurement: encodeHex(fields.measurement),
    host_data: encodeHex(fields.hostData),
    id_key_digest: encodeHex(fields.idKeyDigest),
    author_key_digest: encodeHex(fields.authorKeyDigest),
    report_id: encodeHex(fields.reportId),
    report_id_ma: encodeHex(fields.reportIdMa),
    reported_tcb: encodeHex(fields.reportedTcb),
    cpuid: cpuid === undefined ? null : encodeHex(Uint8Array.of(cpuid.family, cpuid.model, cpuid.stepping)),
    chip_id: encodeHex(fields.chipId),
    committed_tcb: encodeHex(fields.committedTcb),
    current_version: versionText(fields.current),
    committed_version: versionText(fields.committed),
    launch_tcb: encodeHex(fields.launchTcb),
    ...(fields.mitigations === undefined
      ? {}
      : {
          launch_mit_vector: hexNumber(fields.mitigations.launch),
          current_mit_vector: hexNumber(fields.mitigations.current),
        }),
  };
}
