import type { Finding, Verdict } from '@assay/bytes/findings';
import type { Command } from 'commander';
import { exitOf, outcomeOf, replayAttempt } from '../client/replay.js';
import { type AdminClient, adminClient } from '../client/server.js';
import { outputOf, type ServerCommandFlags, serverCommand } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { columns, styled } from '../terminal/style.js';

/** A reference value under which an attempt would have passed one comparison. */
export interface Proposal {
  readonly name: string;
  /** Claim that was compared: `input.snp.measurement`. */
  readonly claim: string;
  readonly had: unknown;
  /** The value as it stands; undefined: none. */
  readonly registered: unknown;
  /** What would be stored. */
  readonly value: unknown;
}

interface ApproveFlags extends ServerCommandFlags {
  readonly name?: string;
  readonly reason?: string;
  readonly expires?: string;
  readonly yes?: boolean;
}

/** `assay rv approve`: makes what an attempt had the wanted values, after showing them. */
export function approveCommand(): Command {
  return serverCommand(
    'approve',
    'register what an attempt had under each reference value that it did not match; shows them, and stores with --yes',
    ['assay rv approve 01jd4v6w3z', "assay rv approve 01jd4v6w3z --name launch_digest --reason 'release 1.4' --yes"],
  )
    .argument('<attempt>', 'attempt id')
    .option('--name <name>', 'only this reference value')
    .option('--reason <text>', 'why these values are right; kept in the history (needed with --yes)')
    .option('--expires <time>', 'RFC 3339, or `never` (default: in 12 months)')
    .option('--yes', 'store them')
    .action(approve);
}

async function approve(attempt: string, flags: ApproveFlags): Promise<void> {
  if (flags.yes === true && flags.reason === undefined)
    throw new CliError('--yes needs --reason', EXIT.usage, { hint: 'say how you know that these values are right' });
  const client = adminClient(flags);
  const { proposals, verdict } = await propose(client, attempt, flags.name);
  const stored = flags.yes === true;
  if (stored) for (const proposal of proposals) await store(client, attempt, proposal, flags);
  const output = outputOf(flags);
  output.result(
    { attempt, proposals, stored, outcome: { decision: verdict.decision, summary: verdict.summary } },
    (out) => {
      if (proposals.length === 0) out.write('no comparison with a reference value stands in its way\n');
      else {
        out.write(
          columns([
            ['REFERENCE VALUE', 'ATTEMPT HAD', 'REGISTERED', stored ? 'STORED' : 'WOULD BE STORED'].map((h) =>
              styled(out, 'bold', h),
            ),
            ...proposals.map((p) => [
              p.name,
              brief(p.had),
              p.registered === undefined ? 'nothing' : brief(p.registered),
              brief(p.value),
            ]),
          ]),
        );
      }
      out.write(`\nwith ${proposals.length === 0 ? 'the values as they are' : 'these'}: ${outcomeOf(verdict)}\n`);
      if (proposals.length > 0 && !stored) {
        out.write('nothing is stored yet; find out that these are the values of what you built, then repeat with\n');
        out.write(`  ${styled(out, 'cyan', `--reason '…' --yes`)}\n`);
      }
    },
  );
  if (proposals.length === 0) process.exitCode = exitOf(verdict);
}

/** Most rounds: each shows the comparisons that the one before had hidden. */
const mostRounds = 32;

/**
 * What would have to be registered. A rule stops at its first comparison that does not hold, so the attempt is asked again
 * with each proposal until no comparison with a reference value is left.
 */
async function propose(
  client: AdminClient,
  attempt: string,
  only: string | undefined,
): Promise<{ readonly proposals: readonly Proposal[]; readonly verdict: Verdict }> {
  const proposals = new Map<string, Proposal>();
  for (let round = 0; ; round++) {
    const values = Object.fromEntries([...proposals].map(([name, { value }]) => [name, value]));
    const { replayed } = await replayAttempt(client, attempt, { reference_values: 'current', values });
    const found = replayed.findings
      .flatMap(proposalOf)
      .filter(({ name }) => !proposals.has(name) && (only === undefined || name === only));
    if (found.length === 0 || round === mostRounds) return { proposals: [...proposals.values()], verdict: replayed };
    for (const proposal of found) if (!proposals.has(proposal.name)) proposals.set(proposal.name, proposal);
  }
}

interface Side {
  readonly origin?: { readonly claim?: string; readonly reference_value?: string };
  readonly value?: unknown;
}

/** The proposal behind a comparison of a claim with a reference value that did not hold. */
export function proposalOf(finding: Finding): readonly Proposal[] {
  if (finding.outcome !== 'fail') return [];
  const { operator, left, right } = (finding.compare ?? {}) as {
    readonly operator?: string;
    readonly left?: Side;
    readonly right?: Side;
  };
  const claim = [left, right].find((side) => side?.origin?.claim !== undefined);
  const reference = [left, right].find((side) => side?.origin?.reference_value !== undefined);
  const name = reference?.origin?.reference_value;
  if (claim?.origin?.claim === undefined || claim.value === undefined || name === undefined) return [];
  const had = claim.value;
  const registered = reference?.value ?? undefined;
  const value = proposedValue(operator, had, registered);
  return value === undefined ? [] : [{ name, claim: claim.origin.claim, had, registered, value }];
}

function proposedValue(operator: string | undefined, had: unknown, registered: unknown): unknown {
  switch (operator) {
    case 'in':
      // Membership is asked of a list: what is there stays.
      return Array.isArray(registered) ? [...registered, had] : [had];
    case '==':
    case '=':
    case '<=':
    case '>=':
      return had;
    default:
      return undefined;
  }
}

async function store(client: AdminClient, attempt: string, proposal: Proposal, flags: ApproveFlags): Promise<void> {
  await client.json('PUT', `/api/v1/reference-values/${encodeURIComponent(proposal.name)}`, {
    value: proposal.value,
    attempt,
    reason: flags.reason,
    ...(flags.expires === undefined ? {} : { expires: flags.expires }),
  });
}

function brief(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= 24 ? text : `${text.slice(0, 14)}…${text.slice(-6)}`;
}
