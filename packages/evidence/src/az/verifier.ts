/** The verifiers of TEEs `az-snp-vtpm` and `az-tdx-vtpm`. */
import { type FindingDraft, notChecked, refuses, reported } from '@assay/bytes/findings';
import { compareReportData, type ReportDataComparison } from '../binding/report-data.js';
import type { TdxQuote } from '../dcap/quote/model.js';
import { type DcapVerifierOptions, quoteExaminer } from '../dcap/verifier.js';
import { merge } from '../snp/endorsement/certificate-table.js';
import { readEndorsements, type SnpVerifierOptions, trustOf } from '../snp/verifier.js';
import { compareInitDataPcr, INIT_DATA_PCR } from '../tpm/init-data.js';
import { akRootsOf } from '../tpm/key/certificate.js';
import { verifyTpmLogs } from '../tpm/log/event-log.js';
import { pcrList } from '../tpm/quote/pcrs.js';
import type { PcrUse } from '../tpm/quote/verify.js';
import type { Verifier, VerifierResult, VerifyInput } from '../verifier.js';
import type { Certificate } from '../x509/index.js';
import { azClaims, azOrigins } from './claims.js';
import { type AzEvidence, readAzEvidence } from './evidence.js';
import type { HardwareExamination } from './hardware/hardware.js';
import { examineSnp } from './hardware/snp.js';
import { examineTdx } from './hardware/tdx.js';
import type { AzKind, HclReport } from './hcl/report.js';
import { compareUserData } from './user-data.js';
import { type AzVerification, verifyAz } from './verify.js';

/** What both verifiers take beside the rules for the hardware. */
export interface AzVerifierOptions {
  /** Certificates that may certify vTPM keys. Without any, a chain is not judged: the hardware binds the key. */
  readonly akRoots?: readonly Certificate[];
  /** Registers of the SHA-256 bank that every quote must cover. */
  readonly requiredPcrs?: readonly number[];
  /** Least version of the evidence; from 2 on the HCL report carries the nonce as well. Default 0. */
  readonly leastVersion?: 0 | 1 | 2;
}

/** Verifies the hardware that an HCL report stands on. */
type ExamineHardware = (
  evidence: AzEvidence,
  report: HclReport,
  input: VerifyInput,
) => HardwareExamination & { readonly before?: readonly FindingDraft[] };

/** Verifier of `az-snp-vtpm`; the report must be the paravisor's own (VMPL 0), whatever the rules say. */
export function createAzSnpVtpmVerifier(
  options: AzVerifierOptions & { readonly snp?: SnpVerifierOptions } = {},
): Verifier {
  const { snp = {} } = options;
  const trust = trustOf(snp);
  const rules = snp.rules ?? {};
  return azVerifier('snp', options, (evidence, report, { endorsements = {}, now }) => {
    const { certificates, findings } = readEndorsements(endorsements);
    const supplied = merge(
      { leaves: evidence.vcek === undefined ? [] : [evidence.vcek], authorities: [], crls: [] },
      certificates,
    );
    const examination = examineSnp({
      report: report.hardwareReport,
      certificates: supplied,
      trust,
      rules,
      now,
      clock: "this server's clock",
    });
    return { ...examination, before: findings };
  });
}

/** Verifier of `az-tdx-vtpm`. */
export function createAzTdxVtpmVerifier(
  options: AzVerifierOptions & { readonly tdx?: DcapVerifierOptions } = {},
): Verifier {
  const examine = quoteExaminer<TdxQuote>('tdx', options.tdx ?? {});
  return azVerifier('tdx', options, ({ tdQuote }, _report, { endorsements = {}, now }) =>
    examineTdx({ quote: tdQuote, endorsements, examine, now }),
  );
}

/** With the vendors' roots and every check on. */
export const azSnpVtpmVerifier: Verifier = createAzSnpVtpmVerifier();
export const azTdxVtpmVerifier: Verifier = createAzTdxVtpmVerifier();

