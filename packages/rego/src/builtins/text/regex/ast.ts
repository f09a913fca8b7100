import type { Ranges } from './ranges.js';

export type AssertKind = 'textStart' | 'textEnd' | 'lineStart' | 'lineEnd' | 'wordBoundary' | 'noWordBoundary';

/** Syntax tree of an expression. `max` is -1 for "no upper bound". Classes are clean; an empty class never matches. */
export type Node =
  | { readonly type: 'empty' }
  | { readonly type: 'class'; readonly ranges: Ranges }
  | { readonly type: 'assert'; readonly kind: AssertKind }
  | { readonly type: 'capture'; readonly index: number; readonly name: string; readonly sub: Node }
  | { readonly type: 'concat'; readonly subs: readonly Node[] }
  | { readonly type: 'alternate'; readonly subs: readonly Node[] }
  | {
      readonly type: 'repeat';
      readonly sub: Node;
      readonly min: number;
      readonly max: number;
      readonly greedy: boolean;
    };

export interface ParsedRegex {
  readonly root: Node;
  /** Name of every group, '' where it has none; index 0 is the whole match. */
  readonly groupNames: readonly string[];
}

const EMPTY: Node = { type: 'empty' };

export function literal(codePoint: number): Node {
  return { type: 'class', ranges: [codePoint, codePoint] };
}

export function concat(subs: readonly Node[]): Node {
  if (subs.length === 0) return EMPTY;
  return subs.length === 1 ? (subs[0] as Node) : { type: 'concat', subs };
}

export function alternate(subs: readonly Node[]): Node {
  return subs.length === 1 ? (subs[0] as Node) : { type: 'alternate', subs };
}
