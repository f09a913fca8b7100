/** Syntax tree of a Go `text/template`. */
import { numberFromText, type Value } from '../../../value/index.js';
import { lexTemplate, type Piece, TemplateFailure, type Token } from './lex.js';

export type TemplateNode =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'action'; readonly pipe: Pipeline }
  | ControlNode
  | { readonly type: 'break' | 'continue' }
  | { readonly type: 'template'; readonly name: string; readonly pipe: Pipeline | undefined };

export interface ControlNode {
  readonly type: 'if' | 'with' | 'range';
  readonly pipe: Pipeline;
  readonly body: readonly TemplateNode[];
  readonly otherwise: readonly TemplateNode[];
}

export interface Pipeline {
  /** Variables declared (`:=`) or assigned (`=`); `range` may have two. */
  readonly variables: readonly string[];
  readonly declares: boolean;
  readonly commands: readonly (readonly Operand[])[];
}

export type Operand =
  | { readonly type: 'dot' }
  | { readonly type: 'constant'; readonly value: Value }
  | { readonly type: 'nil' }
  | { readonly type: 'function'; readonly name: string }
  | { readonly type: 'variable'; readonly name: string }
  | { readonly type: 'pipe'; readonly pipe: Pipeline }
  | { readonly type: 'chain'; readonly base: Operand; readonly fields: readonly string[] };

export interface ParsedTemplate {
  readonly main: readonly TemplateNode[];
  readonly named: ReadonlyMap<string, readonly TemplateNode[]>;
}

const MAX_DEPTH = 100;

export function parseTemplate(source: string, isFunction: (name: string) => boolean): ParsedTemplate {
  return new TemplateParser(lexTemplate(source), isFunction).parse();
}

class TemplateParser {
  readonly #pieces: readonly Piece[];
  readonly #isFunction: (name: string) => boolean;
  readonly #named = new Map<string, readonly TemplateNode[]>();
  #at = 0;
  /** Names of the variables in scope, innermost last. */
  #variables: string[] = ['$'];
  #loops = 0;

  constructor(pieces: readonly Piece[], isFunction: (name: string) => boolean) {
    this.#pieces = pieces;
    this.#isFunction = isFunction;
  }

  parse(): ParsedTemplate {
    const [main, end] = this.#list(0);
    if (end !== undefined) throw this.#error(`unexpected {{${end}}}`);
    return { main, named: this.#named };
  }

  #error(text: string): TemplateFailure {
    const piece = this.#pieces[Math.max(0, this.#at - 1)];
    return new TemplateFailure(`template: :${piece?.kind === 'action' ? piece.line : 1}: ${text}`);
  }

