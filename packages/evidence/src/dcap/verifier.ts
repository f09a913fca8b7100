/** Verifier of DCAP evidence: parse, authenticate, appraise, bind, claims. What SGX and TDX do alike. */
import { createHash } from 'node:crypto';
import { DecodeError, type JsonObject } from '@assay/bytes';
import { type FindingDraft, type FindingRef, notChecked, refuses, reported, warned } from '@assay/bytes/findings';
import { compareInitData } from '../binding/init-data.js';
import { compareReportData } from '../binding/report-data.js';
import type { EventRules } from '../eventlog/index.js';
import type { Endorsements, Verifier, VerifierResult, VerifyInput } from '../verifier.js';
import { LruMap, type TrustAnchor } from '../x509/index.js';
import { type Appraisal, appraise } from './appraisal.js';
import { type Authentication, type AuthenticQuote, authenticateQuote, type DcapOptions } from './authenticate.js';
import { dcapCollateral, dcapOrigins } from './claims.js';
import {
  COLLATERAL_NAMES,
  collateralFromEndorsements,
  parseCollateralBundle,
  type RawCollateral,
} from './collateral/raw.js';
import { type VerifiedCollateral, verifyCollateral } from './collateral/verify.js';
import { type QuoteEvidence, readQuoteEvidence } from './evidence.js';
import type { ParsedQuote, Tee } from './quote/model.js';
import { parseQuote } from './quote/parse.js';
import { type DcapTrust, dcapTrust, intelTrust } from './roots.js';

export interface DcapVerifierOptions extends Omit<DcapOptions, 'pckChain'> {
  /** Instead of Intel's root. */
  readonly roots?: readonly TrustAnchor[];
  /** Roots of emulated hardware that the owner added by name: evidence under them says `emulated`. */
  readonly emulatedRoots?: readonly TrustAnchor[];
  readonly appraisal?: Appraisal;
  /** What is asked of the events of a boot; TDX only. */
  readonly events?: EventRules;
}

/** What a TEE adds to the common part. */
export interface DcapTee<Q extends ParsedQuote> {
  readonly tee: Tee;
  /** Register of the init-data digest, its bytes and its size. */
  readonly initData: (quote: Q) => { readonly name: string; readonly value: Uint8Array };
  readonly claims: (quote: AuthenticQuote<Q>) => JsonObject;
  readonly origins: { readonly [path: string]: FindingRef };
  /** Event logs, where the evidence may carry some. */
  readonly eventLogs?: (
    logs: Pick<QuoteEvidence, 'eventLog' | 'agentLog'>,
    quote: Q,
    rules: EventRules,
  ) => { readonly findings: readonly FindingDraft[]; readonly claims: JsonObject };
}

const REPORT_DATA_SIZE = 64;
/** Issues of collateral that are kept verified: one per FMSPC and TEE that is in use. */
const KEPT_COLLATERAL = 64;
const BUNDLE = 'collateral';
/** What an issue is made of; the PCK chain is of one platform and comes by itself. */
const COLLATERAL_PIECES = [
  BUNDLE,
  ...Object.values(COLLATERAL_NAMES).filter((name) => name !== COLLATERAL_NAMES.pckChain),
];

export function createDcapVerifier<Q extends ParsedQuote>(tee: DcapTee<Q>, options: DcapVerifierOptions): Verifier {
  const examine = quoteExaminer<Q>(tee.tee, options);
  return { tee: tee.tee, verify: (input) => verify(input, tee, examine, options.events ?? {}) };
}

/** A quote judged by the vendor's word and the owner's rules; what it binds is another question. */
export interface QuoteExamination<Q extends ParsedQuote> {
  readonly findings: readonly FindingDraft[];
  /** Undefined when it was not read. */
  readonly quote: Q | undefined;
  readonly authentication: Authentication<Q> | undefined;
}

export type QuoteExaminer<Q extends ParsedQuote> = (
  quote: Uint8Array,
  endorsements: Endorsements,
  now: Date,
) => QuoteExamination<Q>;

/** Examines quotes of one TEE, with a memory of the collateral that was verified; make one and keep it. */
export function quoteExaminer<Q extends ParsedQuote>(tee: Tee, options: DcapVerifierOptions): QuoteExaminer<Q> {
  const trust = trustOf(options);
  const kept = new LruMap<Kept>(KEPT_COLLATERAL);
  return (bytes, endorsements, now) => {
    const { findings: parsing, quote } = parseQuote(bytes, tee);
    if (quote === undefined || quote.tee !== tee) {
      return { findings: parsing, quote: undefined, authentication: undefined };
    }
    const { collateral, pckChain, problem } = keptOf(endorsements, trust, kept);
    const authentication = authenticateQuote(quote as Q & ParsedQuote, collateral, now, {
      ...options,
      pckChain: endorsements[COLLATERAL_NAMES.pckChain] ?? pckChain,
    });
    const findings = [
      ...parsing,
      ...(problem === undefined ? [] : [problem]),
      ...authentication.findings,
      ...appraise(quote, options.appraisal ?? {}),
    ];
    return { findings, quote: quote as Q & ParsedQuote, authentication };
  };
}

