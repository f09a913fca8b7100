import { ByteReader, type JsonObject } from '@assay/bytes';
import { AttesterError } from '../attester-error.js';

export const SNP_REPORT_LENGTH = 1184;

/** CPUID family from which on the TCB version has another layout. */
const TURIN_FAMILY = 0x1a;
const CPUID_FAMILY_OFFSET = 0x188;

/** An attestation report (SEV-SNP firmware ABI, table 23) in the member names of upstream's library. */
export function snpReportJson(report: Uint8Array): JsonObject {
  const r = new ByteReader(report, 'SNP report');
  const version = r.u32le('version');
  // Reports before version 3 do not tell the processor; only Milan and Genoa made them.
  const isTurin = version >= 3 && (report[CPUID_FAMILY_OFFSET] ?? 0) >= TURIN_FAMILY;
  const tcb = (): JsonObject => (isTurin ? turinTcb(r) : milanTcb(r));
  const list = (length: number): number[] => [...r.bytes(length, 'field')];
  const u64 = (): number => exact(r.u64le('field'));
  const head = {
    version,
    guest_svn: r.u32le('guest_svn'),
    policy: u64(),
    family_id: list(16),
    image_id: list(16),
    vmpl: r.u32le('vmpl'),
    sig_algo: r.u32le('sig_algo'),
    current_tcb: tcb(),
    plat_info: u64(),
    key_info: r.u32le('key_info'),
  };
  r.skip(4, 'reserved');
  const measured = {
    report_data: list(64),
    measurement: list(48),
    host_data: list(32),
    id_key_digest: list(48),
    author_key_digest: list(48),
    report_id: list(32),
    report_id_ma: list(32),
    reported_tcb: tcb(),
  };
  const [family = 0, model = 0, step = 0] = list(3);
  const known = version >= 3;
  const cpuid = {
    cpuid_fam_id: known ? family : null,
    cpuid_mod_id: known ? model : null,
    cpuid_step: known ? step : null,
  };
  r.skip(21, 'reserved');
  const platform = {
    chip_id: list(64),
    committed_tcb: tcb(),
    current: firmware(r),
    committed: firmware(r),
    launch_tcb: tcb(),
  };
  const mitigations = { launch: u64(), current: u64() };
  r.skip(0x98, 'reserved');
  const signature = { r: list(72), s: list(72) };
  return {
    ...head,
    ...measured,
    ...cpuid,
    ...platform,
    launch_mit_vector: version >= 5 ? mitigations.launch : null,
    current_mit_vector: version >= 5 ? mitigations.current : null,
    signature,
  };
}

function milanTcb(r: ByteReader): JsonObject {
  const bootloader = r.u8('bootloader');
  const tee = r.u8('tee');
  r.skip(4, 'reserved');
  return { fmc: null, bootloader, tee, snp: r.u8('snp'), microcode: r.u8('microcode') };
}

function turinTcb(r: ByteReader): JsonObject {
  const [fmc, bootloader, tee, snp] = [r.u8('fmc'), r.u8('bootloader'), r.u8('tee'), r.u8('snp')];
  r.skip(3, 'reserved');
  return { fmc, bootloader, tee, snp, microcode: r.u8('microcode') };
}

function firmware(r: ByteReader): JsonObject {
  const build = r.u8('build');
  const minor = r.u8('minor');
  const major = r.u8('major');
  r.skip(1, 'reserved');
  return { major, minor, build };
}

/** A number of 64 bits beyond 2^53 would say something else than the report once it is JSON here. */
function exact(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new AttesterError('a field of the report has no exact JSON number');
  return Number(value);
}
