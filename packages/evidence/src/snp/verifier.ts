/** The verifier of TEE `snp`: evidence of the SNP attester, endorsements from the host, a cache or AMD's key distribution service. */
import { type FindingDraft, notChecked, refuses } from '@assay/bytes/findings';
import { compareInitData } from '../binding/init-data.js';
import { compareReportData } from '../binding/report-data.js';
import type { Endorsements, Verifier, VerifierResult, VerifyInput } from '../verifier.js';
import type { TrustAnchor } from '../x509/index.js';
import type { SnpRules } from './appraise/rules.js';
import { SNP_CLAIM_ORIGINS, snpClaims } from './claims.js';
import { merge, readCertificateTable, type SuppliedCertificates } from './endorsement/certificate-table.js';
import { type AmdTrust, amdTrust, amdTrustIn } from './endorsement/roots.js';
import { readSnpEvidence } from './evidence.js';
import { verifySnpReport } from './verify.js';

/** Size of REPORT_DATA in bytes. */
const REPORT_DATA_SIZE = 64;

export interface SnpVerifierOptions {
  /** Roots of emulated hardware, added by the owner by name: claims then say `emulated: true`. */
  readonly emulatedRoots?: readonly TrustAnchor[];
  /** Instead of AMD's pins. */
  readonly roots?: readonly TrustAnchor[];
  readonly rules?: SnpRules;
}

/** A verifier with its own cache of verified chains; make one and keep it. */
export function createSnpVerifier(options: SnpVerifierOptions = {}): Verifier {
  const trust = trustOf(options);
  const rules = options.rules ?? {};
  return { tee: 'snp', verify: (input) => verify(input, trust, rules) };
}

/** Anchors of a verifier's options. */
export function trustOf({ emulatedRoots = [], roots }: Pick<SnpVerifierOptions, 'roots' | 'emulatedRoots'>): AmdTrust {
  if (roots === undefined) return amdTrust(emulatedRoots);
  return amdTrustIn([...roots, ...emulatedRoots.map((anchor) => ({ ...anchor, emulated: true as const }))]);
}

/** Trusts AMD's roots alone. */
export const snpVerifier: Verifier = createSnpVerifier();

function verify(input: VerifyInput, trust: AmdTrust, rules: SnpRules): VerifierResult {
  const evidence = readSnpEvidence(input.evidence);
  if (evidence.report === undefined) return { accepted: false, findings: [...evidence.findings, ...unbound()] };
  const endorsements = readEndorsements(input.endorsements ?? {});
  const result = verifySnpReport({
    report: evidence.report,
    // A CRL that the service fetched is newer than one that a host chose to send.
    certificates: {
      ...merge(evidence.certificates, endorsements.certificates),
      crls: firstOf(endorsements.certificates.crls, evidence.certificates.crls),
    },
    trust,
    rules,
    now: input.now,
    clock: "this server's clock",
  });
  const { fields, collateral } = result;
  const before = [...evidence.findings, ...endorsements.findings, ...result.findings];
  if (fields === undefined) return { accepted: false, findings: [...before, ...unbound()], collateral };
  const reportData = compareReportData(fields.reportData, input.reportData, REPORT_DATA_SIZE, 'snp');
  const initData = compareInitData(fields.hostData, input.initData, fields.hostData.length, 'HOST_DATA');
  const findings = [...before, reportData.finding, initData.finding];
  if (result.authentic === undefined || findings.some(refuses)) return { accepted: false, findings, collateral };
  const claims = snpClaims(result.authentic);
  return {
    accepted: true,
    findings,
    collateral,
    claimSets: [{ class: 'cpu', claims, origins: SNP_CLAIM_ORIGINS }],
    matched: reportData.matched,
  };
}

function firstOf(preferred: readonly Uint8Array[], other: readonly Uint8Array[]): readonly Uint8Array[] {
  return preferred.length > 0 ? preferred : other;
}

function unbound(): FindingDraft[] {
  const why = 'not compared: the report was not read';
  return (['binding.report-data.match', 'binding.init-data.match'] as const).map((id) =>
    notChecked(id, why, { subject: 'snp' }),
  );
}

/** Names of endorsements; `leaf`, `ca` and `cert_chain` are what the key distribution service answers, `auxblob` is a table. */
const LEAVES = ['leaf', 'vcek', 'vlek'];
const AUTHORITIES = ['ask', 'asvk', 'ark', 'ca', 'cert_chain'];

/** Reads endorsements by name; names of other kinds are passed over. */
export function readEndorsements(endorsements: Endorsements): {
  readonly certificates: SuppliedCertificates;
  readonly findings: readonly FindingDraft[];
} {
  const named = (names: readonly string[]): Uint8Array[] =>
    names.flatMap((name) => {
      const bytes = Object.hasOwn(endorsements, name) ? endorsements[name] : undefined;
      return bytes === undefined || bytes.length === 0 ? [] : [bytes];
    });
  const own = { leaves: named(LEAVES), authorities: named(AUTHORITIES), crls: named(['crl']) };
  const [table] = named(['auxblob']);
  if (table === undefined) return { certificates: own, findings: [] };
  const { certificates, finding } = readCertificateTable(table);
  return { certificates: merge(own, certificates), findings: [finding] };
}
