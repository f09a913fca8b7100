import { stripVTControlCharacters } from 'node:util';
import { styled, type Terminal, wrap } from '../terminal/style.js';

/** Tells the story on a terminal, in lines that fit it. */
export interface Narrator {
  heading(text: string): void;
  /** Something that went as it should; details in a dimmer voice, each on lines of its own. */
  step(text: string, ...details: readonly string[]): void;
  /** A refusal as whoever was refused hears it. */
  refused(text: string): void;
  /** What the program of the image printed. */
  printed(text: string): void;
  /** What the owner reads, beside a bar. */
  owner(text: string): void;
  /** The same, of lines that may be broken. */
  ownerProse(lines: readonly string[]): void;
  /** Prose, indented and wrapped. */
  says(text: string): void;
  plain(text: string): void;
}

export function narratorOn(terminal: Terminal): Narrator {
  const out = terminal.unicode ? terminal : { ...terminal, write: (text: string) => terminal.write(inAscii(text)) };
  const bar = out.unicode ? '│' : '|';
  const tick = out.unicode ? '✓' : '+';
  const cross = out.unicode ? '✗' : 'x';
  const width = out.width - 2;
  const beside = (line: string): void => out.write(`    ${styled(out, 'dim', bar)}${line === '' ? '' : ` ${line}`}\n`);
  return {
    heading: (text) => out.write(`\n${styled(out, 'bold', text)}\n`),
    step: (text, ...details) => {
      out.write(`  ${styled(out, 'green', tick)} ${wrap(text, width, '    ').trimStart()}\n`);
      for (const line of details.flatMap((detail) => wrap(detail, width, '    ').split('\n')))
        out.write(`${styled(out, 'dim', line)}\n`);
    },
    refused: (text) => out.write(`  ${styled(out, 'red', cross)} ${wrap(text, width, '    ').trimStart()}\n`),
    printed: (text) => out.write(`      ${styled(out, 'cyan', text)}\n`),
    owner: (text) => {
      for (const line of text.trimEnd().split('\n')) beside(shortened(line, width - 6));
    },
    ownerProse: (lines) => {
      for (const line of lines) for (const part of hanging(line, width - 6)) beside(part);
    },
    says: (text) => out.write(`${wrap(text, width, '  ')}\n`),
    plain: (text) => out.write(`${text}\n`),
  };
}

/** A narrator that says nothing, for `--json`. */
export const silent: Narrator = {
  heading: () => {},
  step: () => {},
  refused: () => {},
  printed: () => {},
  owner: () => {},
  ownerProse: () => {},
  says: () => {},
  plain: () => {},
};

const ASCII: Readonly<Record<string, string>> = { '’': "'", '“': '"', '”': '"', '…': '~', '·': '-' };

/** What is written here, where nothing else can be shown. */
function inAscii(text: string): string {
  return text.replaceAll(/[’“”…·]/g, (character) => ASCII[character] ?? '?');
}

/** Further lines of a text stand below its first word: `do     start it again`. */
function hanging(text: string, room: number): string[] {
  const [label = ''] = /^\S+ {2,}/.exec(text) ?? [];
  const [first = '', ...rest] = wrap(text.slice(label.length), room, ' '.repeat(label.length)).split('\n');
  return [label + first.trimStart(), ...rest];
}

/** A line that fits beside the bar; values that cannot be broken are cut, `assay audit show` has them whole. */
function shortened(line: string, room: number): string {
  const text = stripVTControlCharacters(line);
  return text.length <= room ? line : `${text.slice(0, room - 1)}…`;
}
