/** Parser of the parts common to queries and schemas, and of queries (sections 2.2 to 2.12). */
import {
  type Argument,
  type ChildValue,
  type Directive,
  type Field,
  type FragmentDefinition,
  type OperationDefinition,
  type QueryDocument,
  type Selection,
  type TypeNode,
  VALUE_KIND,
  type ValueNode,
  type VariableDefinition,
} from './ast.js';
import { GraphqlError, Lexer, type Position, type Token, type TokenKind } from './lexer.js';

const MAX_DEPTH = 200;

function describeToken(token: Token): string {
  return token.value === '' ? token.kind : `${token.kind} ${JSON.stringify(token.value)}`;
}

/** Cursor over the tokens with the productions that both kinds of document use. */
export class BaseParser {
  readonly #lexer: Lexer;
  #peeked: Token | undefined;
  #depth = 0;

  constructor(text: string) {
    this.#lexer = new Lexer(text);
  }

  peek(): Token {
    this.#peeked ??= this.#lexer.next();
    return this.#peeked;
  }

  next(): Token {
    const token = this.peek();
    this.#peeked = undefined;
    return token;
  }

  at(): Position {
    return this.peek().position;
  }

  fail(message: string, token = this.peek()): GraphqlError {
    return new GraphqlError(message, token.position);
  }

  unexpected(token = this.peek()): GraphqlError {
    return this.fail(`Unexpected ${describeToken(token)}`, token);
  }

  expect(kind: TokenKind): Token {
    const token = this.peek();
    if (token.kind !== kind) throw this.fail(`Expected ${kind}, found ${token.kind}`);
    return this.next();
  }

  isKeyword(word: string): boolean {
    const token = this.peek();
    return token.kind === 'Name' && token.value === word;
  }

  expectKeyword(word: string): void {
    if (!this.isKeyword(word)) throw this.fail(`Expected ${JSON.stringify(word)}, found ${describeToken(this.peek())}`);
    this.next();
  }

  skip(kind: TokenKind): boolean {
    if (this.peek().kind !== kind) return false;
    this.next();
    return true;
  }

  /** `open item* close`, or nothing at all. */
  many(open: TokenKind, close: TokenKind, item: () => void): void {
    if (!this.skip(open)) return;
    while (this.peek().kind !== close) item();
    this.next();
  }

  /** `open item+ close`, or nothing at all. */
  some(open: TokenKind, close: TokenKind, item: () => void): void {
    if (!this.skip(open)) return;
    if (this.peek().kind === close) throw this.fail(`expected at least one definition, found ${this.peek().kind}`);
    while (this.peek().kind !== close) item();
    this.next();
  }

