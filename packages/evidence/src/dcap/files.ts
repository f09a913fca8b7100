/** Verification of a quote given as files, as `assay verify sgx|tdx` does it. */
import { encodeHex, type JsonObject, type JsonValue } from '@assay/bytes';
import { assembleVerdict, type FindingData, type FindingDraft, utc, type Verdict } from '@assay/bytes/findings';
import { compareInitData } from '../binding/init-data.js';
import { compareReportData } from '../binding/report-data.js';
import { parseCertificates, type TrustAnchor } from '../x509/index.js';
import { type Appraisal, appraise, isDebug } from './appraisal.js';
import { type Authentication, authenticateQuote, type DcapOptions } from './authenticate.js';
import { dcapCollateral } from './claims.js';
import { verifyCollateral } from './collateral/verify.js';
import type { ParsedQuote } from './quote/model.js';
import { parseQuote } from './quote/parse.js';
import { dcapTrust, intelTrust } from './roots.js';
import { type DcapTee, emulatedHardware, rawOf, unread } from './verifier.js';

export interface QuoteFileOptions extends Omit<DcapOptions, 'pckChain' | 'clock'> {
  /** Time of verification. */
  readonly at: Date;
  /** The time was chosen by the caller; default true. */
  readonly asOf?: boolean;
  /** Certificates (PEM or DER) that are trusted instead of Intel's root, for this call alone. */
  readonly roots?: readonly Uint8Array[];
  /** Roots of emulated hardware, by name. */
  readonly emulatedRoots?: readonly TrustAnchor[];
  readonly reportData?: Uint8Array;
  readonly initDataDigest?: Uint8Array;
  readonly appraisal?: Appraisal;
}

/**
 * A verdict with the members that describe a quote beside it. `claims` are fields of the report, `policy_claims` the same
 * as policies see them under `input.<tee>` (only of what is authentic).
 */
export type QuoteFileResult = Verdict & { readonly [member: string]: FindingData | undefined };

const REPORT_DATA_SIZE = 64;

/**
 * @param files `quote`; `collateral`: JSON bundle; `pck_chain`: chain for quotes that do not carry one
 * @param fields claims of the report, for people
 * @throws RangeError when `quote` is missing; DecodeError for a root that is no certificate
 */
export function verifyQuoteFiles<Q extends ParsedQuote>(
  files: { readonly [role: string]: Uint8Array },
  options: QuoteFileOptions,
  tee: DcapTee<Q>,
  fields: (quote: Q) => JsonObject,
): QuoteFileResult {
  const { collateral: bundle, pck_chain: pckChain, quote: bytes } = files;
  if (bytes === undefined) throw new RangeError('file quote is missing');
  const trust = options.roots === undefined ? intelTrust(options.emulatedRoots) : dcapTrust(anchorsOf(options));
  const { quote, findings: parsing } = parseQuote(bytes, tee.tee);
  const findings: FindingDraft[] = [...parsing];
  if (quote === undefined || quote.tee !== tee.tee) {
    findings.push(...unread(findings, tee.tee, 'the quote was not read'));
    return verdictOf(tee, options, findings, undefined, {});
  }
  const read = quote as Q & ParsedQuote;
  const { problem, raw } = rawOf(bundle === undefined ? {} : { collateral: bundle });
  if (problem !== undefined) findings.push(problem);
  const asOf = options.asOf ?? true;
  const authentication = authenticateQuote(read, verifyCollateral(raw, trust), options.at, {
    ...options,
    pckChain: pckChain ?? raw.pckChain,
    ...(asOf ? { clock: `--at ${utc(options.at)}` as const } : {}),
  });
  findings.push(...authentication.findings, ...appraise(quote, options.appraisal ?? {}));
  if (authentication.authentic?.emulated === true) findings.push(emulatedHardware(tee.tee));
  const { initDataDigest, reportData } = options;
  const wanted =
    reportData === undefined ? undefined : [{ bytes: reportData, algorithm: 'as given', members: '--report-data' }];
  const register = tee.initData(read);
  const digest = initDataDigest === undefined ? undefined : { digest: initDataDigest };
  findings.push(
    compareReportData(quote.body.reportData, wanted, REPORT_DATA_SIZE, 'quote').finding,
    compareInitData(register.value, digest, register.value.length, register.name).finding,
  );
  return verdictOf(tee, options, findings, authentication, fields(read));
}

function verdictOf<Q extends ParsedQuote>(
  tee: DcapTee<Q>,
  options: QuoteFileOptions,
  findings: readonly FindingDraft[],
  authentication: Authentication<Q & ParsedQuote> | undefined,
  claims: JsonObject,
): QuoteFileResult {
  const authentic = authentication?.authentic;
  const verdict = assembleVerdict({
    kind: tee.tee,
    at: options.at,
    asOf: options.asOf ?? true,
    asked: false,
    findings,
    ...(authentication === undefined ? {} : { claims: claims as FindingData }),
    ...(authentic === undefined ? {} : { collateral: dcapCollateral(authentic, options.at) }),
  });
  if (authentication === undefined) return verdict as QuoteFileResult;
  const members = {
    ...membersOf(authentication),
    ...tcbMembers(authentication),
    ...(authentic === undefined ? {} : { policy_claims: tee.claims(authentic) as JsonValue }),
  };
  return { ...verdict, ...members } as QuoteFileResult;
}

/** What signatures say, and the platform. */
export function membersOf({ chain, quote, ...checks }: Authentication): JsonObject {
  const { ca, platform } = chain;
  return {
    quote_signature: checks.quoteSignature,
    qe_report_signature: checks.qeReportSignature,
    qe_report_data_binding: checks.qeReportDataBinding,
    ...(platform === undefined
      ? {}
      : { fmspc: encodeHex(platform.fmspc), pck_components: platform.components, pce_svn: platform.pceSvn }),
    ...(ca === undefined ? {} : { pck_ca: ca }),
    certification_data_type: quote.certification.type,
    trailing_bytes: quote.bytes.length - quote.end,
    debug: isDebug(quote),
  };
}

/** A status only of what is authentic; `null` says that there is none. */
export function tcbMembers({ authentic }: Authentication): JsonObject {
  if (authentic === undefined) return { tcb_status: null };
  const { dates, evaluationNumber, tcb } = authentic;
  return {
    tcb_status: tcb.status,
    platform_tcb_status: tcb.level.status,
    qe_tcb_status: tcb.qe.status,
    tdx_module_tcb_status: tcb.module?.status ?? null,
    advisory_ids: tcb.advisoryIds,
    tcb_date: utc(tcb.level.date),
    tcb_evaluation_data_number: evaluationNumber,
    earliest_expiration: utc(new Date(dates.earliestExpiration)),
  };
}

function anchorsOf({ emulatedRoots = [], roots = [] }: QuoteFileOptions): TrustAnchor[] {
  const given = roots.flatMap(parseCertificates).map((certificate, index) => ({
    name: `root ${index + 1} given for this call`,
    publicKey: certificate.publicKey.der,
  }));
  return [...given, ...emulatedRoots.map((anchor) => ({ ...anchor, emulated: true as const }))];
}
