/** The verifier of TEE `nvidiadpu`: a BlueField DPU, by its DICE certificates and a signature over the report data. */
import { constantTimeEqual, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed, refuses, reported, warned } from '@assay/bytes/findings';
import { fit } from '../binding/report-data.js';
import type { ExpectedReportData, Verifier, VerifierResult, VerifyInput } from '../verifier.js';
import { type Certificate, KeyCache, verifyFixedWidth, verifySignature } from '../x509/index.js';
import { authenticateDpu, type DpuRules, dpuClaims } from './chain.js';
import { readDpuEvidence } from './evidence.js';
import type { DpuRoot } from './roots.js';

export interface DpuVerifierOptions {
  /** Root certificates of DPUs, named by the owner. Without one, nothing is accepted. */
  readonly roots?: readonly Certificate[];
  /** Roots of emulated hardware, added by the owner by name: claims then say `emulated: true`. */
  readonly emulatedRoots?: readonly Certificate[];
  readonly rules?: DpuRules;
}

const CLOCK = "this server's clock";
/** Guests cut or pad what they sign to this size. */
const REPORT_DATA_SIZE = 64;
const FIXED_WIDTH = 96;

export function createDpuVerifier(options: DpuVerifierOptions = {}): Verifier {
  const roots: readonly DpuRoot[] = [
    ...(options.roots ?? []).map((certificate) => ({ certificate, emulated: false })),
    ...(options.emulatedRoots ?? []).map((certificate) => ({ certificate, emulated: true })),
  ];
  return { tee: 'nvidiadpu', verify: (input) => verify(input, roots, options.rules ?? {}) };
}

function verify(input: VerifyInput, roots: readonly DpuRoot[], rules: DpuRules): VerifierResult {
  const { device, finding } = readDpuEvidence(input.evidence);
  const initData = notChecked('binding.init-data.match', 'not compared: a DPU binds no init-data', {
    subject: 'nvidiadpu',
  });
  if (device === undefined) return { accepted: false, findings: [finding, initData] };
  if (roots.length === 0) return { accepted: false, findings: [finding, noRoot(), initData] };
  const { alias, authentic, findings: certified } = authenticateDpu(device, roots, rules, input.now, CLOCK);
  const binding = compareSignature(alias, device.signature, input.reportData);
  const findings = [finding, ...certified, binding.finding, initData];
  const bound = binding.matched === undefined ? undefined : input.reportData?.[binding.matched];
  if (authentic === undefined || bound === undefined || findings.some(refuses)) return { accepted: false, findings };
  return {
    accepted: true,
    findings: authentic.root.emulated ? [...findings, emulatedHardware()] : findings,
    claimSets: [
      {
        class: 'nvidia-dpu',
        claims: { ...dpuClaims(authentic), session_nonce: encodeHex(bound.bytes) },
        origins: { '': 'nvidia.dpu.chain', session_nonce: 'nvidia.dpu.signature' },
      },
    ],
    matched: binding.matched,
  };
}

/** The signature is over the report data as it is, or as guests pad it: both commit to the same. */
function compareSignature(
  alias: Certificate | undefined,
  signature: Uint8Array,
  expected: readonly ExpectedReportData[] | undefined,
): { readonly finding: FindingDraft; readonly matched: number | undefined } {
  const subject = 'nvidiadpu';
  if (expected === undefined) return { finding: unasked(), matched: undefined };
  if (alias === undefined) {
    const why = 'not compared: the alias certificate was not read';
    return { finding: notChecked('nvidia.dpu.signature', why, { subject }), matched: undefined };
  }
  const forms = expected.map(({ bytes }) => {
    const padded = fit(bytes, REPORT_DATA_SIZE);
    return constantTimeEqual(padded, bytes) ? [bytes] : [bytes, padded];
  });
  const matched = forms.findIndex((texts) => texts.some((text) => signedBy(alias, text, signature)));
  if (matched >= 0) return { finding: passed('nvidia.dpu.signature', subject), matched };
  const finding = failed('nvidia.dpu.signature', {
    subject,
    expected: expected.map(({ bytes }) => encodeHex(bytes)),
    actual: null,
    compare: { relation: 'signed-by', type: 'key' },
    source: 'runtime data of this handshake: nonce and tee-pubkey',
    origin: { kind: 'request', what: 'runtime-data' },
  });
  return { finding, matched: undefined };
}

/** Certificates may be shown by anybody who saw them: that the DPU is here, its signature over report data alone says. */
function unasked(): FindingDraft {
  return reported('nvidia.dpu.signature', 'nvidiadpu: no report data was asked for, which this TEE demands', {
    subject: 'nvidiadpu',
    expected: 'report data',
    actual: null,
    compare: { relation: 'present', type: 'bytes' },
    source: 'request: runtime data',
    origin: { kind: 'request', what: 'runtime-data' },
    remedy: 'Ask with runtime data: without a signature over them the evidence is a copy of public certificates.',
  });
}

function signedBy({ publicKey }: Certificate, data: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.type !== 'ec-p384') return false;
  const keys = new KeyCache(0);
  if (signature.length !== FIXED_WIDTH) return verifySignature('ecdsa-sha384', data, signature, publicKey, keys);
  const key = keys.key(publicKey);
  return key !== undefined && verifyFixedWidth('sha384', data, signature, key);
}

function noRoot(): FindingDraft {
  return failed('nvidia.dpu.root', {
    subject: 'nvidiadpu',
    expected: 'a root certificate',
    actual: null,
    compare: { relation: 'present', type: 'certificate' },
    source: 'setting: nvidiadpu.root_ca',
    origin: { kind: 'setting', key: 'nvidiadpu.root_ca', value: null },
  });
}

/** Says in every verdict that nothing stands behind it. */
function emulatedHardware(): FindingDraft {
  return warned('evidence.hardware.backed', {
    subject: 'nvidiadpu',
    params: { tee: 'emulated nvidiadpu' },
    source: 'root of emulated hardware, added by name',
    origin: { kind: 'setting', key: 'trust.emulated_roots' },
  });
}
