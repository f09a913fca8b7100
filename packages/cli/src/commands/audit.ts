import { cut, renderTerminal, type TerminalOptions, type Verdict, visible } from '@assay/bytes/findings';
import type { Command } from 'commander';
import { exitOf, outcomeOf, replayAttempt } from '../client/replay.js';
import { type AdminClient, adminClient } from '../client/server.js';
import { collect, group, outputOf, type ServerCommandFlags, serverCommand } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { readInput } from '../files.js';
import { columns, styled, type Terminal, wrap } from '../terminal/style.js';

interface Attempt {
  readonly attempt: string;
  readonly state: string;
  readonly startedAt: string;
  readonly tee?: string;
  readonly protocol?: string;
  readonly address?: string;
  readonly codes: readonly string[];
  readonly summary: string;
}

interface Release {
  readonly at: string;
  readonly decision: string;
  readonly method: string;
  readonly resource: string;
  readonly findings: Verdict['findings'];
}

interface AttemptDetail extends Attempt {
  readonly findings: Verdict['findings'];
  readonly verdict?: Verdict;
  readonly releases: readonly Release[];
  readonly releasesOmitted?: true;
}

interface Act {
  readonly at: string;
  readonly act: string;
  readonly object: string;
  readonly digest?: string;
  readonly by: { readonly subject: string; readonly role: string };
}

interface RefusedAct {
  readonly at: string;
  readonly code: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly address?: string;
  readonly omitted?: number;
}

/** `assay audit`: what guests tried, what they were told, and why. */
export function auditCommand(): Command {
  return group(
    'audit',
    'attestation attempts with their explanations, and administrative acts',
    ['assay audit list', 'assay audit show 01jd…'],
    [list('list'), list('query'), show(), replay(), acts(), refused()],
  );
}

type ListFlags = ServerCommandFlags & {
  tee?: string;
  state?: string;
  code?: string;
  address?: string;
  since?: string;
  until?: string;
  limit: string;
};

function list(name: string): Command {
  return serverCommand(name, 'list attestation attempts, newest first', [
    `assay audit ${name} --state refused`,
    `assay audit ${name} --address 10.0.0.7 --since 2026-11-01T00:00:00Z --json`,
  ])
    .option('--tee <name>', 'only this TEE')
    .option('--state <state>', 'challenged, attested, refused or undecided')
    .option('--code <id>', 'only attempts with this finding among the roots')
    .option('--address <ip>', 'only this client address')
    .option('--since <time>', 'begun at or after, RFC 3339')
    .option('--until <time>', 'begun before, RFC 3339')
    .option('--limit <n>', 'most attempts', '20')
    .action(async (flags: ListFlags) => {
      const query = new URLSearchParams({ limit: flags.limit });
      for (const key of ['tee', 'state', 'code', 'address', 'since', 'until'] as const) {
        const value = flags[key];
        if (value !== undefined) query.set(key, value);
      }
      const page = (await adminClient(flags).json('GET', `/api/v1/attestations?${query}`)) as {
        items: Attempt[];
        next?: string;
      };
      outputOf(flags).result(page, (out) => {
        if (page.items.length === 0) out.write('no attempts\n');
        else out.write(attemptLines(out, page.items));
      });
    });
}

function show(): Command {
  return serverCommand('show', 'explain one attempt: every check, what was expected and found, and what to do', [
    'assay audit show 01jd4v6w3z',
    'assay audit show 01jd4v6w3z --why policy.rule.unmet',
  ])
    .argument('<attempt>', 'attempt id')
    .option('--all', 'every finding, by stage')
    .option('--why <id>', 'one finding with everything')
    .option('--full', 'shorten nothing')
    .action(async (id: string, flags: ServerCommandFlags & RenderFlags) => {
      const detail = (await adminClient(flags).json(
        'GET',
        `/api/v1/attestations/${encodeURIComponent(id)}`,
      )) as AttemptDetail;
      outputOf(flags).result(detail, (out) => out.write(explain(out, detail, flags)));
    });
}

