/** What the owner asks of a platform beyond authenticity: each rule is a setting, and a rule that is not met refuses. */
import { ends, type FindingDraft, failed, passed, unmet, utc } from '@assay/bytes/findings';
import type { DcapOptions } from './authenticate.js';
import type { Clock } from './dates.js';
import type { Span } from './platform.js';
import type { Tee } from './quote/model.js';
import type { TcbResult } from './tcb/judge.js';

/** What the rules are asked of; undefined parts were not established, and are refused elsewhere. */
export interface Ruled {
  readonly tcb: TcbResult | undefined;
  readonly evaluationNumber: number | undefined;
  readonly dates: Span | undefined;
}

const DAY = 86_400_000;

export function ownersRules(tee: Tee, options: DcapOptions, ruled: Ruled, clock: Clock): FindingDraft[] {
  const rule = (key: string) =>
    ({ source: `rule of the owner: ${tee}.${key}`, origin: { kind: 'setting', key: `${tee}.${key}` } }) as const;
  return [
    ...evaluation(options.minimumEvaluation, ruled.evaluationNumber, rule('minimum_evaluation')),
    ...status(options.acceptedStatuses, ruled.tcb, rule('accepted_tcb_statuses')),
    ...advisories(options.acceptedAdvisories, ruled.tcb, rule('accepted_advisories')),
    ...ending(options.endingWithin ?? DAY, ruled.dates, clock),
  ];
}

type Rule = { readonly source: string; readonly origin: { readonly kind: 'setting'; readonly key: string } };

function evaluation(least: number | undefined, actual: number | undefined, rule: Rule): FindingDraft[] {
  if (least === undefined || actual === undefined) return [];
  if (actual >= least) return [passed('dcap.tcbinfo.evaluation', 'TCB info', actual)];
  return [
    failed('dcap.tcbinfo.evaluation', {
      subject: 'TCB info',
      params: { actual, expected: least },
      expected: least,
      actual,
      compare: { relation: 'at-least', type: 'integer' },
      ...rule,
    }),
  ];
}

function status(accepted: DcapOptions['acceptedStatuses'], tcb: TcbResult | undefined, rule: Rule): FindingDraft[] {
  if (accepted === undefined || tcb === undefined) return [];
  const { status: actual } = tcb;
  if (accepted.includes(actual)) return [passed('dcap.tcb.status', 'platform', actual)];
  return [
    failed('dcap.tcb.status', {
      subject: 'platform',
      params: { actual, list: accepted.join(', ') || 'none' },
      expected: accepted,
      actual,
      compare: { relation: 'one-of', type: 'text' },
      causedBy: [tcb.cause],
      ...rule,
    }),
  ];
}

function advisories(accepted: readonly string[] | undefined, tcb: TcbResult | undefined, rule: Rule): FindingDraft[] {
  if (accepted === undefined || tcb === undefined) return [];
  const open = tcb.advisoryIds.filter((id) => !accepted.includes(id));
  if (open.length === 0) return [passed('dcap.tcb.advisories', 'platform')];
  return [
    failed('dcap.tcb.advisories', {
      subject: 'platform',
      severity: 'high',
      params: { n: tcb.advisoryIds.length, m: open.length, ids: open.join(', ') },
      expected: accepted,
      actual: tcb.advisoryIds,
      compare: { relation: 'one-of', type: 'text' },
      ...rule,
    }),
  ];
}

function ending(within: number, dates: Span | undefined, clock: Clock): FindingDraft[] {
  if (dates === undefined) return [];
  const end = new Date(dates.earliestExpiration);
  const left = end.getTime() - clock.now.getTime();
  if (left < 0 || left >= within) return [];
  return [
    unmet('collateral.item.ending', {
      subject: 'collateral',
      params: { item: 'first item of the collateral', relation: ends(end, clock.now) },
      expected: utc(clock.now),
      actual: utc(end),
      compare: { relation: 'at-least', type: 'time' },
      source: 'earliest expiration of what the verdict rests on',
    }),
  ];
}