  /** Reads up to `{{end}}` or `{{else ...}}`, whose text is returned (undefined at the end of the source). */
  #list(depth: number): [TemplateNode[], string | undefined, readonly Token[]] {
    if (depth > MAX_DEPTH) throw this.#error('actions nest too deeply');
    const nodes: TemplateNode[] = [];
    while (this.#at < this.#pieces.length) {
      const piece = this.#pieces[this.#at++] as Piece;
      if (piece.kind === 'text') {
        nodes.push({ type: 'text', text: piece.text });
        continue;
      }
      const [first, ...rest] = piece.tokens;
      if (first === undefined) throw this.#error('missing value for command');
      const keyword = first.kind === 'word' ? first.text : '';
      switch (keyword) {
        case 'end':
        case 'else':
          return [nodes, keyword, rest];
        case 'if':
        case 'with':
        case 'range':
          nodes.push(this.#control(keyword, rest, depth));
          break;
        case 'break':
        case 'continue':
          if (this.#loops === 0) throw this.#error(`{{${keyword}}} outside {{range}}`);
          nodes.push({ type: keyword });
          break;
        case 'define':
        case 'block':
          this.#define(keyword, rest, nodes, depth);
          break;
        case 'template':
          nodes.push(this.#template(rest));
          break;
        default:
          nodes.push({ type: 'action', pipe: this.#whole(piece.tokens) });
      }
    }
    return [nodes, undefined, []];
  }

  #control(type: 'if' | 'with' | 'range', tokens: readonly Token[], depth: number): TemplateNode {
    const scope = this.#variables.length;
    const pipe = this.#whole(tokens, type === 'range');
    if (type === 'range') this.#loops++;
    const [body, end, rest] = this.#list(depth + 1);
    if (type === 'range') this.#loops--;
    let otherwise: readonly TemplateNode[] = [];
    if (end === 'else') {
      const next = rest[0];
      if (next !== undefined && next.kind === 'word' && next.text === type && type !== 'range') {
        // `{{else if ...}}` is an `if` of its own that shares the `{{end}}`.
        otherwise = [this.#control(type, rest.slice(1), depth + 1)];
      } else {
        if (next !== undefined) throw this.#error('unexpected token in else');
        const [nodes, close] = this.#list(depth + 1);
        if (close !== 'end') throw this.#error(close === 'else' ? 'expected end; found {{else}}' : 'unexpected EOF');
        otherwise = nodes;
      }
    } else if (end === undefined) throw this.#error('unexpected EOF');
    this.#variables.length = scope;
    return { type, pipe, body, otherwise };
  }

  #define(keyword: 'define' | 'block', tokens: readonly Token[], nodes: TemplateNode[], depth: number): void {
    const name = this.#name(tokens[0]);
    if (keyword === 'define' && tokens.length > 1) throw this.#error('unexpected token in define clause');
    const pipe = keyword === 'block' ? this.#whole(tokens.slice(1)) : undefined;
    const outer = this.#variables;
    this.#variables = ['$'];
    const [body, end] = this.#list(depth + 1);
    if (end !== 'end') throw this.#error(`unexpected ${end === undefined ? 'EOF' : '{{else}}'} in ${keyword} clause`);
    this.#variables = outer;
    this.#named.set(name, body);
    if (pipe !== undefined) nodes.push({ type: 'template', name, pipe });
  }

  #template(tokens: readonly Token[]): TemplateNode {
    const name = this.#name(tokens[0]);
    return { type: 'template', name, pipe: tokens.length > 1 ? this.#whole(tokens.slice(1)) : undefined };
  }

  #name(token: Token | undefined): string {
    const value = token?.kind === 'string' ? constant(token.text) : undefined;
    if (typeof value !== 'string') throw this.#error('unexpected token in template clause');
    return value;
  }

  #whole(tokens: readonly Token[], isRange = false): Pipeline {
    const [pipe, next] = this.#pipeline(tokens, 0, isRange, 0);
    if (next !== tokens.length) throw this.#error(`unexpected ${JSON.stringify(tokens[next]?.text)} in command`);
    return pipe;
  }

  #pipeline(tokens: readonly Token[], from: number, isRange: boolean, depth: number): [Pipeline, number] {
    if (depth > MAX_DEPTH) throw this.#error('parentheses nest too deeply');
    const [variables, declares, start] = this.#declaration(tokens, from, isRange);
    const commands: Operand[][] = [];
    let command: Operand[] = [];
    let at = start;
    for (; at < tokens.length; ) {
      const token = tokens[at] as Token;
      if (token.kind === 'punctuation' && token.text === ')') break;
      if (token.kind === 'punctuation' && token.text === '|') {
        if (command.length === 0) throw this.#error('missing value for command');
        commands.push(command);
        command = [];
        at++;
        continue;
      }
      if (command.length > 0 && !token.spaceBefore && !(token.kind === 'punctuation' && token.text === '(')) {
        throw this.#error(`unexpected ${JSON.stringify(token.text)} in operand`);
      }
      let operand: Operand;
      [operand, at] = this.#operand(tokens, at, depth);
      command.push(operand);
    }
    if (command.length === 0) throw this.#error('missing value for command');
    commands.push(command);
    this.#variables.push(...(declares ? variables : []));
    return [{ variables, declares, commands }, at];
  }

