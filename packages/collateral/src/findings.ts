import { distance, ended, ends, type FindingDraft, failed, notYetValid, utc, warned } from '@assay/bytes/findings';
import { type Item, itemName, itemSubject } from './item/item.js';
import type { CollateralRecord } from './item/record.js';
import type { SourceFailure } from './source/source.js';

const CLOCK = "this server's clock";

/** Whom to ask for a certificate that AMD gives to cloud providers alone, under credentials of their own (AMD 57230). */
const VLEK_REMEDY =
  'AMD gives VLEKs to cloud providers alone: ask yours for it and put it into `collateral.amd_folder`, or let the host hand it to the guest.';

/** Which of how many sources, and who else waits. */
export interface SourcePosition {
  readonly host: string;
  readonly tried: number;
  readonly sources: number;
  readonly queued: number;
}

/** One failure of one source, in the register's words. */
export function failureFinding(item: Item, why: SourceFailure, at: SourcePosition, now: Date): FindingDraft {
  const name = itemName(item);
  const subject = `${name} from ${at.host}`;
  const { host } = at;
  switch (why.kind) {
    case 'unreachable':
      return failed('collateral.source.reachable', {
        subject,
        params: {
          item: name,
          subject: itemSubject(item),
          host,
          reason: why.reason,
          ms: why.ms,
          n: at.tried,
          m: at.sources,
        },
        expected: 'an answer',
        actual: why.reason,
      });
    case 'tls':
      return failed('collateral.source.tls', {
        subject,
        params: { host, reason: why.reason },
        expected: 'a certificate of a known authority',
        actual: why.reason,
      });
    case 'status':
      return failed('collateral.source.status', {
        subject,
        params: { host, status: why.status, item: name, words: why.words },
        expected: 200,
        actual: why.status,
      });
    case 'unknown':
      return failed('collateral.source.known', {
        subject,
        params: { host, item: name, platform: itemSubject(item) },
        expected: name,
        actual: null,
        ...(item.kind === 'vlek' ? { remedy: VLEK_REMEDY } : {}),
      });
    case 'retired':
      return failed('collateral.source.retired', {
        subject,
        params: { host, n: why.evaluation },
        expected: 'an evaluation number that is served',
        actual: why.evaluation,
      });
    case 'throttled': {
      const seconds = secondsUntil(why.nextAt, now);
      return failed('collateral.source.throttled', {
        subject,
        params: { host, time: utc(new Date(why.nextAt)), seconds, queued: at.queued },
        expected: 200,
        actual: 429,
        retryAfter: seconds,
      });
    }
    case 'budget':
      return failed('collateral.source.budget', {
        subject,
        params: {
          vendor: why.vendor,
          n: why.requests,
          interval: distance(why.intervalMs),
          time: utc(new Date(why.nextAt)),
        },
        expected: `at most ${why.requests} per ${distance(why.intervalMs)}`,
        actual: 'one more',
        retryAfter: secondsUntil(why.nextAt, now),
      });
    case 'form':
      return failed('collateral.answer.form', {
        subject,
        params: { host, item: name, what: why.what },
        expected: name,
        actual: why.what,
      });
  }
}

/**
 * What the dates of a record say against a clock: ended, not yet issued, or (asked for with `ending`) about to end.
 * Undefined where there is nothing to say.
 */
export function timeFinding(item: Item, record: CollateralRecord, now: Date, ending = false): FindingDraft | undefined {
  const name = itemName(item);
  const { issued, nextUpdate, fetchedAt, fetchedFrom } = record;
  const source = `${name} as fetched from ${fetchedFrom}`;
  if (issued !== undefined && issued > now) {
    return failed('collateral.item.future', {
      subject: name,
      params: { item: name, relation: notYetValid(issued, now, CLOCK) },
      expected: utc(now),
      actual: utc(issued),
      source,
    });
  }
  if (nextUpdate !== undefined && nextUpdate <= now) {
    return failed('collateral.item.expired', {
      subject: name,
      params: { item: name, relation: ended(nextUpdate, now, CLOCK), fetched: utc(fetchedAt) },
      expected: utc(now),
      actual: utc(nextUpdate),
      source,
    });
  }
  if (!ending || nextUpdate === undefined) return undefined;
  return warned('collateral.item.ending', {
    subject: name,
    params: { item: name, relation: ends(nextUpdate, now) },
    actual: utc(nextUpdate),
    source,
  });
}

/** Used beyond its end, because the owner allows it. */
export function staleFinding(
  item: Item,
  record: CollateralRecord,
  end: Date,
  now: Date,
  allowanceMs: number,
): FindingDraft {
  const name = itemName(item);
  const setting = `collateral.stale_if_error = ${distance(allowanceMs)}`;
  return warned('collateral.item.stale', {
    subject: name,
    params: { item: name, age: distance(now.getTime() - end.getTime()), setting },
    expected: utc(now),
    actual: utc(end),
    source: `${name} as fetched from ${record.fetchedFrom}`,
    origin: { kind: 'setting', key: 'collateral.stale_if_error', value: allowanceMs / 1000 },
  });
}

/** Not kept, and nobody to ask. */
export function missingFinding(item: Item): FindingDraft {
  const name = itemName(item);
  return failed('collateral.item.missing', {
    subject: name,
    params: { item: name, why: itemSubject(item) },
    expected: name,
    actual: null,
    remedy: item.kind === 'vlek' ? VLEK_REMEDY : 'Import a bundle that has it, or configure a source.',
  });
}

export function notVerified(reason: string): string {
  return `does not verify: ${reason}`;
}

function secondsUntil(time: number, now: Date): number {
  return Math.max(0, Math.ceil((time - now.getTime()) / 1000));
}
