import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { FINDING_IDS, registerEntry } from '@assay/bytes/findings';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from './program.js';
import { VERSION } from './version.js';

/**
 * Commands that the register of findings names before they exist, with the work that brings them. A command that exists
 * must not stand here.
 */
const awaited: Readonly<Record<string, string>> = {
  'measure init-data': 'reference values from artifacts',
  'measure pcr': 'reference values from artifacts',
  'audit verify': 'the chained audit log',
  'doctor --only collateral': 'issue 4: vendor endorsements and their cache',
};

const program = createProgram();

function* all(command: Command, path: readonly string[] = []): Generator<readonly [string, Command]> {
  if (path.length > 0) yield [path.join(' '), command];
  for (const member of command.commands) yield* all(member, [...path, member.name()]);
}
const commands = new Map(all(program));

function help(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (chunk) => {
      text += chunk;
    },
  });
  command.outputHelp();
  return text;
}

/** The longest command that a line begins with, and the words after it. */
function resolve(line: string): readonly [Command | undefined, readonly string[]] {
  const words = line.split(/\s+/).slice(1);
  let command: Command = program;
  let used = 0;
  while (used < words.length) {
    const word = words[used] ?? '';
    const option = command.options.find((candidate) => candidate.long === word);
    // Groups may have options of their own before the name of a member.
    if (option !== undefined && command.commands.length > 0) {
      used += option.required ? 2 : 1;
      continue;
    }
    const member = command.commands.find(
      (candidate) => candidate.name() === word || candidate.aliases().includes(word),
    );
    if (member === undefined) break;
    command = member;
    used += 1;
  }
  return [command === program ? undefined : command, words.slice(used)];
}

/** What is wrong with a command line as a person would paste it; undefined: nothing. */
function fault(line: string): string | undefined {
  const [command, rest] = resolve(line);
  if (command === undefined) return 'no such command';
  const [first] = rest;
  if (
    command.commands.length > 0 &&
    first !== undefined &&
    !first.startsWith('-') &&
    command.registeredArguments.length === 0
  )
    return `\`${command.name()}\` has no \`${first}\``;
  for (const [i, word] of rest.entries()) {
    const flag = /^--[a-z-]+/.exec(word)?.[0];
    if (flag === undefined || flag === '--help') continue;
    const option = command.options.find((candidate) => candidate.long === flag);
    if (option === undefined) return `no option ${flag}`;
    const value = rest[i + 1];
    if (option.argChoices !== undefined && value !== undefined && !option.argChoices.includes(value))
      return `${flag} takes no ${value}`;
  }
  return undefined;
}

test.each([...commands])('assay %s --help says what it does and shows two examples that parse', (path, command) => {
  expect(command.description().length).toBeGreaterThan(10);
  const text = help(command);
  const examples = [...text.matchAll(/^ {2}\$ (.+)$/gm)].map(([, line]) => line ?? '');
  expect(examples, path).toHaveLength(2);
  for (const example of examples) {
    const line = example.slice(example.indexOf('assay '));
    expect(fault(line.split(/ [|>] /)[0] ?? ''), line).toBeUndefined();
  }
  // `kbs-client` has upstream's flags and its help, so that scripts of its users run as they are.
  if (
    command.commands.length === 0 &&
    !path.startsWith('kbs-client') &&
    !path.startsWith('rego') &&
    path !== 'completion'
  )
    expect(command.options.map((option) => option.long)).toContain('--json');
});

describe('commands that findings tell people to run', () => {
  const told = FINDING_IDS.flatMap((id) => {
    const { remedy, title, causes } = registerEntry(id);
    return [remedy, title, ...causes].flatMap((text) =>
      [...text.matchAll(/`(assay [^`]+)`/g)].map(([, line]) => [id, line ?? ''] as const),
    );
  });

  test('are there at all', () => expect(told.length).toBeGreaterThan(10));

  test.each(told)('%s: %s', (_id, line) => {
    const isAwaited = Object.keys(awaited).some((prefix) => line.slice('assay '.length).startsWith(prefix));
    const wrong = fault(line);
    if (isAwaited) expect(wrong, 'exists now: take it out of the list of awaited commands').toBeDefined();
    else expect(wrong, line).toBeUndefined();
  });

  test('the list of awaited commands holds nothing that nobody names', () => {
    for (const prefix of Object.keys(awaited))
      expect(
        told.some(([, line]) => line.startsWith(`assay ${prefix}`)),
        prefix,
      ).toBe(true);
  });
});

test.each(['rvps', 'attestation-service', 'kbs'])('flags behind `serve %s` are its own', (name) => {
  const serve = commands.get('serve');
  const one = commands.get(`serve ${name}`);
  if (serve === undefined || one === undefined) throw new Error('no such command');
  let given: unknown;
  one.action((flags: unknown) => {
    given = flags;
  });
  program.parse(['serve', name, '--insecure-http', '--data-dir', '/d', '--listen', '127.0.0.1:1'], { from: 'user' });
  expect(given).toMatchObject({ insecureHttp: true, dataDir: '/d', listen: ['127.0.0.1:1'] });
});

test('the version is that of package.json', () => {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  expect(VERSION).toBe(manifest.version);
});

describe('completion', () => {
  async function script(shell: string): Promise<string> {
    const written: string[] = [];
    const { write } = process.stdout;
    process.stdout.write = ((chunk: string) => written.push(chunk) > 0) as typeof write;
    try {
      await createProgram().parseAsync(['completion', shell], { from: 'user' });
    } finally {
      process.stdout.write = write;
    }
    return written.join('');
  }

  test('the bash script parses and offers the words of each command', async () => {
    const text = await script('bash');
    execFileSync('bash', ['-n'], { input: text });
    const offered = (line: readonly string[]): string[] =>
      execFileSync('bash', [
        '-c',
        `${text}\nCOMP_WORDS=(assay ${line.join(' ')}); COMP_CWORD=${line.length}; _assay; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ])
        .toString()
        .split('\n')
        .filter((word) => word !== '');
    expect(offered(['ser'])).toEqual(['serve']);
    expect(offered(['rv', 'app'])).toEqual(['approve']);
    expect(offered(['audit', 'replay', '--cur'])).toEqual(['--current-values']);
    expect(offered(['serve', 'kbs', '--inse'])).toEqual(['--insecure-http']);
  });

  test('the zsh script is the bash one behind zsh’s loader; the fish script has a line for every command', async () => {
    expect(await script('zsh')).toContain(await script('bash'));
    const fish = await script('fish');
    for (const path of commands.keys()) expect(fish).toContain(`-a ${path.split(' ').at(-1)}`);
  });

  test('another shell is a usage error', async () => {
    await expect(createProgram().parseAsync(['completion', 'tcsh'], { from: 'user' })).rejects.toMatchObject({
      exit: 2,
    });
  });
});
