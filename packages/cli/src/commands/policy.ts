import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { adminClient } from '../client/server.js';
import { group, outputOf, type ServerCommandFlags, serverCommand } from '../command.js';
import { EXIT } from '../exit.js';
import { readJsonFile } from '../files.js';
import { columns, styled } from '../terminal/style.js';

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
    [list(), get(), set(), remove(), history(), tryOut()],
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
