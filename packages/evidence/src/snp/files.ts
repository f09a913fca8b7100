/** Verification of a report given as files, as `assay verify snp` does it. */
import { encodeHex, type JsonObject } from '@assay/bytes';
import { assembleVerdict, type FindingData, utc, type Verdict } from '@assay/bytes/findings';
import { compareInitData } from '../binding/init-data.js';
import { compareReportData } from '../binding/report-data.js';
import type { ExpectedInitData, ExpectedReportData } from '../verifier.js';
import { parseCertificates, type TrustAnchor } from '../x509/index.js';
import type { SnpRules } from './appraise/rules.js';
import { reportMembers, snpClaims } from './claims.js';
import { readPolicy } from './report/policy.js';
import { allZero } from './report/report.js';
import { readTcb } from './tcb.js';
import { readEndorsements, trustOf } from './verifier.js';
import { type SnpVerification, verifySnpReport } from './verify.js';

export interface SnpFileOptions {
  /** Time of verification. */
  readonly at: Date;
  /** The time was chosen by the caller; default true. */
  readonly asOf?: boolean;
  /** ARK certificates (DER or PEM) that are trusted instead of AMD's, for this call alone. */
  readonly roots?: readonly Uint8Array[];
  /** Roots of emulated hardware, by name. */
  readonly emulatedRoots?: readonly TrustAnchor[];
  readonly reportData?: Uint8Array;
  readonly initDataDigest?: Uint8Array;
  readonly rules?: SnpRules;
}

/**
 * A verdict with the members that describe the report beside it. `claims` are fields of an authentic report,
 * `policy_claims` the same as policies see them under `input.snp`.
 */
export type SnpFileResult = Verdict & { readonly [member: string]: FindingData | undefined };

/**
 * @param files `report`; `leaf` (VCEK or VLEK), `ask`, `ark`, `crl`, `auxblob` (certificate table), as far as they are there
 * @throws RangeError when `report` is missing, DecodeError when a trust anchor is no certificate
 */
export function verifySnpFiles(files: { readonly [role: string]: Uint8Array }, options: SnpFileOptions): SnpFileResult {
  const { report } = files;
  if (report === undefined) throw new RangeError('file report is missing');
  const asOf = options.asOf ?? true;
  const supplied = readEndorsements(files);
  const result = verifySnpReport({
    report,
    certificates: supplied.certificates,
    trust: trustOf({
      ...(options.emulatedRoots === undefined ? {} : { emulatedRoots: options.emulatedRoots }),
      ...(options.roots === undefined ? {} : { roots: anchorsOf(options.roots) }),
    }),
    rules: options.rules ?? {},
    now: options.at,
    clock: asOf ? `--at ${utc(options.at)}` : "this server's clock",
  });
  const findings = [...supplied.findings, ...result.findings];
  const { fields } = result;
  if (fields !== undefined) {
    const { reportData, initDataDigest } = options;
    const expected: ExpectedReportData[] | undefined =
      reportData === undefined ? undefined : [{ bytes: reportData, algorithm: 'as given', members: '--report-data' }];
    const initData: ExpectedInitData | undefined =
      initDataDigest === undefined ? undefined : { digest: initDataDigest };
    findings.push(compareReportData(fields.reportData, expected, 64, 'snp').finding);
    findings.push(compareInitData(fields.hostData, initData, fields.hostData.length, 'HOST_DATA').finding);
  }
  const verdict = assembleVerdict({
    kind: 'snp',
    at: options.at,
    asOf,
    asked: false,
    findings,
    collateral: result.collateral,
    ...(result.authentic === undefined ? {} : { claims: reportMembers(result.authentic.report) }),
  });
  const { authentic } = result;
  const policyClaims = authentic === undefined ? {} : { policy_claims: snpClaims(authentic) };
  return { ...verdict, ...snpMembers(result), ...policyClaims } as SnpFileResult;
}

function anchorsOf(roots: readonly Uint8Array[]): TrustAnchor[] {
  return roots.flatMap(parseCertificates).map(({ subject, publicKey }) => ({
    name: `given root ${subject.commonName ?? 'without a name'}`,
    publicKey: publicKey.der,
  }));
}

/** What describes a report and its certificates, for people. */
export function snpMembers({ fields, product, leaf, comparisons }: SnpVerification): JsonObject {
  if (fields === undefined || product === undefined) return {};
  const tcb = (raw: Uint8Array): JsonObject => ({ ...readTcb(raw, product) });
  return {
    product,
    chip_id_masked: allZero(fields.chipId),
    reported_tcb: tcb(fields.reportedTcb),
    committed_tcb: tcb(fields.committedTcb),
    current_tcb: tcb(fields.currentTcb),
    launch_tcb: tcb(fields.launchTcb),
    debug: readPolicy(fields.policy).flags.debug,
    ...(leaf === undefined ? {} : { signer: leaf.kind, cert_tcb: { ...leaf.tcb }, csp_id: leaf.cspId ?? null }),
    ...(leaf?.hardwareId === undefined ? {} : { hwid: encodeHex(leaf.hardwareId) }),
    ...(comparisons === undefined
      ? {}
      : {
          signature: comparisons.signature,
          reported_tcb_matches_cert: comparisons.tcbMatches,
          chip_id_matches_cert: comparisons.chipMatches,
        }),
  };
}
