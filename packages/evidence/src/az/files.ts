/** Verification of evidence given as files, as `assay verify az` does it. */
import { createHash } from 'node:crypto';
import { DecodeError, encodeHex, type JsonObject } from '@assay/bytes';
import {
  assembleVerdict,
  type FindingData,
  type FindingDraft,
  refuses,
  stageOf,
  utc,
  type Verdict,
} from '@assay/bytes/findings';
import { compareReportData } from '../binding/report-data.js';
import { membersOf, tcbMembers } from '../dcap/files.js';
import type { TdxQuote } from '../dcap/quote/model.js';
import { type QuoteExamination, quoteExaminer } from '../dcap/verifier.js';
import { reportMembers } from '../snp/claims.js';
import { snpMembers } from '../snp/files.js';
import { readEndorsements, trustOf } from '../snp/verifier.js';
import type { SnpVerification } from '../snp/verify.js';
import { tdxFields } from '../tdx/files.js';
import { attestMembers, readPcrFile } from '../tpm/files.js';
import { compareInitDataPcr, INIT_DATA_PCR } from '../tpm/init-data.js';
import { akRootsOf } from '../tpm/key/certificate.js';
import type { ExpectedReportData } from '../verifier.js';
import { type Name, nameInWords, parseCertificates, type TrustAnchor } from '../x509/index.js';
import type { AzAkCertificate } from './ak-certificate.js';
import { azClaims } from './claims.js';
import { examineSnp } from './hardware/snp.js';
import { examineTdx } from './hardware/tdx.js';
import { kindOf } from './hcl/examine.js';
import { type AzKind, parseHclReport } from './hcl/report.js';
import { type AzVerification, type TpmPart, verifyAz } from './verify.js';

export interface AzFileOptions {
  /** Time of verification. */
  readonly at: Date;
  /** The time was chosen by the caller; default true. */
  readonly asOf?: boolean;
  /** Vendors' certificates (DER or PEM) that are trusted instead of the built-in roots, for this call alone. */
  readonly roots?: readonly Uint8Array[];
  readonly reportData?: Uint8Array;
  readonly initDataDigest?: Uint8Array;
}

/** A verdict with the members that describe the evidence beside it. */
export type AzFileResult = Verdict & { readonly [member: string]: FindingData | undefined };

type Files = { readonly [role: string]: Uint8Array };

/**
 * @param files `hcl_report`; `tpm_quote_msg`, `tpm_quote_sig`, `pcrs`; SNP: `vcek`, `ask`, `ark`, `crl`; TDX: `td_quote`, `collateral`;
 *   `ak_cert`, `ak_intermediates`, as far as they are there
 * @throws RangeError when `hcl_report` is missing or the quote has no signature or values, DecodeError when `pcrs` is not what it has to be
 */
export function verifyAzFiles(files: Files, options: AzFileOptions): AzFileResult {
  const { hcl_report: hclReport } = files;
  if (hclReport === undefined) throw new RangeError('file hcl_report is missing');
  const kind = kindOfFiles(files, hclReport);
  const tpm = tpmPart(files);
  const asOf = options.asOf ?? true;
  const wantsInitData = options.initDataDigest !== undefined;
  const examined: { snp?: SnpVerification; tdx?: QuoteExamination<TdxQuote> } = {};
  const anchors = options.roots === undefined ? {} : { roots: anchorsOf(options.roots) };
  const result = verifyAz({
    kind,
    hclReport,
    tpm,
    hardware: ({ hardwareReport }) => {
      if (kind === 'snp') {
        const { certificates, findings } = readEndorsements(files);
        const snp = examineSnp({
          report: hardwareReport,
          certificates,
          trust: trustOf(anchors),
          rules: {},
          now: options.at,
          clock: asOf ? `--at ${utc(options.at)}` : "this server's clock",
        });
        examined.snp = snp.verification;
        return { ...snp, findings: [...findings, ...snp.findings] };
      }
      const { collateral, td_quote: quote } = files;
      if (quote === undefined) return undefined;
      const examine = quoteExaminer<TdxQuote>('tdx', {
        ...anchors,
        ...(asOf ? { clock: `--at ${utc(options.at)}` as const } : {}),
      });
      const endorsements = collateral === undefined ? {} : { collateral };
      const tdx = examineTdx({ quote, endorsements, examine, now: options.at });
      examined.tdx = tdx.examination;
      return tdx;
    },
    akCertificate: joined(files['ak_cert'], files['ak_intermediates']),
    akRoots: akRootsOf([]),
    version: 0,
    uses: wantsInitData ? [{ index: INIT_DATA_PCR, who: '--init-data-digest' }] : [],
    now: options.at,
  });
  const findings = [...result.findings, ...bindings(result, tpm, options)];
  const refused = findings.some((finding) => refuses(finding) && stageOf(finding) !== 'appraise');
  const claims = result.authentic === undefined || refused ? undefined : azClaims(result.authentic);
  const verdict = assembleVerdict({
    kind: `az-${kind}-vtpm`,
    at: options.at,
    asOf,
    asked: false,
    findings,
    collateral: result.collateral,
    ...(claims === undefined ? {} : { claims: claims as FindingData }),
  });
  return {
    ...verdict,
    ...hclMembers(result),
    ...tpmMembers(result),
    ...hardwareMembers(examined),
    ...certificateMembers(result.akCertificate, 'ak_intermediates' in files),
    ...(claims === undefined ? {} : { policy_claims: claims }),
  } as AzFileResult;
}

