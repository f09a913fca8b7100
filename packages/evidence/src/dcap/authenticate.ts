/** The hot path: a parsed quote and verified collateral, at a time. Two signatures, everything else is looking things up. */
import { type ClockName, type FindingDraft, failed, passed, refuses, stageOf, unmet } from '@assay/bytes/findings';
import { KeyCache, verifyFixedWidth } from '../x509/index.js';
import { unchecked } from './collateral/findings.js';
import type { VerifiedCollateral } from './collateral/verify.js';
import { type Clock, checkCertificates, checkItems, type Grace } from './dates.js';
import { type PckChain, pckChain, withoutChain } from './pck/chain.js';
import type { PckPlatform } from './pck/extension.js';
import { endorsedPlatform, type Span, TCB_CAUSES } from './platform.js';
import { checkQe } from './qe.js';
import type { ParsedQuote, SgxQuote, TdxQuote } from './quote/model.js';
import { ownersRules } from './rules.js';
import { judgeTcb, type TcbResult } from './tcb/judge.js';
import type { TcbStatus } from './tcb/status.js';

declare const authentic: unique symbol;

/** What a verdict on a quote rests on in time. */
export interface CollateralDates extends Span {
  /** Something was past its next update, and used by the owner's setting. */
  readonly expired: boolean;
}

/** A quote that Intel's keys vouch for, with the TCB it came from. Only {@link authenticateQuote} makes one. */
export interface AuthenticQuote<Q extends ParsedQuote = ParsedQuote> {
  readonly [authentic]: true;
  readonly quote: Q;
  readonly platform: PckPlatform;
  readonly chain: PckChain;
  readonly collateral: VerifiedCollateral;
  readonly tcb: TcbResult;
  readonly dates: CollateralDates;
  /** Smaller one of TCB info and QE identity. */
  readonly evaluationNumber: number;
  /** The root is that of emulated hardware. */
  readonly emulated: boolean;
}

export interface DcapOptions {
  /** Whose time it is, for findings. */
  readonly clock?: ClockName;
  /** Use of collateral past its next update; absent: refused. */
  readonly grace?: Grace;
  /** TCB evaluation number that is asked for at least. */
  readonly minimumEvaluation?: number;
  /** Advisories that the owner accepts; absent: not asked. */
  readonly acceptedAdvisories?: readonly string[];
  /** Statuses of the TCB that the owner accepts; absent: each but Revoked, for policy to judge. */
  readonly acceptedStatuses?: readonly TcbStatus[];
  /** Milliseconds before the end of collateral at which a warning is due. Default one day. */
  readonly endingWithin?: number;
  /** PCK chain from a PCCS, for quotes that do not carry one (certification data types 1 to 4, and 7). */
  readonly pckChain?: Uint8Array | undefined;
  /** Where imported attestation keys are kept. */
  readonly keys?: KeyCache;
}

export interface Authentication<Q extends ParsedQuote = ParsedQuote> {
  /** In the order of the checks, without those of parsing. */
  readonly findings: readonly FindingDraft[];
  readonly quote: Q;
  readonly quoteSignature: boolean;
  readonly qeReportSignature: boolean;
  readonly qeReportDataBinding: boolean;
  readonly chain: PckChain;
  /** Undefined unless nothing refuses. */
  readonly authentic: AuthenticQuote<Q> | undefined;
}

/** Attestation keys change with the quoting enclave, not with the quote; about one per host. */
const attestationKeys = new KeyCache(1024);
const QUOTE = 'quote';
const PASSED = { key: passed('dcap.quote.key', QUOTE), signature: passed('dcap.quote.signature', QUOTE) };