function replay(): Command {
  return serverCommand('replay', 'ask the policies about a stored attempt again; nothing is stored or released', [
    'assay audit replay 01jd4v6w3z --at 2027-01-01T00:00:00Z',
    'assay audit replay 01jd4v6w3z --policy default_cpu=draft.rego --current-values',
  ])
    .argument('<attempt>', 'attempt id')
    .option('--at <time>', 'another date, RFC 3339 (default: that of the attempt)')
    .option('--policy <[id=]file>', 'text to ask instead of a recorded one (repeatable)', collect)
    .option('--current-values', 'reference values as they are now (default: as the attempt met them)')
    .option('--all', 'every finding, by stage')
    .option('--why <id>', 'one finding with everything')
    .option('--full', 'shorten nothing')
    .action(async (id: string, flags: ServerCommandFlags & ReplayFlags & RenderFlags) => {
      const client = adminClient(flags);
      const answer = await replayAttempt(client, id, {
        policies: await drafts(client, id, flags.policy ?? []),
        ...(flags.at === undefined ? {} : { at: flags.at }),
        ...(flags.currentValues === true ? { reference_values: 'current' } : {}),
      });
      outputOf(flags).result(answer, (out) => {
        out.write(renderTerminal(answer.replayed, renderOptions(out, flags)));
        out.write(`\nthen: ${outcomeOf(answer.recorded)}\nnow:  ${outcomeOf(answer.replayed)}\n`);
      });
      process.exitCode = exitOf(answer.replayed);
    });
}

type RenderFlags = { readonly all?: boolean; readonly why?: string; readonly full?: boolean };

type ReplayFlags = { at?: string; policy?: string[]; currentValues?: boolean };

/** `ID=FILE`, or `FILE` where the attempt asked one policy. */
async function drafts(
  client: AdminClient,
  attempt: string,
  given: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const texts: Record<string, string> = {};
  for (const item of given) {
    const named = /^([\w.-]+)=(.+)$/.exec(item);
    const id = named?.[1] ?? (await onlyPolicyOf(client, attempt));
    texts[id] = readInput(named?.[2] ?? item).toString('utf8');
  }
  return texts;
}

async function onlyPolicyOf(client: AdminClient, attempt: string): Promise<string> {
  const detail = (await client.json('GET', `/api/v1/attestations/${encodeURIComponent(attempt)}`)) as AttemptDetail;
  const ids = [...new Set((detail.verdict?.policies ?? []).map((use) => use.id))];
  const [only] = ids;
  if (only !== undefined && ids.length === 1) return only;
  throw new CliError(`this attempt asked ${ids.length === 0 ? 'no policy' : ids.join(', ')}`, EXIT.usage, {
    hint: 'say which policy the file stands for: --policy ID=FILE',
  });
}

function acts(): Command {
  return serverCommand('acts', 'list administrative acts, newest first', [
    'assay audit acts',
    'assay audit acts --limit 5 --json',
  ])
    .option('--limit <n>', 'most acts', '20')
    .action(async (flags: ServerCommandFlags & { limit: string }) => {
      const page = (await adminClient(flags).json('GET', `/api/v1/audit?limit=${encodeURIComponent(flags.limit)}`)) as {
        items: Act[];
      };
      outputOf(flags).result(page, (out) =>
        out.write(
          page.items.length === 0
            ? 'no acts\n'
            : columns(page.items.map((a) => [a.at, a.by.subject, a.act, a.object, a.digest?.slice(0, 16) ?? ''])),
        ),
      );
    });
}

function refused(): Command {
  return serverCommand('refused', 'list administrative calls that were refused, newest first', [
    'assay audit refused',
    'assay audit refused --limit 5 --json',
  ])
    .option('--limit <n>', 'most calls', '20')
    .action(async (flags: ServerCommandFlags & { limit: string }) => {
      const page = (await adminClient(flags).json(
        'GET',
        `/api/v1/audit/refused?limit=${encodeURIComponent(flags.limit)}`,
      )) as { items: RefusedAct[] };
      outputOf(flags).result(page, (out) =>
        out.write(page.items.length === 0 ? 'no refused calls\n' : refusedLines(out, page.items)),
      );
    });
}

