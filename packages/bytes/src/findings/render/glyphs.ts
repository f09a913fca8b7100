import type { Outcome } from '../model.js';

export interface Glyphs {
  readonly outcome: { readonly [outcome in Outcome]: string };
  /** Left edge of a root's block. */
  readonly bar: string;
  /** A consequence with others below it, and the last one. */
  readonly branch: string;
  readonly last: string;
  readonly dot: string;
}

export const GLYPHS_UNICODE: Glyphs = {
  outcome: { fail: '✗', warn: '!', 'not-checked': '○', pass: '✓' },
  bar: '│',
  branch: '├─',
  last: '└─',
  dot: '·',
};

export const GLYPHS_ASCII: Glyphs = {
  outcome: { fail: 'x', warn: '!', 'not-checked': 'o', pass: '+' },
  bar: '|',
  branch: '|-',
  last: '`-',
  dot: '-',
};