/** Verifies a quote against collateral. Never throws; all checks run, and what parsing refused is refused here too. */
export function authenticateQuote<Q extends ParsedQuote>(
  quote: Q,
  collateral: VerifiedCollateral,
  now: Date,
  options: DcapOptions = {},
): Authentication<Q> {
  const clock: Clock = { now, name: options.clock ?? "this server's clock", grace: options.grace };
  const chain = chainOf(quote, collateral, options.pckChain);
  const endorsed = endorsedPlatform(quote.tee, chain, collateral);
  const findings: FindingDraft[] = [...endorsed.beforeDates];
  findings.push(...checkCertificates(endorsed, clock));
  const items = checkItems(collateral, clock);
  findings.push(...items.findings, ...endorsed.afterDates);

  const qe = checkQe(quote, chain, collateral.qeIdentity);
  findings.push(...qe.findings);
  const signed = checkSignature(quote, options.keys ?? attestationKeys, findings);
  const tcb = judgeTcb({
    quote,
    info: collateral.tcbInfo,
    platform: chain.platform,
    qe: qe.level,
    fits: endorsed.fits,
    why: TCB_CAUSES,
  });
  findings.push(...tcb.findings);
  const dates = endorsed.span;
  const evaluationNumber = evaluationOf(collateral);
  findings.push(...ownersRules(quote.tee, options, { tcb: tcb.result, evaluationNumber, dates }, clock));

  const base = { quote, quoteSignature: signed, qeReportSignature: qe.signed, qeReportDataBinding: qe.bound, chain };
  const refused = [...quote.findings, ...findings].some(
    (finding) => refuses(finding) && stageOf(finding) !== 'appraise',
  );
  const { platform, anchor } = chain;
  const complete = dates !== undefined && platform !== undefined && anchor !== undefined && tcb.result !== undefined;
  if (refused || !complete || evaluationNumber === undefined) return { ...base, findings, authentic: undefined };
  const emulated = anchor.emulated === true;
  const result = {
    quote,
    platform,
    chain,
    collateral,
    tcb: tcb.result,
    dates: { ...dates, expired: items.expired },
    evaluationNumber,
    emulated,
  };
  // The one place where an AuthenticQuote comes into being.
  return { ...base, findings, authentic: result as unknown as AuthenticQuote<Q> };
}

export function isSgx(quote: AuthenticQuote): quote is AuthenticQuote<SgxQuote> {
  return quote.quote.tee === 'sgx';
}

export function isTdx(quote: AuthenticQuote): quote is AuthenticQuote<TdxQuote> {
  return quote.quote.tee === 'tdx';
}

/** A manifest certifies nothing: its parts are encrypted for Intel, whose service makes PCK certificates of it once. */
const MANIFEST = {
  remedy:
    'The quote carries the manifest of a platform that is not registered. On the host let Intel’s agent register it (`mpa_registration`), or give the manifest to a PCCS (`PCKIDRetrievalTool`); then quotes carry the PCK chain (type 5).',
  causes: [{ text: 'platform not registered with Intel' }, { text: 'host without PCCS, quoting by its manifest' }],
};

/** The chain of the quote (type 5), or the one that came from elsewhere for the other types. */
function chainOf(quote: ParsedQuote, { trust }: VerifiedCollateral, given: Uint8Array | undefined): PckChain {
  const { type, data } = quote.certification;
  if (type === 5) return pckChain(data, trust, true);
  if (given !== undefined) return pckChain(given, trust, false);
  const finding = unmet('dcap.pck.source', {
    subject: 'PCK chain',
    params: { type },
    expected: 5,
    actual: type,
    compare: { relation: 'present', type: 'certificate' },
    source: 'certification data of the quote',
    ...(type === 7 ? MANIFEST : {}),
  });
  return withoutChain(finding);
}

function checkSignature(quote: ParsedQuote, keys: KeyCache, findings: FindingDraft[]): boolean {
  const { attestationKey, signature, signed } = quote;
  const key = keys.ec('P-256', attestationKey.subarray(0, 32), attestationKey.subarray(32));
  const source = 'Intel DCAP: ECDSA P-256 with SHA-256 over header and body';
  if (key === undefined) {
    const actual = Buffer.from(attestationKey).toString('hex');
    const compare = { relation: 'well-formed', type: 'key' } as const;
    findings.push(failed('dcap.quote.key', { subject: QUOTE, params: { actual }, actual, compare, source }));
    findings.push(...unchecked(['dcap.quote.signature'], QUOTE, 'its key is none', ['dcap.quote.key']));
    return false;
  }
  findings.push(PASSED.key);
  const holds = verifyFixedWidth('sha256', signed, signature, key);
  if (holds) findings.push(PASSED.signature);
  else {
    const compare = { relation: 'signed-by', type: 'key' } as const;
    findings.push(failed('dcap.quote.signature', { subject: QUOTE, params: { end: signed.length }, compare, source }));
  }
  return holds;
}

function evaluationOf({ tcbInfo, qeIdentity }: VerifiedCollateral): number | undefined {
  if (tcbInfo === undefined || qeIdentity === undefined) return undefined;
  return Math.min(tcbInfo.evaluationNumber, qeIdentity.evaluationNumber);
}