function azVerifier(kind: AzKind, options: AzVerifierOptions, hardware: ExamineHardware): Verifier {
  const roots = akRootsOf(options.akRoots ?? []);
  const required = (options.requiredPcrs ?? []).map((index): PcrUse => ({ index, who: 'azure.required_pcrs' }));
  const tee = `az-${kind}-vtpm`;
  const verify = (input: VerifyInput): VerifierResult => {
    const { evidence, finding } = readAzEvidence(input.evidence, kind);
    if (evidence === undefined) return { accepted: false, findings: [finding, ...unread(tee)] };
    const pcrs = pcrList('sha256', evidence.pcrs);
    const before: FindingDraft[] = [finding, ...tooOld(evidence, options.leastVersion ?? 0, tee)];
    const result = verifyAz({
      kind,
      hclReport: evidence.hclReport,
      tpm: { message: evidence.message, signature: evidence.signature, pcrs },
      hardware: (report) => {
        const examination = hardware(evidence, report, input);
        before.push(...(examination.before ?? []));
        return examination;
      },
      akCertificate: evidence.akCertificate,
      akRoots: roots,
      version: evidence.version,
      uses: [...required, ...(input.initData === undefined ? [] : [{ index: INIT_DATA_PCR, who: 'init-data' }])],
      now: input.now,
    });
    return judge(tee, evidence, input, result, before);
  };
  return { tee, verify };
}

function judge(
  tee: string,
  evidence: AzEvidence,
  input: VerifyInput,
  result: AzVerification,
  before: readonly FindingDraft[],
): VerifierResult {
  const { authentic, collateral, hcl, quote } = result;
  const attest = quote?.quote;
  if (attest === undefined) {
    return { accepted: false, findings: [...before, ...result.findings, ...unread(tee)], collateral };
  }
  const reportData = compareNonce(tee, attest.extraData, input);
  const matched = reportData.matched === undefined ? undefined : input.reportData?.[reportData.matched];
  const userData = compareUserData(
    hcl.runtime,
    matched === undefined ? input.reportData : [matched],
    evidence.version === 2,
  );
  const covered = attest.pcrSelection.some(({ bank, indexes }) => bank === 'sha256' && indexes.includes(INIT_DATA_PCR));
  const initData = compareInitDataPcr(covered ? evidence.pcrs[INIT_DATA_PCR] : undefined, input.initData);
  const pcrs = pcrList('sha256', evidence.pcrs);
  const log = verifyTpmLogs({ firmware: undefined, agent: evidence.agentEventLog }, attest.pcrSelection, pcrs);
  const findings = [...before, ...result.findings, ...(log?.findings ?? []), reportData.finding, userData, initData];
  if (authentic === undefined || findings.some(refuses)) return { accepted: false, findings, collateral };
  return {
    accepted: true,
    findings,
    collateral,
    claimSets: [{ class: 'cpu', claims: azClaims(authentic, log?.authentic), origins: azOrigins(authentic) }],
    matched: reportData.matched,
  };
}

/** The nonce is compared as it is, and has to be: a vTPM quote that answers nobody proves no present. */
function compareNonce(tee: string, nonce: Uint8Array, { reportData }: VerifyInput): ReportDataComparison {
  if (reportData !== undefined) return compareReportData(nonce, reportData, 'exact', tee);
  const finding = reported(
    'binding.report-data.match',
    `${tee}: no report data was asked for, which this TEE demands`,
    {
      subject: tee,
      source: 'evidence of the Azure attesters',
      remedy: 'Ask with runtime data: the nonce that the guest had to quote.',
    },
  );
  return { finding, matched: undefined, holds: false };
}

function tooOld({ version }: AzEvidence, least: number, tee: string): FindingDraft[] {
  if (version >= least) return [];
  return [
    reported('evidence.json.form', `${tee}: evidence is of version ${version}; at least ${least} is accepted`, {
      subject: tee,
      expected: least,
      actual: version,
      compare: { relation: 'at-least', type: 'integer' },
      source: 'rule of the owner: azure.minimum_version',
      origin: { kind: 'setting', key: 'azure.minimum_version' },
      remedy: 'Use guest-components that send evidence of this version.',
    }),
  ];
}

function unread(tee: string): FindingDraft[] {
  const why = 'not compared: the quote was not read';
  return (['binding.report-data.match', 'az.hcl.user-data', 'binding.init-data.match'] as const).map((id) =>
    notChecked(id, why, { subject: tee }),
  );
}
