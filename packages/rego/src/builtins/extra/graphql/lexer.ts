/** Tokens of the GraphQL language (October 2021 edition, section 2.1), with the error texts of gqlparser. */

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A document that does not parse, or does not hold against its schema. */
export class GraphqlError extends Error {
  override readonly name = 'GraphqlError';
  readonly position: Position | undefined;

  constructor(message: string, position?: Position) {
    super(message);
    this.position = position;
  }
}

export type TokenKind =
  | '<EOF>'
  | '!'
  | '$'
  | '&'
  | '('
  | ')'
  | '...'
  | ':'
  | '='
  | '@'
  | '['
  | ']'
  | '{'
  | '|'
  | '}'
  | 'Name'
  | 'Int'
  | 'Float'
  | 'String'
  | 'BlockString';

export interface Token {
  readonly kind: TokenKind;
  readonly value: string;
  readonly position: Position;
}

const PUNCTUATION: ReadonlySet<string> = new Set('!$&():=@[]{|}');
const NAME = /[_A-Za-z][_0-9A-Za-z]*/y;
const NUMBER = /(-?)(0|[1-9][0-9]*)?(\.[0-9]*)?(?:([eE])([+-]?)([0-9]*))?/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

export class Lexer {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Token {
    this.#skipIgnored();
    const text = this.#text;
    const position = this.#position(this.#at);
    const char = text[this.#at];
    if (char === undefined) return { kind: '<EOF>', value: '', position };
    if (PUNCTUATION.has(char)) {
      this.#at++;
      return { kind: char as TokenKind, value: '', position };
    }
    if (text.startsWith('...', this.#at)) {
      this.#at += 3;
      return { kind: '...', value: '', position };
    }
    NAME.lastIndex = this.#at;
    const name = NAME.exec(text);
    if (name !== null) {
      this.#at += name[0].length;
      return { kind: 'Name', value: name[0], position };
    }
    if (/[-0-9]/.test(char)) return this.#number(position);
    if (text.startsWith('"""', this.#at)) return this.#blockString(position);
    if (char === '"') return this.#string(position);
    if (char === "'") {
      throw new GraphqlError(
        `Unexpected single quote character ('), did you mean to use a double quote (")?`,
        position,
      );
    }
    const cp = text.codePointAt(this.#at) as number;
    if (cp < 0x20 && char !== '\t')
      throw new GraphqlError(`Cannot contain the invalid character ${quoted(char)}`, position);
    throw new GraphqlError(
      `Cannot parse the unexpected character ${JSON.stringify(String.fromCodePoint(cp))}.`,
      position,
    );
  }

  #position(at: number): Position {
    let column = 1;
    for (const _ of this.#text.slice(this.#lineStart, at)) column++;
    return { line: this.#line, column };
  }

  #skipIgnored(): void {
    const text = this.#text;
    for (; this.#at < text.length; this.#at++) {
      const char = text[this.#at] as string;
      if (char === '\n' || char === '\r') {
        if (char === '\r' && text[this.#at + 1] === '\n') this.#at++;
        this.#newLine(this.#at + 1);
      } else if (char === '#') {
        const end = /[\r\n]|$/g;
        end.lastIndex = this.#at;
        this.#at = (end.exec(text)?.index ?? text.length) - 1;
      } else if (!/[ \t,\ufeff]/.test(char)) return;
    }
  }

  #newLine(start: number): void {
    this.#line++;
    this.#lineStart = start;
  }

  #number(position: Position): Token {
    const text = this.#text;
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(text) as RegExpExecArray;
    const end = this.#at + match[0].length;
    const bad = (at: number, what = 'Invalid number, expected digit but got'): GraphqlError => {
      const cp = text.codePointAt(at);
      const found = cp === undefined ? '<EOF>.' : `${JSON.stringify(String.fromCodePoint(cp))}.`;
      return new GraphqlError(`${what}: ${found}`, this.#position(at));
    };
    const sign = (match[1] as string).length;
    if (match[2] === undefined) throw bad(this.#at + sign);
    if (match[2] === '0' && /[0-9]/.test(text[this.#at + sign + 1] ?? '')) {
      throw bad(this.#at + sign + 1, 'Invalid number, unexpected digit after 0');
    }
    if (match[3] === '.') throw bad(this.#at + sign + match[2].length + 1);
    if (match[4] !== undefined && match[6] === '') throw bad(end);
    if (/[_A-Za-z.]/.test(text[end] ?? '')) throw bad(end);
    this.#at = end;
    const isFloat = match[3] !== undefined || match[4] !== undefined;
    return { kind: isFloat ? 'Float' : 'Int', value: match[0], position };
  }

  #string(position: Position): Token {
    const text = this.#text;
    let value = '';
    for (let at = this.#at + 1; at < text.length; at++) {
      const char = text[at] as string;
      if (char === '"') {
        this.#at = at + 1;
        return { kind: 'String', value, position };
      }
      if (char === '\n' || char === '\r') break;
      if (char < ' ' && char !== '\t') {
        throw new GraphqlError(`Invalid character within String: ${quoted(char)}.`, this.#position(at));
      }
      if (char !== '\\') {
        value += char;
        continue;
      }
      const escaped = text[++at] ?? '';
      if (escaped === 'u') {
        const hex = /^[0-9A-Fa-f]{4}$/.exec(text.slice(at + 1, at + 5));
        if (hex === null) {
          throw new GraphqlError(`Invalid character escape sequence: \\${text.slice(at, at + 5)}.`, this.#position(at));
        }
        value += String.fromCharCode(Number.parseInt(hex[0], 16));
        at += 4;
      } else {
        const plain = Object.hasOwn(ESCAPES, escaped) ? ESCAPES[escaped] : undefined;
        if (plain === undefined) {
          throw new GraphqlError(`Invalid character escape sequence: \\${escaped}.`, this.#position(at));
        }
        value += plain;
      }
    }
    throw new GraphqlError('Unterminated string.', position);
  }

  #blockString(position: Position): Token {
    const text = this.#text;
    let raw = '';
    for (let at = this.#at + 3; at < text.length; at++) {
      if (text.startsWith('"""', at)) {
        this.#at = at + 3;
        return { kind: 'BlockString', value: dedent(raw), position };
      }
      if (text.startsWith('\\"""', at)) {
        raw += '"""';
        at += 3;
        continue;
      }
      const char = text[at] as string;
      if (char < ' ' && !/[\t\r\n]/.test(char)) {
        throw new GraphqlError(`Invalid character within String: ${quoted(char)}.`, this.#position(at));
      }
      raw += char;
      if (char === '\n' || (char === '\r' && text[at + 1] !== '\n')) this.#newLine(at + 1);
    }
    throw new GraphqlError('Unterminated string.', position);
  }
}

function quoted(char: string): string {
  return `"\\u${(char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}"`;
}

/** BlockStringValue (section 2.9.4): the common indentation and blank lines at both ends go. */
function dedent(raw: string): string {
  const lines = raw.split(/\r\n|[\n\r]/);
  let common = Number.POSITIVE_INFINITY;
  for (const line of lines.slice(1)) {
    const indent = (/^[ \t]*/.exec(line) as RegExpExecArray)[0].length;
    if (indent < line.length && indent < common) common = indent;
  }
  const cut = lines.map((line, i) => (i > 0 && Number.isFinite(common) ? line.slice(common) : line));
  while (cut.length > 0 && /^[ \t]*$/.test(cut[0] as string)) cut.shift();
  while (cut.length > 0 && /^[ \t]*$/.test(cut[cut.length - 1] as string)) cut.pop();
  return cut.join('\n');
}
