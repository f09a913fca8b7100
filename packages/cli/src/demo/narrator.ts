import { stripVTControlCharacters } from 'node:util';
import { styled, type Terminal, wrap } from '../terminal/style.js';

/** Tells the story on a terminal, at most 80 columns wide. */
export interface Narrator {
  heading(text: string): void;
  /** Something that happened; `detail` in a dimmer voice. */
  step(text: string, detail?: string): void;
  /** A refusal as the guest hears it. */
  refused(text: string): void;
  /** Text of the owner's explanation, shown beside a bar. */
  owner(text: string): void;
  /** Prose, indented and wrapped. */
  says(text: string): void;
  plain(text: string): void;
}

const width = 78;

export function narratorOn(out: Terminal): Narrator {
  const bar = out.unicode ? '│' : '|';
  const tick = out.unicode ? '✓' : '+';
  const cross = out.unicode ? '✗' : 'x';
  return {
    heading: (text) => out.write(`\n${styled(out, 'bold', text)}\n`),
    step: (text, detail) => {
      out.write(`  ${styled(out, 'green', tick)} ${wrap(text, width - 4, '    ').trimStart()}\n`);
      if (detail !== undefined) out.write(`${styled(out, 'dim', wrap(detail, width - 4, '    '))}\n`);
    },
    refused: (text) => out.write(`  ${styled(out, 'red', cross)} ${wrap(text, width - 4, '    ').trimStart()}\n`),
    owner: (text) => {
      for (const line of text.trimEnd().split('\n')) out.write(`    ${styled(out, 'dim', bar)} ${shortened(line)}\n`);
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
  owner: () => {},
  says: () => {},
  plain: () => {},
};

/** A line that fits beside the bar; values that cannot be broken are cut, `assay audit show` has them whole. */
function shortened(line: string): string {
  const room = width - 6;
  return stripVTControlCharacters(line).length <= room ? line : `${stripVTControlCharacters(line).slice(0, room - 1)}…`;
}