/** When, why and from where; below it what was called, and how many like it are not listed. */
export function refusedLines(out: Terminal, refused: readonly RefusedAct[]): string {
  const table = columns([
    ['AT', 'CODE', 'METHOD'].map((h) => styled(out, 'bold', h)),
    ...refused.map((act) => [act.at, act.code, visible(act.method)]),
  ]);
  const [head = '', ...lines] = table.trimEnd().split('\n');
  const told = lines.flatMap((line, i) => {
    const { address, path = '', omitted } = refused[i] ?? {};
    const what = cut(visible([...(address === undefined ? [] : [address]), path].join(' ')), out.width - 2);
    const more = omitted === undefined ? [] : [`${omitted} before it were not kept: they came too fast`];
    return [line, ...[what, ...more].map((text) => `  ${styled(out, 'dim', text)}`)];
  });
  return `${[head, ...told].join('\n')}\n`;
}

/** The explanation of an attempt as the owner reads it. */
export function explain(out: Terminal, detail: AttemptDetail, flags: RenderFlags = {}): string {
  const head = `${styled(out, 'bold', `attempt ${detail.attempt}`)}  ${detail.tee ?? ''} ${detail.protocol ?? ''}  ${detail.address ?? ''}  ${detail.startedAt}\n`;
  const verdict = detail.verdict ?? handshakeVerdict(detail);
  const releases = [
    ...detail.releases.map((release) => renderRelease(out, release)),
    ...(detail.releasesOmitted === true ? [`${wrap(RELEASES_OMITTED, out.width)}\n`] : []),
  ];
  return `${head}\n${renderTerminal(verdict, renderOptions(out, flags))}${releases.length === 0 ? '' : `\n${styled(out, 'bold', 'releases')}\n${releases.join('')}`}`;
}

const RELEASES_OMITTED =
  'There may be more: the first hundred refusals are kept, and the newest thousand releases are listed.';

function renderOptions(out: Terminal, flags: RenderFlags): TerminalOptions {
  return {
    columns: out.width,
    unicode: out.unicode,
    color: out.colour,
    mode: flags.all === true ? 'all' : 'short',
    ...(flags.why === undefined ? {} : { why: flags.why }),
    ...(flags.full === undefined ? {} : { full: flags.full }),
  };
}

function renderRelease(out: Terminal, release: Release): string {
  const colour = release.decision === 'released' ? 'green' : 'red';
  const why = release.findings.find((finding) => finding.outcome === 'fail');
  const indent = ' '.repeat(10);
  const lines = [
    `${styled(out, colour, release.decision.padEnd(9))} ${release.method} ${release.resource}  ${release.at}`,
    ...(why?.title === undefined ? [] : [wrap(why.title, out.width, indent)]),
    ...(why?.remedy === undefined ? [] : [wrap(`do: ${why.remedy}`, out.width, indent)]),
  ];
  return `${lines.join('\n')}\n`;
}

/** An attempt that never reached the Attestation Service still has findings of its own. */
function handshakeVerdict(detail: AttemptDetail): Verdict {
  return {
    kind: detail.tee ?? 'handshake',
    attempt: detail.attempt,
    at: detail.startedAt,
    summary: detail.summary,
    ...(detail.state === 'refused' ? { decision: 'refuse' as const } : {}),
    stages: {},
    roots: detail.findings.filter((finding) => finding.role === 'root').map((finding) => finding.key),
    findings: detail.findings,
  };
}

/** Two lines for each attempt: which it is, and why it ended so. */
function attemptLines(out: Terminal, attempts: readonly Attempt[]): string {
  const table = columns([
    ['ATTEMPT', 'BEGUN', 'TEE', 'STATE'].map((h) => styled(out, 'bold', h)),
    ...attempts.map((a) => row(out, a)),
  ]);
  const [head = '', ...lines] = table.trimEnd().split('\n');
  const told = lines.flatMap((line, i) => {
    const { codes = [], summary = '' } = attempts[i] ?? {};
    const why = cut([...codes, summary].filter((text) => text !== '').join(' · '), out.width - 2);
    return why === '' ? [line] : [line, `  ${styled(out, 'dim', why)}`];
  });
  return `${[head, ...told].join('\n')}\n`;
}

function row(out: Terminal, attempt: Attempt): string[] {
  const colour = attempt.state === 'attested' ? 'green' : attempt.state === 'refused' ? 'red' : 'yellow';
  return [attempt.attempt, attempt.startedAt, attempt.tee ?? '', styled(out, colour, attempt.state)];
}
