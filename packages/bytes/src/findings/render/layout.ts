/** Widths, wrapping, glyphs and colours of the terminal rendering. */
import type { Outcome } from '../model.js';
import { GLYPHS_ASCII, GLYPHS_UNICODE, type Glyphs } from './glyphs.js';

export interface TerminalOptions {
  /** Columns of the terminal; absent when it is none (80 then). At least 60 and at most 100 are used. */
  readonly columns?: number;
  /** False for locales other than UTF-8 and `TERM=dumb`. Default true. */
  readonly unicode?: boolean;
  /** Colour repeats what glyph and word say. Default false; the caller decides by NO_COLOR, FORCE_COLOR and the TTY. */
  readonly color?: boolean;
  /** `short`: at most 40 lines. `all`: every finding by stage. Default `short`. */
  readonly mode?: 'short' | 'all';
  /** Id or key of one finding that is to be shown with everything. */
  readonly why?: string;
  /** Shorten nothing. */
  readonly full?: boolean;
}

export type Style = 'red' | 'yellow' | 'green' | 'dim' | 'bold' | 'cyan';

const CODES: { readonly [style in Style]: readonly [number, number] } = {
  red: [31, 39],
  yellow: [33, 39],
  green: [32, 39],
  cyan: [36, 39],
  bold: [1, 22],
  dim: [2, 22],
};

/** Colour of an outcome's glyph. */
export const OUTCOME_STYLE: { readonly [outcome in Outcome]: Style } = {
  fail: 'red',
  warn: 'yellow',
  'not-checked': 'dim',
  pass: 'green',
};

export class Layout {
  readonly width: number;
  readonly glyphs: Glyphs;
  readonly full: boolean;
  readonly #color: boolean;

  constructor(options: TerminalOptions) {
    this.width = Math.min(100, Math.max(60, options.columns ?? 80));
    this.glyphs = options.unicode === false ? GLYPHS_ASCII : GLYPHS_UNICODE;
    this.#color = options.color === true;
    this.full = options.full === true;
  }

  paint(style: Style, text: string): string {
    const [on, off] = CODES[style];
    return this.#color && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  }

  /** Replaces typographic characters where the terminal has none. */
  plain(text: string): string {
    if (this.glyphs === GLYPHS_UNICODE) return text;
    return text.replaceAll('…', '...').replaceAll('·', '-').replaceAll('≤', '<=').replaceAll('≥', '>=');
  }

  /**
   * Wraps at spaces. A word (id, digest, URL, path) or a command in backticks is never broken: one that does not fit
   * stands alone.
   *
   * @returns at least one line
   */
  wrap(text: string, width: number): string[] {
    const lines: string[] = [];
    let line = '';
    for (const word of text.match(/(?:`[^`]*`|[^ ])+/g) ?? []) {
      if (line === '') line = word;
      else if (lengthOf(line) + 1 + lengthOf(word) <= width) line += ` ${word}`;
      else {
        lines.push(line);
        line = word;
      }
    }
    lines.push(line);
    return lines;
  }

  /** Left and right texts on one line, the right one ending two columns before the edge; two spaces where both do not fit. */
  spread(left: string, right: string, prefix = ''): string {
    const room = this.width - 2 - lengthOf(prefix) - lengthOf(left) - lengthOf(right);
    return `${prefix}${left}${' '.repeat(Math.max(2, room))}${right}`;
  }

  /** A command: broken only before an option, with a backslash; otherwise whole on its line. */
  command(run: string, width: number): string[] {
    if (lengthOf(run) <= width) return [run];
    const lines: string[] = [];
    let line = '';
    for (const part of run.split(/ (?=--)/)) {
      if (line === '') line = part;
      else if (lengthOf(line) + lengthOf(part) + 3 <= width) line += ` ${part}`;
      else {
        lines.push(`${line} \\`);
        line = `  ${part}`;
      }
    }
    lines.push(line);
    return lines;
  }
}

/** Characters as columns count them; combining and wide ones are not expected in lines that `visible` made. */
export function lengthOf(text: string): number {
  return Array.from(text).length;
}
