/** Splits a Go `text/template` into text and actions. */

/** A template that cannot be parsed or executed. */
export class TemplateFailure extends Error {
  override readonly name = 'TemplateFailure';
}

export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly tokens: readonly Token[]; readonly line: number };

export type Token =
  | { readonly kind: 'word' | 'punctuation'; readonly text: string; readonly spaceBefore: boolean }
  /** `.a`, `.`, `$x`: `text` includes the leading sign. */
  | { readonly kind: 'field' | 'variable'; readonly text: string; readonly spaceBefore: boolean }
  | { readonly kind: 'string' | 'number'; readonly text: string; readonly spaceBefore: boolean };

const TOKEN =
  /(\.[\p{L}_][\p{L}\p{Nd}_]*)|(\$[\p{L}\p{Nd}_]*)|("(?:[^"\\\n]|\\.)*")|(`[^`]*`)|('(?:[^'\\\n]|\\.)+')|([+-]?(?:0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?))|([\p{L}_][\p{L}\p{Nd}_]*)|(:=|[.()|,=])/uy;

export function lexTemplate(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimNext = false;
  while (at < source.length) {
    const open = source.indexOf('{{', at);
    let text = source.slice(at, open < 0 ? source.length : open);
    if (trimNext) text = text.replace(/^[ \t\r\n]+/, '');
    trimNext = false;
    // `{{- ` eats the white space before it, ` -}}` that behind it.
    const trimBefore = open >= 0 && /^-[ \t\r\n]/.test(source.slice(open + 2, open + 4));
    if (trimBefore) text = text.replace(/[ \t\r\n]+$/, '');
    if (text !== '') pieces.push({ kind: 'text', text });
    if (open < 0) break;
    const start = open + (trimBefore ? 3 : 2);
    const line = 1 + (source.slice(0, open).match(/\n/g)?.length ?? 0);
    const comment = /^[ \t\r\n]*\/\*/.exec(source.slice(start));
    if (comment !== null) {
      const end = source.indexOf('*/', start + comment[0].length);
      const close = /^([ \t\r\n]+-)?\}\}/.exec(end < 0 ? '' : source.slice(end + 2));
      if (end < 0 || close === null) throw new TemplateFailure(`template: :${line}: unclosed comment`);
      trimNext = close[1] !== undefined;
      at = end + 2 + close[0].length;
      continue;
    }
    const [tokens, next, trims] = lexAction(source, start, line);
    pieces.push({ kind: 'action', tokens, line });
    trimNext = trims;
    at = next;
  }
  return pieces;
}

function lexAction(source: string, start: number, line: number): [Token[], number, boolean] {
  const tokens: Token[] = [];
  let at = start;
  for (;;) {
    const space = /[ \t\r\n]*/y;
    space.lastIndex = at;
    const skipped = space.exec(source)?.[0].length ?? 0;
    at += skipped;
    if (source.startsWith('}}', at)) return [tokens, at + 2, false];
    if (skipped > 0 && source.startsWith('-}}', at)) return [tokens, at + 3, true];
    if (at >= source.length) throw new TemplateFailure(`template: :${line}: unclosed action`);
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(source);
    if (match === null) {
      throw new TemplateFailure(`template: :${line}: unexpected ${JSON.stringify(source[at])} in command`);
    }
    const kinds = ['field', 'variable', 'string', 'string', 'number', 'number', 'word', 'punctuation'] as const;
    const index = match.slice(1).findIndex((group) => group !== undefined);
    tokens.push({ kind: kinds[index] as Token['kind'], text: match[0], spaceBefore: skipped > 0 } as Token);
    at += match[0].length;
  }
}
