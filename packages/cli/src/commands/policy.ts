import { readFileSync } from 'node:fs';
import { cut, type Verdict } from '@assay/bytes/findings';
import type { Command } from 'commander';
import { exitOf, replayAttempt } from '../client/replay.js';
import { type AdminClient, adminClient } from '../client/server.js';
import { collect, group, outputOf, type ServerCommandFlags, serverCommand } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { readInput, readJsonFile } from '../files.js';
import { columns, styled, type Terminal } from '../terminal/style.js';

/** Id by which the resource policy goes on the command line, beside attestation policies such as `default_cpu`. */
const resourcePolicy = 'resource';

interface Policy {
  readonly id?: string;
  readonly version?: number;
  readonly revision?: number;
  readonly digest: string;
  readonly text?: string;
  readonly changedAt?: string;
  readonly changedBy?: { readonly subject: string };
  readonly setAt?: string;
  readonly setBy?: string;
}

interface Finding {
  readonly id: string;
  readonly title?: string;
  readonly remedy?: string;
}

/** `assay policy`: attestation policies and the resource policy of a running server. */
export function policyCommand(): Command {
  return group(
    'policy',
    'attestation policies (`default_cpu` …) and the resource policy (`resource`) of a server',
    ['assay policy list', 'assay policy set default_cpu cpu.rego'],
    [list(), get(), set(), remove(), history(), testDraft(), tryOut()],
  );
}

function list(): Command {
  return serverCommand('list', 'list policies', ['assay policy list', 'assay policy list --json']).action(
    async (flags: ServerCommandFlags) => {
      const client = adminClient(flags);
      const { items } = (await client.json('GET', '/api/v1/attestation-policies')) as { items: Policy[] };
      const resource = (await client.json('GET', '/api/v1/resource-policy')) as Policy;
      const all = [...items, { ...resource, id: resourcePolicy }];
      outputOf(flags).result({ items: all.map(({ text: _text, ...rest }) => rest) }, (out) =>
        out.write(
          columns([['ID', 'VERSION', 'CHANGED', 'BY', 'DIGEST'].map((h) => styled(out, 'bold', h)), ...all.map(row)]),
        ),
      );
    },
  );
}

function get(): Command {
  return serverCommand('get', 'print a policy', [
    'assay policy get default_cpu',
    'assay policy get resource > resource.rego',
  ])
    .argument('<id>', 'policy id, or `resource`')
    .option('--version <n>', 'an older version')
    .action(async (id: string, flags: ServerCommandFlags & { version?: string }) => {
      const query = flags.version === undefined ? '' : `?version=${encodeURIComponent(flags.version)}`;
      const policy = (await adminClient(flags).json('GET', `${pathOf(id)}${query}`)) as Policy;
      outputOf(flags).result(policy, (out) => out.write(policy.text ?? ''));
    });
}

function set(): Command {
  return serverCommand('set', 'compile and store a policy; a policy that does not compile changes nothing', [
    'assay policy set default_cpu cpu.rego',
    'assay policy set resource release.rego',
  ])
    .argument('<id>', 'policy id, or `resource`')
    .argument('<file>', 'Rego file')
    .action(async (id: string, file: string, flags: ServerCommandFlags) => {
      const result = (await adminClient(flags).json('PUT', pathOf(id), {
        text: readFileSync(file, 'utf8'),
      })) as Policy & {
        policy?: Policy;
        warnings?: Finding[];
      };
      const stored = result.policy ?? result;
      outputOf(flags).result(result, (out) => {
        out.write(
          `${styled(out, 'green', 'stored')} ${id}, version ${stored.version ?? stored.revision}, SHA-384 ${stored.digest.slice(0, 16)}…\n`,
        );
        for (const warning of result.warnings ?? [])
          out.write(`${styled(out, 'yellow', 'warning')} ${warning.title ?? warning.id}\n`);
      });
    });
}

function remove(): Command {
  return serverCommand('delete', 'delete an attestation policy', [
    'assay policy delete other_cpu',
    'assay policy delete default_gpu --json',
  ])
    .argument('<id>', 'policy id')
    .action(async (id: string, flags: ServerCommandFlags) => {
      await adminClient(flags).json('DELETE', pathOf(id));
      outputOf(flags).result({ deleted: id }, (out) => out.write(`deleted ${id}\n`));
    });
}

function history(): Command {
  return serverCommand('history', 'every version of a policy, newest first', [
    'assay policy history default_cpu',
    'assay policy history resource --json',
  ])
    .argument('<id>', 'policy id, or `resource`')
    .action(async (id: string, flags: ServerCommandFlags) => {
      const { items } = (await adminClient(flags).json('GET', `${pathOf(id)}/history`)) as { items: Policy[] };
      outputOf(flags).result({ items }, (out) => out.write(columns(items.map((policy) => row({ ...policy, id })))));
    });
}

