import type { Verdict } from '@assay/bytes/findings';
import { EXIT, type ExitCode } from '../exit.js';
import type { AdminClient } from './server.js';

/** What a stored attempt is asked again with; the shape of the server's `attestations.replay`. */
export interface ReplayRequest {
  readonly at?: string;
  readonly policies?: Readonly<Record<string, string>>;
  readonly reference_values?: 'recorded' | 'current';
  readonly values?: Readonly<Record<string, unknown>>;
}

export interface ReplayAnswer {
  readonly recorded: Verdict;
  readonly replayed: Verdict;
}

/** Asks a server to ask its policies about a stored attempt again. */
export async function replayAttempt(client: AdminClient, id: string, request: ReplayRequest): Promise<ReplayAnswer> {
  return (await client.json('POST', `/api/v1/attestations/${encodeURIComponent(id)}/replay`, request)) as ReplayAnswer;
}

/** `refuse: launch_digest abcde is not …`, one line. */
export function outcomeOf(verdict: Verdict): string {
  const word = verdict.decision ?? verdict.verdict ?? 'undecided';
  return verdict.summary === undefined || verdict.summary === '' ? word : `${word}: ${verdict.summary}`;
}

/** Exit codes follow the decision. */
export function exitOf(verdict: Verdict): ExitCode {
  switch (verdict.decision) {
    case 'accept':
      return EXIT.done;
    case 'refuse':
      return EXIT.refused;
    default:
      return verdict.verdict === 'incomplete' || verdict.decision === 'undecided' ? EXIT.unreachable : EXIT.refused;
  }
}
