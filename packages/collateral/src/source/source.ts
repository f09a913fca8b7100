import { DecodeError } from '@assay/bytes';
import type { Fetcher, FetchOutcome } from '../http/fetcher.js';
import type { TransportAnswer } from '../http/transport.js';
import type { Item } from '../item/item.js';
import type { Answer } from './answer.js';

/** Why a source gave nothing usable. */
export type SourceFailure =
  | { readonly kind: 'unreachable'; readonly reason: string; readonly ms: number }
  | { readonly kind: 'tls'; readonly reason: string }
  | { readonly kind: 'status'; readonly status: number; readonly words: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'retired'; readonly evaluation: string }
  | { readonly kind: 'throttled'; readonly nextAt: number }
  | {
      readonly kind: 'budget';
      readonly nextAt: number;
      readonly vendor: string;
      readonly requests: number;
      readonly intervalMs: number;
    }
  | { readonly kind: 'form'; readonly what: string };

export type SourceResult =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'failure'; readonly failure: SourceFailure };

/** One place where items come from. Sources are asked in the owner's order. */
export interface Source {
  /** For findings and verdicts: the host, or the name of a file. */
  readonly name: string;
  provides(item: Item): boolean;
  /** Never rejects for what the source does. */
  fetch(item: Item): Promise<SourceResult>;
}

/** What to ask for, and how to read what comes. */
export interface Exchange {
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent with POST. */
  readonly body?: Uint8Array;
  /** @throws DecodeError */
  readonly read: (answer: TransportAnswer) => Answer | Promise<Answer>;
}

/** Sends one exchange and says how it ended. */
export async function exchange(fetcher: Fetcher, vendor: string, item: Item, what: Exchange): Promise<SourceResult> {
  const { url, headers, body: question } = what;
  const outcome = await (question === undefined ? fetcher.get(url, headers) : fetcher.post(url, question, headers));
  if (outcome.kind !== 'answer') return failure(whyNot(outcome, fetcher, vendor));
  const { status, body } = outcome.answer;
  if (status !== 200) return failure(byStatus(status, body, item));
  try {
    return { kind: 'answer', answer: await what.read(outcome.answer) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return failure({ kind: 'form', what: error.message });
  }
}

export function failure(reason: SourceFailure): SourceResult {
  return { kind: 'failure', failure: reason };
}

function whyNot(outcome: Exclude<FetchOutcome, { kind: 'answer' }>, fetcher: Fetcher, vendor: string): SourceFailure {
  switch (outcome.kind) {
    case 'throttled':
      return outcome;
    case 'budget':
      return { ...outcome, vendor, ...fetcher.budget.limit };
    case 'fault': {
      const { error, ms } = outcome;
      if (error.fault === 'tls') return { kind: 'tls', reason: error.message };
      if (error.fault === 'too-large') return { kind: 'form', what: error.message };
      return { kind: 'unreachable', reason: error.message, ms };
    }
  }
}

function byStatus(status: number, body: Uint8Array, item: Item): SourceFailure {
  if (status === 404) return { kind: 'unknown' };
  if (status === 410 && 'update' in item) return { kind: 'retired', evaluation: String(item.update) };
  return { kind: 'status', status, words: words(body) };
}

/** The first line of an error page, if it is text: findings quote and cut it. */
function words(body: Uint8Array): string {
  const line =
    Buffer.from(body.subarray(0, 200))
      .toString('latin1')
      .split(/[\r\n]/)[0]
      ?.trim() ?? '';
  return /^[\x20-\x7e]{1,200}$/.test(line) && !line.startsWith('<') ? line : 'no words';
}