  nested<R>(read: () => R): R {
    if (++this.#depth > MAX_DEPTH) throw this.fail('document is nested too deeply');
    const result = read();
    this.#depth--;
    return result;
  }

  name(): string {
    return this.expect('Name').value;
  }

  type(): TypeNode {
    return this.nested(() => {
      const position = this.at();
      let type: TypeNode;
      if (this.skip('[')) {
        type = { NamedType: '', Elem: this.type(), NonNull: false, position };
        this.expect(']');
      } else {
        type = { NamedType: this.name(), Elem: undefined, NonNull: false, position };
      }
      if (this.skip('!')) type.NonNull = true;
      return type;
    });
  }

  directives(isConstant: boolean): Directive[] {
    const list: Directive[] = [];
    while (this.peek().kind === '@') {
      this.next();
      const position = this.at();
      list.push({ Name: this.name(), Arguments: this.arguments(isConstant), Location: '', position });
    }
    return list;
  }

  arguments(isConstant: boolean): Argument[] {
    const list: Argument[] = [];
    this.some('(', ')', () => {
      const position = this.at();
      const name = this.name();
      this.expect(':');
      list.push({ Name: name, Value: this.value(isConstant), position });
    });
    return list;
  }

  value(isConstant: boolean): ValueNode {
    return this.nested(() => {
      const token = this.peek();
      const node = (Kind: number, Raw = token.value, Children: ChildValue[] = []): ValueNode => ({
        Raw,
        Children,
        Kind,
        ExpectedTypeHasDefault: false,
        position: token.position,
      });
      const children: ChildValue[] = [];
      switch (token.kind) {
        case '[':
          this.many('[', ']', () => children.push({ Name: '', Value: this.value(isConstant), position: this.at() }));
          return node(VALUE_KIND.list, '', children);
        case '{':
          this.many('{', '}', () => {
            const position = this.at();
            const name = this.name();
            this.expect(':');
            children.push({ Name: name, Value: this.value(isConstant), position });
          });
          return node(VALUE_KIND.object, '', children);
        case '$':
          if (isConstant) throw this.unexpected();
          this.next();
          return node(VALUE_KIND.variable, this.name());
        case 'Int':
        case 'Float':
        case 'String':
        case 'BlockString':
          this.next();
          return node({ Int: 1, Float: 2, String: 3, BlockString: 4 }[token.kind]);
        case 'Name':
          this.next();
          if (token.value === 'true' || token.value === 'false') return node(VALUE_KIND.boolean);
          return node(token.value === 'null' ? VALUE_KIND.null : VALUE_KIND.enum);
        default:
          throw this.unexpected();
      }
    });
  }
}

export function parseQuery(text: string): QueryDocument {
  return new QueryParser(text).document();
}

class QueryParser extends BaseParser {
  document(): QueryDocument {
    const document: QueryDocument = { Operations: [], Fragments: [] };
    for (let token = this.peek(); token.kind !== '<EOF>'; token = this.peek()) {
      if (token.kind === '{') document.Operations.push(this.#operation());
      else if (token.kind !== 'Name') throw this.unexpected();
      else if (['query', 'mutation', 'subscription'].includes(token.value)) document.Operations.push(this.#operation());
      else if (token.value === 'fragment') document.Fragments.push(this.#fragment());
      else throw this.unexpected();
    }
    return document;
  }

  #operation(): OperationDefinition {
    const position = this.at();
    const operation = this.peek().kind === '{' ? 'query' : this.next().value;
    const isShort = position.line === this.at().line && position.column === this.at().column;
    return {
      Operation: operation,
      Name: !isShort && this.peek().kind === 'Name' ? this.name() : '',
      VariableDefinitions: isShort ? [] : this.#variables(),
      Directives: isShort ? [] : this.directives(false),
      SelectionSet: this.#requiredSelections(),
      position,
    };
  }

  #variables(): VariableDefinition[] {
    const list: VariableDefinition[] = [];
    this.some('(', ')', () => {
      const position = this.at();
      this.expect('$');
      const variable = this.name();
      this.expect(':');
      const type = this.type();
      const value = this.skip('=') ? this.value(true) : undefined;
      list.push({
        Variable: variable,
        Type: type,
        DefaultValue: value,
        Directives: this.directives(false),
        Used: false,
        position,
      });
    });
    return list;
  }

  #requiredSelections(): Selection[] {
    if (this.peek().kind !== '{') throw this.fail(`Expected {, found ${this.peek().kind}`);
    return this.#selections();
  }

  #selections(): Selection[] {
    return this.nested(() => {
      const list: Selection[] = [];
      this.some('{', '}', () => list.push(this.peek().kind === '...' ? this.#spread() : this.#field()));
      return list;
    });
  }

  #field(): Field {
    const position = this.at();
    const alias = this.name();
    const name = this.skip(':') ? this.name() : alias;
    return {
      node: 'Field',
      Alias: alias,
      Name: name,
      Arguments: this.arguments(false),
      Directives: this.directives(false),
      SelectionSet: this.#selections(),
      position,
    };
  }

  #spread(): Selection {
    this.expect('...');
    const position = this.at();
    const token = this.peek();
    if (token.kind === 'Name' && token.value !== 'on') {
      return { node: 'FragmentSpread', Name: this.#fragmentName(), Directives: this.directives(false), position };
    }
    let condition = '';
    if (token.kind === 'Name') {
      this.next();
      condition = this.name();
    }
    return {
      node: 'InlineFragment',
      TypeCondition: condition,
      Directives: this.directives(false),
      SelectionSet: this.#requiredSelections(),
      position,
    };
  }

  #fragment(): FragmentDefinition {
    this.expectKeyword('fragment');
    const position = this.at();
    const name = this.#fragmentName();
    const variables = this.#variables();
    this.expectKeyword('on');
    return {
      Name: name,
      VariableDefinition: variables,
      TypeCondition: this.name(),
      Directives: this.directives(false),
      SelectionSet: this.#requiredSelections(),
      position,
    };
  }

  #fragmentName(): string {
    if (this.isKeyword('on')) throw this.unexpected();
    return this.name();
  }
}