function testDraft(): Command {
  return serverCommand('test', 'ask what a draft of an attestation policy would have said of past attempts', [
    'assay policy test default_cpu --policy draft.rego --last 20',
    'assay policy test default_cpu --policy draft.rego --attempt 01jd4v6w3z --json',
  ])
    .argument('<id>', 'policy id, as `default_cpu`')
    .requiredOption('--policy <file>', 'the draft')
    .option('--attempt <id>', 'one attempt (repeatable)', collect)
    .option('--last <n>', 'the newest attempts that asked this policy (default: 20)')
    .option('--current-values', 'reference values as they are now (default: as each attempt met them)')
    .action(async (id: string, flags: TestFlags) => {
      if (id === resourcePolicy)
        throw new CliError(
          'the resource policy is asked about the claims of a token, which are not stored',
          EXIT.usage,
          {
            hint: 'ask it with: assay policy try --claims FILE --path REPOSITORY/TYPE/TAG --policy FILE',
          },
        );
      const client = adminClient(flags);
      const text = readInput(flags.policy).toString('utf8');
      const request = {
        policies: { [id]: text },
        ...(flags.currentValues === true ? { reference_values: 'current' as const } : {}),
      };
      const tested: TestedAttempt[] = [];
      for (const attempt of flags.attempt ?? (await lastAttempts(client, id, flags.last ?? '20'))) {
        const { recorded, replayed } = await replayAttempt(client, attempt, request);
        tested.push({ attempt, at: recorded.at, was: recorded, wouldBe: replayed });
      }
      const changed = tested.filter(({ was, wouldBe }) => was.decision !== wouldBe.decision).length;
      outputOf(flags).result({ policy: id, tested: tested.map(summary), changed }, (out) => {
        if (tested.length === 0) {
          out.write(`no attempt asked ${id}\n`);
          return;
        }
        out.write(
          columns([
            ['ATTEMPT', 'WAS', 'WOULD BE', 'WHY'].map((h) => styled(out, 'bold', h)),
            ...tested.map((t) => testedRow(out, t)),
          ]),
        );
        out.write(`\n${tested.length} asked, ${changed} would change\n`);
      });
      const [only] = tested;
      if (flags.attempt !== undefined && tested.length === 1 && only !== undefined)
        process.exitCode = exitOf(only.wouldBe);
    });
}

type TestFlags = ServerCommandFlags & { policy: string; attempt?: string[]; last?: string; currentValues?: boolean };

interface TestedAttempt {
  readonly attempt: string;
  readonly at: string;
  readonly was: Verdict;
  readonly wouldBe: Verdict;
}

function summary({ attempt, at, was, wouldBe }: TestedAttempt): object {
  const told = (verdict: Verdict): object => ({
    decision: verdict.decision,
    summary: verdict.summary,
    tiers: verdict.tiers,
  });
  return { attempt, at, was: told(was), would_be: told(wouldBe) };
}

function testedRow(out: Terminal, { attempt, was, wouldBe }: TestedAttempt): string[] {
  const word = (verdict: Verdict): string => {
    const decision = verdict.decision ?? 'undecided';
    return styled(out, decision === 'accept' ? 'green' : decision === 'refuse' ? 'red' : 'yellow', decision);
  };
  const why = wouldBe.decision === 'accept' ? '' : (wouldBe.summary ?? '');
  // Attempt ids have 26 characters, decisions at most 9.
  return [attempt, word(was), word(wouldBe), cut(why, out.width - 46)];
}

/** Ids of the newest attempts whose verdict asked the policy. */
async function lastAttempts(client: AdminClient, policy: string, last: string): Promise<readonly string[]> {
  const wanted = Number(last);
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > 500)
    throw new CliError(`--last takes a number from 1 to 500; \`${last}\` is none`, EXIT.usage);
  const found: string[] = [];
  let after: string | undefined;
  // Attempts that ended before any policy was asked do not count; looking is bounded all the same.
  for (let pages = 0; pages < 20 && found.length < wanted; pages++) {
    const query = new URLSearchParams({ limit: '100', ...(after === undefined ? {} : { after }) });
    const page = (await client.json('GET', `/api/v1/attestations?${query}`)) as {
      items: { attempt: string }[];
      next?: string;
    };
    for (const { attempt } of page.items) {
      if (found.length === wanted) break;
      const detail = (await client.json('GET', `/api/v1/attestations/${attempt}`)) as { verdict?: Verdict };
      if (detail.verdict?.policies?.some((use) => use.id === policy) === true) found.push(attempt);
    }
    after = page.next;
    if (after === undefined) break;
  }
  return found;
}

function tryOut(): Command {
  return serverCommand('try', 'ask what the resource policy, or a draft of it, says of the claims of a token', [
    'assay policy try --claims claims.json --path default/key/1',
    'assay policy try --claims claims.json --path default/key/1 --policy draft.rego',
  ])
    .requiredOption('--claims <file>', 'JSON file with the claims of an attestation token')
    .requiredOption('--path <path>', 'resource, REPOSITORY/TYPE/TAG')
    .option('--policy <file>', 'draft instead of the policy in force')
    .option('--plugin <name>', 'plug-in that is asked', 'resource')
    .action(async (flags: ServerCommandFlags & { claims: string; path: string; policy?: string; plugin: string }) => {
      const decision = (await adminClient(flags).json('POST', '/api/v1/resource-policy/try', {
        claims: readJsonFile(flags.claims),
        path: flags.path.split('/'),
        plugin: flags.plugin,
        ...(flags.policy === undefined ? {} : { text: readFileSync(flags.policy, 'utf8') }),
      })) as { allow: boolean; findings: Finding[] };
      outputOf(flags).result(decision, (out) => {
        out.write(`${decision.allow ? styled(out, 'green', 'allowed') : styled(out, 'red', 'refused')}\n`);
        for (const finding of decision.findings) {
          if (finding.title === undefined) continue;
          out.write(`  ${finding.title}\n${finding.remedy === undefined ? '' : `    ${finding.remedy}\n`}`);
        }
      });
      if (!decision.allow) process.exitCode = EXIT.refused;
    });
}

function pathOf(id: string): string {
  return id === resourcePolicy ? '/api/v1/resource-policy' : `/api/v1/attestation-policies/${encodeURIComponent(id)}`;
}

function row(policy: Policy): string[] {
  return [
    policy.id ?? '',
    String(policy.version ?? policy.revision ?? ''),
    policy.changedAt ?? policy.setAt ?? '',
    policy.changedBy?.subject ?? policy.setBy ?? '',
    `${policy.digest.slice(0, 16)}…`,
  ];
}