/** What came along decides; a header alone is all there is for a report by itself. */
function kindOfFiles(files: Files, hclReport: Uint8Array): AzKind {
  if (files['td_quote'] !== undefined) return 'tdx';
  if (files['vcek'] !== undefined) return 'snp';
  try {
    return kindOf(parseHclReport(hclReport)) ?? 'snp';
  } catch (error) {
    if (error instanceof DecodeError) return 'snp';
    throw error;
  }
}

function tpmPart(files: Files): TpmPart | undefined {
  const { pcrs, tpm_quote_msg: message, tpm_quote_sig: signature } = files;
  if (message === undefined) return undefined;
  if (signature === undefined || pcrs === undefined)
    throw new RangeError('files tpm_quote_sig and pcrs are due with tpm_quote_msg');
  return { message, signature, pcrs: readPcrFile(pcrs).values };
}

function bindings({ quote }: AzVerification, tpm: TpmPart | undefined, options: AzFileOptions): FindingDraft[] {
  const attest = quote?.quote;
  if (attest === undefined || tpm === undefined) return [];
  const { initDataDigest, reportData } = options;
  const wanted: ExpectedReportData[] | undefined =
    reportData === undefined ? undefined : [{ bytes: reportData, algorithm: 'as given', members: '--report-data' }];
  const digest = initDataDigest === undefined ? undefined : { digest: initDataDigest };
  return [
    compareReportData(attest.extraData, wanted, 'exact', 'TPM quote').finding,
    compareInitDataPcr(tpm.pcrs.get('sha256')?.get(INIT_DATA_PCR), digest),
  ];
}

function anchorsOf(roots: readonly Uint8Array[]): TrustAnchor[] {
  return roots.flatMap(parseCertificates).map(({ publicKey, subject }) => ({
    name: `given root ${nameInWords(subject)}`,
    publicKey: publicKey.der,
  }));
}

/** PEM after PEM, without the zeros that NV indexes leave between them. */
function joined(leaf: Uint8Array | undefined, others: Uint8Array | undefined): Uint8Array | undefined {
  if (leaf === undefined || others === undefined) return leaf;
  let end = leaf.length;
  while (end > 0 && leaf[end - 1] === 0) end -= 1;
  return Uint8Array.from([...leaf.subarray(0, end), 0x0a, ...others]);
}

function hclMembers({ bindingHolds, hcl }: AzVerification): JsonObject {
  const { report, runtime } = hcl;
  if (report === undefined) return {};
  return {
    hcl_version: report.version,
    report_type: report.reportType,
    runtime_hash_type: report.hashType,
    variable_data_size: report.runtimeData.length,
    runtime_data_sha256: createHash('sha256').update(report.runtimeData).digest('hex'),
    ...(bindingHolds === undefined ? {} : { binding: bindingHolds }),
    ...(runtime === undefined
      ? {}
      : {
          user_data: runtime.userData === undefined ? null : encodeHex(runtime.userData),
          vm_configuration: runtime.vmConfiguration ?? null,
        }),
  };
}

function tpmMembers({ quote: verification }: AzVerification): JsonObject {
  const quote = verification?.quote;
  if (verification === undefined || quote === undefined) return {};
  const { clock, firmware_version: firmware, pcr_selection: selection } = attestMembers(quote);
  return {
    ak_signature: verification.signatureHolds ?? null,
    pcr_digest_matches: verification.digestHolds ?? null,
    pcr_digest: encodeHex(quote.pcrDigest),
    tpm_nonce: encodeHex(quote.extraData),
    pcr_selection: selection ?? null,
    tpm_firmware: firmware ?? null,
    tpm_clock: clock ?? null,
  };
}

function hardwareMembers({ snp, tdx }: { snp?: SnpVerification; tdx?: QuoteExamination<TdxQuote> }): JsonObject {
  if (snp !== undefined) {
    const { authentic } = snp;
    return {
      snp: { ...snpMembers(snp), ...(authentic === undefined ? {} : { claims: reportMembers(authentic.report) }) },
    };
  }
  const authentication = tdx?.authentication;
  if (tdx?.quote === undefined || authentication === undefined) return {};
  return { tdx: { ...membersOf(authentication), ...tcbMembers(authentication), claims: tdxFields(tdx.quote) } };
}

function certificateMembers({ examination, leaf }: AzAkCertificate, withIntermediates: boolean): JsonObject {
  if (leaf === undefined || examination === undefined) return {};
  const last = examination.path.at(-1);
  return {
    ak_cert: {
      subject: rfc4514(leaf.subject),
      issuer: rfc4514(leaf.issuer),
      not_before: utc(leaf.notBefore),
      not_after: utc(leaf.notAfter),
      key_matches_hcl_ak: examination.keyMatches,
      ...(withIntermediates && last !== undefined
        ? {
            chain: examination.path.map(({ subject }) => rfc4514(subject)),
            chain_links_ok: examination.linksHold,
            root_included: Buffer.compare(last.issuer.der, last.subject.der) === 0,
          }
        : {}),
    },
  };
}

const SHORT_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
};

/** String of a distinguished name (RFC 4514): most specific attribute first. */
function rfc4514({ attributes }: Name): string {
  const escaped = (text: string): string =>
    text.replace(/[\\,+"<>;]/g, (character) => `\\${character}`).replace(/^[ #]| $/g, (character) => `\\${character}`);
  return [...attributes]
    .reverse()
    .map(({ text, type }) => `${SHORT_NAMES[type] ?? type}=${escaped(text)}`)
    .join(',');
}
