/** Modules: package, imports, rules, and the checks that need a whole module. */
import { RegoErrors } from '../ast/errors.js';
import type { Annotation, Body, Import, Module, Package, Rule, Term } from '../ast/types.js';
import { type ParseOptions, SyntaxFailure } from './cursor.js';
import { RuleParser } from './rules.js';
import { baseKeywords, futureKeywords, type Token } from './tokens.js';

const roots: ReadonlySet<string> = new Set(['data', 'input', 'future', 'rego']);

class ModuleParser extends RuleParser {
  readonly #imports: Import[] = [];
  readonly #rules: Rule[] = [];
  #package: Package | undefined;
  #regoV1 = false;

  module(): Module {
    if (this.at('eof')) {
      this.report('empty module', this.locOf(this.peek()));
      throw new RegoErrors(this.errors);
    }
    while (!this.at('eof')) this.#topLevel();
    this.#throwErrors();
    const found = this.#package;
    if (found === undefined) throw new Error('a module without package has errors');
    if (this.version === 'v1') this.#checkV1();
    this.#throwErrors();
    const { comments, readAnnotations } = this;
    const imports = this.#imports;
    const rules = this.#rules;
    let annotations: readonly Annotation[] | undefined;
    return {
      kind: 'module',
      file: this.file,
      text: this.text,
      version: this.version,
      package: found,
      imports,
      rules,
      comments,
      get annotations() {
        annotations ??= readAnnotations?.(comments, found, imports, rules) ?? [];
        return annotations;
      },
      loc: { file: this.file, row: 1, col: 1, offset: 0, end: this.text.length },
    };
  }

  query(): Body {
    return this.#whole(() => this.statements('eof'));
  }

