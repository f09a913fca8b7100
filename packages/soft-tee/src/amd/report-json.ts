import { ByteReader, type JsonObject } from '@assay/bytes';
import type { AmdProduct } from './tcb.js';

/**
 * Releases of guests and the JSON they send: `flat` up to guest-components 0.13, `structured` from 0.14 on.
 */
export type SnpReportForm = 'flat' | 'structured';

/** The report as the guest's `sev` library turns it into JSON. Values come from the bytes, so that both always agree. */
export function snpReportJson(report: Uint8Array, form: SnpReportForm, product: AmdProduct): JsonObject {
  return form === 'flat' ? flat(report) : structured(report, product);
}

function structured(report: Uint8Array, product: AmdProduct): JsonObject {
  const r = new ByteReader(report, 'SNP report');
  const version = r.u32le('version');
  const tcb = (): JsonObject => (product === 'Turin' ? turinTcb(r) : milanTcb(r));
  const bytes = (length: number): number[] => [...r.bytes(length, 'field')];
  const head = {
    version,
    guest_svn: r.u32le('guest_svn'),
    policy: number(r.u64le('policy')),
    family_id: bytes(16),
    image_id: bytes(16),
    vmpl: r.u32le('vmpl'),
    sig_algo: r.u32le('sig_algo'),
    current_tcb: tcb(),
    plat_info: number(r.u64le('plat_info')),
    key_info: r.u32le('key_info'),
  };
  r.skip(4, 'reserved');
  const middle = {
    report_data: bytes(64),
    measurement: bytes(48),
    host_data: bytes(32),
    id_key_digest: bytes(48),
    author_key_digest: bytes(48),
    report_id: bytes(32),
    report_id_ma: bytes(32),
    reported_tcb: tcb(),
  };
  const [family, model, step] = bytes(3);
  const cpuid =
    version < 3
      ? { cpuid_fam_id: null, cpuid_mod_id: null, cpuid_step: null }
      : { cpuid_fam_id: family ?? 0, cpuid_mod_id: model ?? 0, cpuid_step: step ?? 0 };
  r.skip(21, 'reserved');
  const tail = {
    chip_id: bytes(64),
    committed_tcb: tcb(),
    current: firmware(r),
    committed: firmware(r),
    launch_tcb: tcb(),
  };
  const launch = number(r.u64le('launch_mit_vector'));
  const current = number(r.u64le('current_mit_vector'));
  r.skip(0x98, 'reserved');
  return {
    ...head,
    ...middle,
    ...cpuid,
    ...tail,
    launch_mit_vector: version < 5 ? null : launch,
    current_mit_vector: version < 5 ? null : current,
    signature: { r: bytes(72), s: bytes(72) },
  };
}

/** Every field in the order of the report; TCBs always under the names of Milan's layout. */
function flat(report: Uint8Array): JsonObject {
  const r = new ByteReader(report, 'SNP report');
  const bytes = (length: number): number[] => [...r.bytes(length, 'field')];
  const tcb = (): JsonObject => ({
    bootloader: r.u8('bootloader'),
    tee: r.u8('tee'),
    _reserved: bytes(4),
    snp: r.u8('snp'),
    microcode: r.u8('microcode'),
  });
  return {
    version: r.u32le('version'),
    guest_svn: r.u32le('guest_svn'),
    policy: number(r.u64le('policy')),
    family_id: bytes(16),
    image_id: bytes(16),
    vmpl: r.u32le('vmpl'),
    sig_algo: r.u32le('sig_algo'),
    current_tcb: tcb(),
    plat_info: number(r.u64le('plat_info')),
    _author_key_en: r.u32le('_author_key_en'),
    _reserved_0: r.u32le('_reserved_0'),
    report_data: bytes(64),
    measurement: bytes(48),
    host_data: bytes(32),
    id_key_digest: bytes(48),
    author_key_digest: bytes(48),
    report_id: bytes(32),
    report_id_ma: bytes(32),
    reported_tcb: tcb(),
    _reserved_1: bytes(24),
    chip_id: bytes(64),
    committed_tcb: tcb(),
    current_build: r.u8('current_build'),
    current_minor: r.u8('current_minor'),
    current_major: r.u8('current_major'),
    _reserved_2: r.u8('_reserved_2'),
    committed_build: r.u8('committed_build'),
    committed_minor: r.u8('committed_minor'),
    committed_major: r.u8('committed_major'),
    _reserved_3: r.u8('_reserved_3'),
    launch_tcb: tcb(),
    _reserved_4: bytes(168),
    signature: { r: bytes(72), s: bytes(72), _reserved: bytes(368) },
  };
}

function milanTcb(r: ByteReader): JsonObject {
  const bootloader = r.u8('bootloader');
  const tee = r.u8('tee');
  r.skip(4, 'reserved');
  return { fmc: null, bootloader, tee, snp: r.u8('snp'), microcode: r.u8('microcode') };
}

function turinTcb(r: ByteReader): JsonObject {
  const head = { fmc: r.u8('fmc'), bootloader: r.u8('bootloader'), tee: r.u8('tee'), snp: r.u8('snp') };
  r.skip(3, 'reserved');
  return { ...head, microcode: r.u8('microcode') };
}

function firmware(r: ByteReader): JsonObject {
  const build = r.u8('build');
  const minor = r.u8('minor');
  const major = r.u8('major');
  r.skip(1, 'reserved');
  return { major, minor, build };
}

/** JSON numbers of the guest's library have 64 bits; beyond 2^53 this would say another number than the report. */
function number(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`${value} has no exact JSON number here`);
  return Number(value);
}
