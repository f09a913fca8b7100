import { parseJsonStrict } from '@assay/bytes';
import type { Command } from 'commander';
import { adminClient } from '../client/server.js';
import { group, outputOf, type ServerCommandFlags, serverCommand } from '../command.js';
import { CliError, EXIT } from '../exit.js';
import { columns, styled } from '../terminal/style.js';
import { approveCommand } from './rv-approve.js';

interface Value {
  readonly name: string;
  readonly value: unknown;
  readonly publisher: string;
  readonly registeredAt: number;
  readonly expires?: number;
  readonly version: number;
}

interface Change {
  readonly version: number;
  readonly change: 'set' | 'delete';
  readonly at: number;
  readonly by: { readonly subject: string };
  readonly value?: unknown;
  readonly reason?: string;
}

/** `assay rv`: reference values of a running server. */
export function rvCommand(): Command {
  return group(
    'rv',
    'reference values of a server',
    ['assay rv list', 'assay rv set launch_digest abcde'],
    [list(), get(), set(), approveCommand(), renew(), remove()],
  );
}

function list(): Command {
  return serverCommand('list', 'list reference values', ['assay rv list', 'assay rv list --json']).action(
    async (flags: ServerCommandFlags) => {
      const { items } = (await adminClient(flags).json('GET', '/api/v1/reference-values')) as { items: Value[] };
      outputOf(flags).result({ items }, (out) =>
        out.write(
          items.length === 0
            ? 'no reference values; set one with: assay rv set NAME VALUE\n'
            : columns([
                ['NAME', 'VALUE', 'ENDS', 'BY'].map((h) => styled(out, 'bold', h)),
                ...items.map((v) => [
                  v.name,
                  brief(v.value),
                  v.expires === undefined ? 'never' : time(v.expires),
                  v.publisher,
                ]),
              ]),
        ),
      );
    },
  );
}

function get(): Command {
  return serverCommand('get', 'print a reference value with its history', [
    'assay rv get launch_digest',
    'assay rv get svn --json',
  ])
    .argument('<name>')
    .action(async (name: string, flags: ServerCommandFlags) => {
      const answer = (await adminClient(flags).json('GET', pathOf(name))) as {
        current: Value | null;
        history: Change[];
      };
      outputOf(flags).result(answer, (out) => {
        out.write(answer.current === null ? 'no value now\n' : `${JSON.stringify(answer.current.value, null, 2)}\n`);
        out.write(
          columns(
            answer.history.map((c) => [
              `  ${c.version}`,
              c.change,
              time(c.at),
              c.by.subject,
              c.reason ?? brief(c.value),
            ]),
          ),
        );
      });
    });
}

function set(): Command {
  return serverCommand('set', 'set a reference value; several values make a list', [
    'assay rv set launch_digest abcde 01234',
    "assay rv set minimum_minor_version 4 --as-integer --as-single-value --reason 'release 1.4'",
  ])
    .argument('<name>')
    .argument('<value...>')
    .option('--as-integer', 'values are integers')
    .option('--as-bool', 'values are true or false')
    .option('--as-json', 'the one value is JSON, taken as it is')
    .option('--as-single-value', 'store the value itself, not a list of it')
    .option('--add', 'add to the list that is there')
    .option('--expires <time>', 'RFC 3339, or `never` (default: in 12 months)')
    .option('--reason <text>', 'kept in the history')
    .option('--attempt <id>', 'attempt that is approved by this value')
    .action(async (name: string, values: string[], flags: SetFlags) => {
      const body = {
        value: referenceValueOf(values, flags),
        ...(flags.add === true ? { mode: 'add' } : {}),
        ...(flags.expires === undefined ? {} : { expires: flags.expires }),
        ...(flags.reason === undefined ? {} : { reason: flags.reason }),
        ...(flags.attempt === undefined ? {} : { attempt: flags.attempt }),
      };
      const result = (await adminClient(flags).json('PUT', pathOf(name), body)) as { value: Value };
      outputOf(flags).result(result, (out) =>
        out.write(`${styled(out, 'green', 'set')} ${name} = ${brief(result.value.value)}\n`),
      );
    });
}

type SetFlags = ServerCommandFlags & {
  asInteger?: boolean;
  asBool?: boolean;
  asJson?: boolean;
  asSingleValue?: boolean;
  add?: boolean;
  expires?: string;
  reason?: string;
  attempt?: string;
};

function renew(): Command {
  return serverCommand('renew', 'give a value a new end, after you have checked that it still holds', [
    'assay rv renew launch_digest',
    'assay rv renew svn --expires 2027-06-01T00:00:00Z',
  ])
    .argument('<name>')
    .option('--expires <time>', 'RFC 3339, or `never` (default: in 12 months)')
    .action(async (name: string, flags: ServerCommandFlags & { expires?: string }) => {
      const client = adminClient(flags);
      const { current, history } = (await client.json('GET', pathOf(name))) as {
        current: Value | null;
        history: Change[];
      };
      const value = current?.value ?? history.find((change) => change.change === 'set')?.value;
      if (value === undefined)
        throw new CliError(`${name} never had a value`, EXIT.refused, { hint: `set it: assay rv set ${name} VALUE` });
      const result = (await client.json('PUT', pathOf(name), {
        value,
        reason: 'renewed',
        ...(flags.expires === undefined ? {} : { expires: flags.expires }),
      })) as { value: Value };
      const end = result.value.expires === undefined ? 'never ends' : `ends ${time(result.value.expires)}`;
      outputOf(flags).result(result, (out) => out.write(`${styled(out, 'green', 'renewed')} ${name}, ${end}\n`));
    });
}

function remove(): Command {
  return serverCommand('delete', 'delete a reference value; its history stays', [
    'assay rv delete svn',
    'assay rv delete svn --json',
  ])
    .argument('<name>')
    .action(async (name: string, flags: ServerCommandFlags) => {
      await adminClient(flags).json('DELETE', pathOf(name));
      outputOf(flags).result({ deleted: name }, (out) => out.write(`deleted ${name}\n`));
    });
}

/** The JSON value that the arguments stand for: upstream's `set-sample-reference-value` has the same flags. */
export function referenceValueOf(
  values: readonly string[],
  flags: {
    readonly asInteger?: boolean;
    readonly asBool?: boolean;
    readonly asJson?: boolean;
    readonly asSingleValue?: boolean;
  },
): unknown {
  if ([flags.asInteger, flags.asBool, flags.asJson].filter(Boolean).length > 1)
    throw new CliError('only one of --as-integer, --as-bool, --as-json', EXIT.usage);
  if ((flags.asJson || flags.asSingleValue) && values.length !== 1)
    throw new CliError('--as-json and --as-single-value take one value', EXIT.usage);
  if (flags.asJson) return parseJsonStrict(values[0] ?? '');
  const list = values.map((text) => (flags.asInteger ? integer(text) : flags.asBool ? bool(text) : text));
  return flags.asSingleValue ? list[0] : list;
}

function integer(text: string): number {
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new CliError(`\`${text}\` is not an integer`, EXIT.usage);
  return value;
}

function bool(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new CliError(`\`${text}\` is neither true nor false`, EXIT.usage);
  return text === 'true';
}

function pathOf(name: string): string {
  return `/api/v1/reference-values/${encodeURIComponent(name)}`;
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`;
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}