  singleTerm(): Term {
    return this.#whole(() => {
      const term = this.expression(true);
      if (!this.at('eof')) this.unexpected('expected one term');
      return term;
    });
  }

  #whole<T>(parse: () => T): T {
    try {
      if (this.at('eof')) this.fail('empty text');
      return parse();
    } catch (failure) {
      if (!(failure instanceof SyntaxFailure)) throw failure;
      this.report(failure.message, this.locOf(failure.token));
      throw new RegoErrors(this.errors);
    }
  }

  #throwErrors(): void {
    if (this.errors.length > 0) throw new RegoErrors(this.errors);
  }

  #topLevel(): void {
    const begin = this.index;
    this.forget();
    try {
      this.#statementOfModule();
    } catch (failure) {
      if (!(failure instanceof SyntaxFailure)) throw failure;
      this.report(failure.message, this.locOf(failure.token));
      if (this.errors.length >= this.maxErrors) throw new RegoErrors(this.errors);
      this.#recover(Math.max(begin, failure.index));
    }
  }

  /** Goes on where a line starts with a word in its first column: most likely the next rule. */
  #recover(from: number): void {
    this.index = from;
    if (this.at('eof')) return;
    do this.next();
    while (!this.at('eof') && !this.#startsRule(this.peek()));
  }

  #startsRule(token: Token): boolean {
    return token.kind === 'ident' && token.col === 1 && token.text !== 'else';
  }

  #statementOfModule(): void {
    const start = this.peek();
    if (this.atKeyword('package')) {
      const read = this.#readPackage(start);
      if (this.#package) this.fail('unexpected package', start);
      this.#package = read;
      return;
    }
    if (!this.#package && this.errors.length === 0) this.report('package expected', this.locOf(start));
    if (this.atKeyword('import')) this.#imports.push(this.#import(start));
    else this.#rules.push(...this.rules());
  }

  /** `a.b["c"]`, whose first part may be a keyword. */
  #path(): { path: [string, ...string[]]; end: Token } {
    const first = this.peek();
    if (first.kind !== 'ident') return this.unexpected('expected ident');
    this.next();
    const path: [string, ...string[]] = [first.text];
    let end = first;
    for (;;) {
      if (this.atAdjacent('.')) {
        this.next();
        end = this.peek();
        if (end.kind !== 'ident' || end.spaceBefore) this.unexpected('expected ident');
      } else if (this.atAdjacent('[')) {
        this.next();
        end = this.peek();
        if (end.kind !== 'string') this.unexpected('expecting string');
      } else {
        return { path, end };
      }
      this.next();
      path.push(end.text);
      if (end.kind === 'string' && !this.accept(']')) this.unexpected('expected ]');
    }
  }

  #readPackage(start: Token): Package {
    this.next();
    const { path } = this.#path();
    return { kind: 'package', path, loc: this.locFrom(start) };
  }

  #import(start: Token): Import {
    this.next();
    const { path, end } = this.#path();
    const [root] = path;
    if (!roots.has(root)) {
      this.fail(`unexpected import path, must begin with one of: {data, future, input, rego}, got: ${root}`, start);
    }
    let alias: string | undefined;
    if (this.atKeyword('as')) {
      this.next();
      const token = this.peek();
      if (token.kind !== 'ident' || this.isKeyword(token)) this.unexpected('expected var');
      if (this.peek(1).kind === '.' && !this.peek(1).spaceBefore) this.unexpected('expected var');
      this.next();
      alias = token.text;
    }
    const read: Import = { kind: 'import', path, ...(alias === undefined ? {} : { alias }), loc: this.locFrom(start) };
    if (root === 'future') this.#futureImport(read, start);
    else if (root === 'rego') this.#regoImport(read, start);
    else if (alias === undefined && this.#isReserved(end.text)) {
      this.fail(
        `unexpected import path, must not end with a keyword, got: ${end.text} (hint: import a different path or use an alias)`,
        end,
      );
    }
    return read;
  }

  #isReserved(name: string): boolean {
    return baseKeywords.includes(name) || (this.version === 'v1' && futureKeywords.includes(name));
  }

  #futureImport(read: Import, start: Token): void {
    const [, second, keyword] = read.path;
    if (second !== 'keywords' || read.path.length > 3) this.fail('invalid import, must be `future.keywords`', start);
    if (read.alias !== undefined) this.fail('`future` imports cannot be aliased', start);
    if (keyword !== undefined && !futureKeywords.includes(keyword)) {
      this.fail(`unexpected keyword, must be one of [${futureKeywords.join(' ')}]`, start);
    }
    if (this.#regoV1) this.#exclusive(start);
    for (const word of keyword === undefined ? futureKeywords : [keyword]) this.keywords.add(word);
    if (keyword === 'every') this.keywords.add('in');
  }

  #regoImport(read: Import, start: Token): void {
    if (read.path.length !== 2 || read.path[1] !== 'v1') {
      this.fail(`invalid import \`${read.path.join('.')}\`, must be \`rego.v1\``, start);
    }
    if (read.alias !== undefined) this.fail('`rego` imports cannot be aliased', start);
    if (this.version === 'v1') return;
    if (this.#imports.some((other) => other.path[0] === 'future')) this.#exclusive(start);
    this.#regoV1 = true;
    this.version = 'v1';
    for (const word of futureKeywords) this.keywords.add(word);
  }

  #exclusive(start: Token): never {
    return this.fail('the `rego.v1` import implies `future.keywords`, these are therefore mutually exclusive', start);
  }

  /** What v1 asks for beyond the grammar. All complaints of a module are reported together. */
  #checkV1(): void {
    for (const rule of this.#rules) {
      const { head } = rule;
      const what = head.kind === 'function' ? 'function' : 'rule';
      const bare = rule.body.length === 0 && head.value === undefined && head.kind !== 'set';
      if (bare && !rule.default) this.report(`${what} must have value assignment and/or body declaration`, rule.loc);
      if (rule.body.length > 0 && !rule.ifKeyword)
        this.report(`\`if\` keyword is required before ${what} body`, rule.loc);
      if (head.kind === 'set' && !head.contains) {
        this.report('`contains` keyword is required for partial set rules', rule.loc);
      }
      for (const branch of rule.else) {
        if (branch.body.length > 0 && !branch.ifKeyword) {
          this.report(`\`if\` keyword is required before ${what} body`, branch.loc);
        }
      }
    }
  }
}

/**
 * Parses one module.
 *
 * @throws RegoErrors with all findings, code `rego_parse_error`
 */
export function parseModule(text: string, options: ParseOptions = {}): Module {
  return new ModuleParser(text, options).module();
}

/**
 * Parses a query: statements separated by `;` or line breaks.
 *
 * @throws RegoErrors
 */
export function parseQuery(text: string, options: ParseOptions = {}): Body {
  return new ModuleParser(text, options).query();
}

/**
 * Parses one term (or infix expression) that makes up the whole text; comments are allowed around it.
 *
 * @throws RegoErrors
 */
export function parseTerm(text: string, options: ParseOptions = {}): Term {
  return new ModuleParser(text, options).singleTerm();
}