  #declaration(tokens: readonly Token[], from: number, isRange: boolean): [string[], boolean, number] {
    const names: string[] = [];
    let at = from;
    while (tokens[at]?.kind === 'variable' && names.length < 2) {
      names.push((tokens[at] as Token).text);
      const sign = tokens[at + 1];
      if (sign?.kind !== 'punctuation') break;
      if (sign.text === ':=' || sign.text === '=') {
        if (names.length === 2 && !isRange) throw this.#error('too many declarations in command');
        const declares = sign.text === ':=';
        if (!declares) for (const name of names) this.#known(name);
        return [names, declares, at + 2];
      }
      if (sign.text !== ',') break;
      at += 2;
    }
    return [[], false, from];
  }

  #known(name: string): void {
    if (!this.#variables.includes(name)) throw this.#error(`undefined variable ${JSON.stringify(name)}`);
  }

  #operand(tokens: readonly Token[], at: number, depth: number): [Operand, number] {
    const token = tokens[at] as Token;
    let base: Operand;
    let next = at + 1;
    let isTerm = true;
    switch (token.kind) {
      case 'field':
        base = { type: 'chain', base: { type: 'dot' }, fields: [token.text.slice(1)] };
        break;
      case 'variable':
        this.#known(token.text);
        base = { type: 'variable', name: token.text };
        break;
      case 'string':
      case 'number': {
        const value = constant(token.text);
        if (value === undefined) throw this.#error(`bad number syntax: ${JSON.stringify(token.text)}`);
        base = { type: 'constant', value };
        isTerm = false;
        break;
      }
      case 'word':
        if (token.text === 'true' || token.text === 'false') base = { type: 'constant', value: token.text === 'true' };
        else if (token.text === 'nil') base = { type: 'nil' };
        else if (this.#isFunction(token.text)) base = { type: 'function', name: token.text };
        else throw this.#error(`function ${JSON.stringify(token.text)} not defined`);
        break;
      default:
        if (token.text === '.') {
          base = { type: 'dot' };
        } else if (token.text === '(') {
          let pipe: Pipeline;
          [pipe, next] = this.#pipeline(tokens, next, false, depth + 1);
          if (tokens[next]?.text !== ')') throw this.#error('unclosed left paren');
          next++;
          base = { type: 'pipe', pipe };
        } else throw this.#error(`unexpected ${JSON.stringify(token.text)} in operand`);
    }
    const fields: string[] = [];
    for (let part = tokens[next]; part?.kind === 'field' && !part.spaceBefore; part = tokens[next]) {
      if (!isTerm || base.type === 'function')
        throw this.#error(`unexpected . after term ${JSON.stringify(token.text)}`);
      fields.push(part.text.slice(1));
      next++;
    }
    if (fields.length === 0) return [base, next];
    if (base.type === 'chain') return [{ ...base, fields: [...base.fields, ...fields] }, next];
    return [{ type: 'chain', base, fields }, next];
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\u0007', b: '\b', f: '\f', v: '\v' };

/** Value of a Go string, character or number literal. */
function constant(text: string): Value | undefined {
  if (text.startsWith('`')) return text.slice(1, -1);
  if (text.startsWith('"') || text.startsWith("'")) {
    const value = text
      .slice(1, -1)
      .replace(
        /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gs,
        (_, x, u, U, octal, char) => {
          const hex = (x ?? u ?? U) as string | undefined;
          const cp =
            hex !== undefined ? Number.parseInt(hex, 16) : octal !== undefined ? Number.parseInt(octal, 8) : -1;
          if (cp >= 0) return cp <= 0x10ffff ? String.fromCodePoint(cp) : '\ufffd';
          return Object.hasOwn(ESCAPES, char) ? (ESCAPES[char] as string) : (char as string);
        },
      );
    return text.startsWith("'") ? value.codePointAt(0) : value;
  }
  if (/^[+-]?0[xX]/.test(text)) return Number(text.replace(/^[+-]/, '')) * (text.startsWith('-') ? -1 : 1);
  return numberFromText(text.replace(/^\+/, ''));
}
