import { type KeyObject, verify, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeBase64, type JsonValue } from '@assay/bytes';
import { createSnpVerifier } from '@assay/evidence';
import { amdTrust, type SnpInput, verifySnpReport } from '@assay/evidence/snp';
import { vectorsArea } from '@assay/testkit';
import { measure } from '../lib/measure.js';
import { machine, type Report } from '../lib/report.js';

/**
 * Verifications per second on one core, of one SEV-SNP report of real hardware.
 *
 * The floor is what nothing can avoid: one P-384 verification with SHA-384 over the 672 signed bytes, the VCEK's key being
 * imported once, as it belongs to the endorsements. Contenders take short turns, so that a slow second hits all alike.
 */
const rounds = 41;
const milliseconds = 40;
const sample = 'snp-milan-v2-vcek';

export async function benchSnp(): Promise<Report> {
  const rates = measure(contenders(), { warmUps: 400, rounds, milliseconds });
  const metrics = Object.fromEntries(Object.entries(rates).map(([name, rate]) => [`snp_${name}_per_s`, rate]));
  const ratio = (name: string): number => (rates[name] ?? 0) / (rates['raw_signature'] ?? 1);
  return {
    name: 'snp',
    machine: machine(),
    metrics,
    ratios: {
      snp_warm_vs_raw_signature: ratio('warm'),
      snp_verifier_json_with_claims_vs_raw_signature: ratio('verifier_json_with_claims'),
      snp_verifier_raw_with_claims_vs_raw_signature: ratio('verifier_raw_with_claims'),
      snp_cold_vs_raw_signature: ratio('cold'),
    },
  };
}

function contenders(): Readonly<Record<string, () => void>> {
  const { ark, ask, leaf, now, report } = load();
  const key = new X509Certificate(leaf).publicKey;
  const signature = bigEndian(report);
  const input: SnpInput = {
    report,
    certificates: { leaves: [leaf], authorities: [ask, ark], crls: [] },
    trust: amdTrust(),
    rules: {},
    now,
    clock: 'the bench',
  };
  const verifier = createSnpVerifier();
  const endorsements = { vcek: leaf, ask, ark };
  const json = { attestation_report: flat(report), cert_chain: null };
  const raw = { attestation_report: encodeBase64(report), cert_chain: null };
  const accepted = (evidence: JsonValue): boolean =>
    verifier.verify({ evidence, reportData: undefined, initData: undefined, endorsements, now }).accepted;
  return {
    raw_signature: () => must(rawSignature(report, signature, key)),
    warm: () => must(verifySnpReport(input).authentic !== undefined),
    verifier_json_with_claims: () => must(accepted(json)),
    verifier_raw_with_claims: () => must(accepted(raw)),
    cold: () => must(verifySnpReport({ ...input, trust: amdTrust() }).authentic !== undefined),
  };
}

function rawSignature(report: Uint8Array, signature: Uint8Array, key: KeyObject): boolean {
  return verify('sha384', report.subarray(0, 0x2a0), { key, dsaEncoding: 'ieee-p1363' }, signature);
}

function bigEndian(report: Uint8Array): Uint8Array {
  const number = (offset: number): Uint8Array => Uint8Array.from(report.subarray(offset, offset + 48)).reverse();
  return Uint8Array.from([...number(0x2a0), ...number(0x2e8)]);
}

/** The report as guests up to 0.13 send it; it has every byte of version 2. */
function flat(report: Uint8Array): JsonValue {
  const view = new DataView(report.buffer, report.byteOffset);
  const at = (from: number, length: number): number[] => [...report.subarray(from, from + length)];
  const byte = (offset: number): number => report[offset] ?? 0;
  const tcb = (offset: number): JsonValue => ({
    bootloader: byte(offset),
    tee: byte(offset + 1),
    _reserved: at(offset + 2, 4),
    snp: byte(offset + 6),
    microcode: byte(offset + 7),
  });
  return {
    version: view.getUint32(0, true),
    guest_svn: view.getUint32(4, true),
    policy: Number(view.getBigUint64(8, true)),
    family_id: at(0x10, 16),
    image_id: at(0x20, 16),
    vmpl: view.getUint32(0x30, true),
    sig_algo: view.getUint32(0x34, true),
    current_tcb: tcb(0x38),
    plat_info: Number(view.getBigUint64(0x40, true)),
    _author_key_en: view.getUint32(0x48, true),
    _reserved_0: 0,
    report_data: at(0x50, 64),
    measurement: at(0x90, 48),
    host_data: at(0xc0, 32),
    id_key_digest: at(0xe0, 48),
    author_key_digest: at(0x110, 48),
    report_id: at(0x140, 32),
    report_id_ma: at(0x160, 32),
    reported_tcb: tcb(0x180),
    _reserved_1: at(0x188, 24),
    chip_id: at(0x1a0, 64),
    committed_tcb: tcb(0x1e0),
    current_build: byte(0x1e8),
    current_minor: byte(0x1e9),
    current_major: byte(0x1ea),
    _reserved_2: 0,
    committed_build: byte(0x1ec),
    committed_minor: byte(0x1ed),
    committed_major: byte(0x1ee),
    _reserved_3: 0,
    launch_tcb: tcb(0x1f0),
    _reserved_4: at(0x1f8, 168),
    signature: { r: at(0x2a0, 72), s: at(0x2e8, 72), _reserved: at(0x330, 368) },
  };
}

function load(): { report: Uint8Array; leaf: Uint8Array; ask: Uint8Array; ark: Uint8Array; now: Date } {
  const folder = vectorsArea('snp');
  if (folder === undefined) throw new Error('the vectors are needed: set ASSAY_VECTORS');
  const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, sample, name)));
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  const entry = (manifest as readonly { id: string; verification_time: string }[]).find(({ id }) => id === sample);
  if (entry === undefined) throw new Error(`vector ${sample} is missing`);
  const now = new Date(entry.verification_time);
  return { report: read('report.bin'), leaf: read('vcek.der'), ask: read('ask.pem'), ark: read('ark.pem'), now };
}

function must(holds: boolean): void {
  if (!holds) throw new Error('a contender refused the sample');
}
