import type { Command } from 'commander';
import { adminClient } from '../client/server.js';
import { group, outputOf, type ServerCommandFlags, serverCommand } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { readInput } from '../files.js';
import { columns, styled } from '../terminal/style.js';
import { keygenCommand, sealCommand } from './seal.js';

interface Resource {
  readonly path: string;
  readonly version: number;
  readonly bytes: number;
  readonly writtenAt: string;
  readonly writtenBy: string;
}

interface Lease {
  readonly version: number;
  readonly attempt: string;
  readonly key: string;
  readonly at: string;
}

/** `assay secret`: resources of a running server, and sealed secrets that point to them. A secret's value goes in, and comes out only to attested guests. */
export function secretCommand(): Command {
  return group(
    'secret',
    'secrets (KBS resources) of a server: stored encrypted, released only to attested guests',
    ['assay secret set default/key/1 --file key.bin', 'assay secret leases default/key/1'],
    [list(), show(), set(), remove(), leases(), sealCommand(), keygenCommand()],
  );
}

function list(): Command {
  return serverCommand('list', 'list secrets by name', [
    'assay secret list',
    'assay secret list --repository default --json',
  ])
    .option('--repository <name>', 'only this repository')
    .action(async (flags: ServerCommandFlags & { repository?: string }) => {
      const client = adminClient(flags);
      const items: Resource[] = [];
      let after: string | undefined;
      do {
        const query = new URLSearchParams({
          limit: '500',
          ...(flags.repository ? { repository: flags.repository } : {}),
          ...(after ? { after } : {}),
        });
        const page = (await client.json('GET', `/api/v1/resources?${query}`)) as { items: Resource[]; next?: string };
        items.push(...page.items);
        after = page.next;
      } while (after !== undefined);
      outputOf(flags).result({ items }, (out) =>
        out.write(
          items.length === 0
            ? 'no secrets; store one with: assay secret set REPOSITORY/TYPE/TAG --file FILE\n'
            : columns([
                ['SECRET', 'VERSION', 'BYTES', 'WRITTEN', 'BY'].map((h) => styled(out, 'bold', h)),
                ...items.map(row),
              ]),
        ),
      );
    });
}

function show(): Command {
  return serverCommand('show', 'describe a secret: versions and sizes, never its value', [
    'assay secret show default/key/1',
    'assay secret show default/key/1 --json',
  ])
    .argument('<path>', 'REPOSITORY/TYPE/TAG')
    .action(async (path: string, flags: ServerCommandFlags) => {
      const answer = (await adminClient(flags).json('GET', pathOf(path))) as Resource & { versions: Resource[] };
      outputOf(flags).result(answer, (out) =>
        out.write(columns(answer.versions.map((version) => row({ ...version, path })))),
      );
    });
}

function set(): Command {
  return serverCommand(
    'set',
    'store a secret; the value comes from a file or standard input, never from the command line',
    ['assay secret set default/key/1 --file key.bin', 'openssl rand 32 | assay secret set default/key/1 --file -'],
  )
    .argument('<path>', 'REPOSITORY/TYPE/TAG')
    .requiredOption('--file <file>', 'file that holds the secret; `-` for standard input')
    .action(async (path: string, flags: ServerCommandFlags & { file: string }) => {
      const stored = (await adminClient(flags).bytes('PUT', pathOf(path), readInput(flags.file))) as Resource;
      outputOf(flags).result(stored, (out) =>
        out.write(`${styled(out, 'green', 'stored')} ${path}, version ${stored.version}, ${stored.bytes} bytes\n`),
      );
    });
}

function remove(): Command {
  return serverCommand('delete', 'delete a secret with all its versions', [
    'assay secret delete default/key/1',
    'assay secret delete default/key/1 --json',
  ])
    .argument('<path>', 'REPOSITORY/TYPE/TAG')
    .action(async (path: string, flags: ServerCommandFlags) => {
      await adminClient(flags).json('DELETE', pathOf(path));
      outputOf(flags).result({ deleted: path }, (out) => out.write(`deleted ${path}\n`));
    });
}

function leases(): Command {
  return serverCommand('leases', 'to which attempts and keys a secret was released', [
    'assay secret leases default/key/1',
    'assay secret leases default/key/1 --json',
  ])
    .argument('<path>', 'REPOSITORY/TYPE/TAG')
    .action(async (path: string, flags: ServerCommandFlags) => {
      const page = (await adminClient(flags).json('GET', `${pathOf(path)}/leases`)) as { items: Lease[] };
      outputOf(flags).result(page, (out) =>
        out.write(
          page.items.length === 0
            ? 'never released\n'
            : columns(
                page.items.map((lease) => [
                  lease.at,
                  `version ${lease.version}`,
                  `attempt ${lease.attempt}`,
                  `key ${lease.key.slice(0, 12)}…`,
                ]),
              ),
        ),
      );
    });
}

function pathOf(path: string): string {
  const segments = path.replace(/^kbs:\/\/[^/]*\//, '').split('/');
  if (segments.length !== 3 || segments.includes('')) {
    throw new CliError(`\`${path}\` is not REPOSITORY/TYPE/TAG`, EXIT.usage, { hint: 'for example default/key/1' });
  }
  return `/api/v1/resources/${segments.map(encodeURIComponent).join('/')}`;
}

function row(resource: Resource): string[] {
  return [resource.path, String(resource.version), String(resource.bytes), resource.writtenAt, resource.writtenBy];
}