/** Anchors of a verifier's options. */
function trustOf(options: Pick<DcapVerifierOptions, 'roots' | 'emulatedRoots'>): DcapTrust {
  const { emulatedRoots = [], roots } = options;
  if (roots === undefined) return intelTrust(emulatedRoots);
  return dcapTrust([...roots, ...emulatedRoots.map((anchor) => ({ ...anchor, emulated: true as const }))]);
}

function verify<Q extends ParsedQuote>(
  input: VerifyInput,
  tee: DcapTee<Q>,
  examine: QuoteExaminer<Q>,
  events: EventRules,
): VerifierResult {
  const { evidence, finding } = readQuoteEvidence(input.evidence, tee.tee);
  if (evidence === undefined) return refused([finding], tee.tee, 'the evidence was not read');
  const { authentication, findings: examined, quote } = examine(evidence.quote, input.endorsements ?? {}, input.now);
  const findings: FindingDraft[] = [finding, ...examined];
  if (quote === undefined || authentication === undefined) {
    return refused(findings, tee.tee, 'the quote was not read');
  }

  const reportData = compareReportData(quote.body.reportData, input.reportData, REPORT_DATA_SIZE, tee.tee);
  const register = tee.initData(quote);
  const initData = compareInitData(register.value, input.initData, register.value.length, register.name);
  findings.push(reportData.finding, initData.finding);
  const { agentLog, eventLog } = evidence;
  const log = tee.eventLogs?.({ agentLog, eventLog }, quote, events);
  findings.push(...(log?.findings ?? []));

  const { authentic } = authentication;
  if (authentic?.emulated === true) findings.push(emulatedHardware(tee.tee));
  if (authentic === undefined || findings.some(refuses)) return { accepted: false, findings };
  return {
    accepted: true,
    findings,
    claimSets: [
      {
        class: 'cpu',
        claims: { ...tee.claims(authentic), ...log?.claims },
        origins: { ...dcapOrigins(authentic), ...tee.origins },
      },
    ],
    collateral: dcapCollateral(authentic, input.now),
    matched: reportData.matched,
  };
}

/** Says in every verdict that nothing stands behind it. */
export function emulatedHardware(tee: Tee): FindingDraft {
  return warned('evidence.hardware.backed', {
    subject: tee,
    params: { tee: `emulated ${tee}` },
    source: 'root of emulated hardware, added by name',
    origin: { kind: 'setting', key: 'trust.emulated_roots' },
  });
}

/** Collateral of endorsements: single pieces by name, or one bundle under the name `collateral`. */
export function rawOf(endorsements: Endorsements): {
  readonly raw: RawCollateral;
  readonly problem: FindingDraft | undefined;
} {
  try {
    const { collateral: bundle } = endorsements;
    const pieces = collateralFromEndorsements(endorsements);
    return { raw: bundle === undefined ? pieces : { ...parseCollateralBundle(bundle), ...pieces }, problem: undefined };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const problem = reported('collateral.answer.form', `collateral: ${error.message}`, {
      subject: 'collateral',
      compare: { relation: 'well-formed', type: 'json' },
      source: 'Intel PCS answers, or a bundle of them',
    });
    return { raw: {}, problem };
  }
}

/** Collateral as it was handed in, verified. */
interface Kept {
  readonly collateral: VerifiedCollateral;
  readonly pckChain: Uint8Array | undefined;
  readonly problem: FindingDraft | undefined;
}

/** By the exact bytes: an issue is read and verified once, however often it is handed in. */
function keptOf(endorsements: Endorsements, trust: DcapTrust, kept: LruMap<Kept>): Kept {
  const hash = createHash('sha256');
  for (const name of COLLATERAL_PIECES) {
    const bytes = Object.hasOwn(endorsements, name) ? endorsements[name] : undefined;
    if (bytes !== undefined) hash.update(`${name} ${bytes.length} `).update(bytes);
  }
  const digest = hash.digest('base64');
  const known = kept.get(digest);
  if (known !== undefined) return known;
  const { problem, raw } = rawOf(endorsements);
  const made = { collateral: verifyCollateral(raw, trust), pckChain: raw.pckChain, problem };
  kept.set(digest, made);
  return made;
}

function refused(findings: readonly FindingDraft[], tee: Tee, why: string): VerifierResult {
  return { accepted: false, findings: [...findings, ...unread(findings, tee, why)] };
}

/** What is not asked of a quote that was not read. */
export function unread(findings: readonly FindingDraft[], tee: Tee, why: string): FindingDraft[] {
  const causedBy = findings.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
  const facts = { subject: tee, causedBy };
  return [
    notChecked('dcap.quote.signature', `not checked: ${why}`, facts),
    notChecked('dcap.tcb.level', `not checked: ${why}`, facts),
    notChecked('binding.report-data.match', `not compared: ${why}`, facts),
    notChecked('binding.init-data.match', `not compared: ${why}`, facts),
  ];
}
