import { assembleVerdict, type FindingDraft, type FindingId, type VerdictWord } from '@assay/bytes/findings';
import { type Appraisal, appraise } from '../appraisal.js';
import { type Authentication, authenticateQuote, type DcapOptions } from '../authenticate.js';
import { verifyCollateral } from '../collateral/verify.js';
import { parseQuote } from '../quote/parse.js';
import { NOW, type Spoil, world } from './world.js';

export interface Outcome {
  readonly word: VerdictWord | undefined;
  /** Ids that fail, each once, in order. */
  readonly failed: readonly FindingId[];
  readonly warned: readonly FindingId[];
  readonly findings: readonly FindingDraft[];
  readonly authentication: Authentication | undefined;
}

/** Makes a world, verifies its quote, and says what came of it. */
export function judge(spoil: Spoil = {}, options: DcapOptions & Appraisal & { readonly now?: Date } = {}): Outcome {
  const { pckChain, quote: bytes, raw, trust } = world(spoil);
  const now = options.now ?? NOW;
  const { findings: parsing, quote } = parseQuote(bytes, spoil.tee ?? 'tdx');
  const chain = spoil.certification === undefined ? {} : { pckChain };
  const authentication =
    quote === undefined
      ? undefined
      : authenticateQuote(quote, verifyCollateral(raw, trust), now, { ...chain, ...options });
  const findings = [
    ...parsing,
    ...(authentication?.findings ?? []),
    ...(quote === undefined ? [] : appraise(quote, options)),
  ];
  return {
    word: assembleVerdict({ kind: 'test', at: now, asked: false, findings }).verdict,
    failed: ids(findings, 'fail'),
    warned: ids(findings, 'warn'),
    findings,
    authentication,
  };
}

function ids(findings: readonly FindingDraft[], outcome: 'fail' | 'warn'): FindingId[] {
  return [...new Set(findings.filter((finding) => finding.outcome === outcome).map(({ id }) => id))];
}
