/**
 * The tree as OPA writes it in JSON (`opa parse --format json`, `rego.parse_module`), without locations.
 *
 * OPA's tree says less about the source than ours and more about its engine: operators are calls of their built-ins, each
 * wildcard has a name of its own, a missing body is `true`.
 */
import { numberFromText } from '../value/number.js';
import type { JsonObject, Value } from '../value/value.js';
import type {
  Body,
  CallTerm,
  Else,
  Head,
  Import,
  Module,
  Rule,
  Statement,
  StringTerm,
  Term,
  VarTerm,
  WithModifier,
} from './types.js';

type Json = Record<string, Value>;

const roots: ReadonlySet<string> = new Set(['data', 'input']);
const typed = (type: string, value: Value): JsonObject => ({ type, value });
const reference = (...names: string[]): JsonObject => {
  return typed(
    'ref',
    names.map((name, index) => typed(index === 0 ? 'var' : 'string', name)),
  );
};
const truth = (): JsonObject => typed('boolean', true);

class JsonTree {
  #wildcards = 0;

  module(module: Module): JsonObject {
    const json: Json = { package: { path: pathJson(['data', ...module.package.path]) } };
    if (module.imports.length > 0) json['imports'] = module.imports.map((item) => importJson(item));
    const annotations = module.annotations.map((annotation): Value => annotation.fields as JsonObject);
    if (annotations.length > 0) json['annotations'] = annotations;
    if (module.rules.length > 0) json['rules'] = module.rules.map((rule) => this.#rule(rule));
    return json;
  }

  #rule(rule: Rule): JsonObject {
    const json: Json = {};
    if (rule.default) json['default'] = true;
    json['head'] = this.#head(rule.head, rule.ifKeyword);
    json['body'] = this.body(rule.body);
    if (rule.else.length > 0) json['else'] = this.#else(rule, 0);
    return json;
  }

  #else(rule: Rule, index: number): JsonObject {
    const branch = rule.else[index] as Else;
    const { value: _value, operator: _operator, ...head } = rule.head;
    const own = branch.value && branch.operator ? { value: branch.value, operator: branch.operator } : {};
    const json: Json = {
      head: this.#head({ ...head, ...own }, branch.ifKeyword),
      body: this.body(branch.body),
    };
    if (index + 1 < rule.else.length) json['else'] = this.#else(rule, index + 1);
    return json;
  }

  #head(head: Head, ifKeyword: boolean): JsonObject {
    const json: Json = {};
    const [name, key] = head.ref;
    const oldObject = head.kind === 'value' && head.ref.length === 2 && key !== undefined;
    const dynamic = key !== undefined && key.kind !== 'string' && key.kind !== 'number';
    if (head.ref.length === 1 || (oldObject && (!ifKeyword || head.value))) json['name'] = name.name;
    json['ref'] = head.ref.map((part) => this.term(part));
    if (head.args) json['args'] = head.args.map((arg) => this.term(arg));
    if (head.key) json['key'] = this.term(head.key);
    else if (oldObject && (!ifKeyword || dynamic)) json['key'] = this.term(key);
    if (head.value) json['value'] = this.term(head.value);
    else if (head.kind !== 'set') json['value'] = truth();
    if (head.operator === ':=') json['assign'] = true;
    return json;
  }

  body(body: Body): readonly Value[] {
    if (body.length === 0) return [{ index: 0, terms: truth() }];
    return body.map((statement, index) => this.#statement(statement, index));
  }

  #statement(statement: Statement, index: number): JsonObject {
    const json: Json = { index, terms: this.#terms(statement) };
    if (statement.kind === 'not') json['negated'] = true;
    if (statement.with.length > 0) json['with'] = statement.with.map((modifier) => this.#with(modifier));
    return json;
  }

  #with(modifier: WithModifier): JsonObject {
    return { target: this.term(modifier.target), value: this.term(modifier.value) };
  }

  #terms(statement: Statement): Value {
    switch (statement.kind) {
      case 'term':
        // A call as statement lists its parts; any other term stands alone.
        return statement.term.kind === 'call' ? this.#callParts(statement.term) : this.term(statement.term);
      case 'unify':
        return [reference('eq'), this.term(statement.left), this.term(statement.right)];
      case 'assign':
        return [reference('assign'), this.term(statement.target), this.term(statement.value)];
      case 'not':
        return this.#terms(statement.statement);
      case 'some':
        return { symbols: statement.vars.map((v) => this.#variable(v)) };
      case 'some-in': {
        const operator = reference('internal', statement.key ? 'member_3' : 'member_2');
        const parts = [...(statement.key ? [statement.key] : []), statement.value, statement.domain];
        return { symbols: [typed('call', [operator, ...parts.map((part) => this.term(part))])] };
      }
      case 'every':
        return {
          key: statement.key ? this.term(statement.key) : null,
          value: this.term(statement.value),
          domain: this.term(statement.domain),
          body: this.body(statement.body),
        };
    }
  }

  #callParts(call: CallTerm): readonly Value[] {
    const { callee } = call;
    const operator = callee.kind === 'var' ? reference(callee.name) : this.term(callee);
    return [operator, ...call.args.map((arg) => this.term(arg))];
  }

  #variable(variable: VarTerm): JsonObject {
    return typed('var', variable.wildcard ? `$${this.#wildcards++}` : variable.name);
  }

  term(term: Term): JsonObject {
    switch (term.kind) {
      case 'null':
        return typed('null', {});
      case 'boolean':
      case 'string':
        return typed(term.kind, term.value);
      case 'number':
        return typed('number', numberFromText(withLeadingZero(term.text)) ?? 0);
      case 'var':
        return roots.has(term.name) ? reference(term.name) : this.#variable(term);
      case 'ref': {
        const head = term.head.kind === 'var' ? this.#variable(term.head) : this.term(term.head);
        return typed('ref', [head, ...term.path.map((part) => this.term(part))]);
      }
      case 'call':
        return typed('call', this.#callParts(term));
      case 'array':
      case 'set':
        return typed(
          term.kind,
          term.items.map((item) => this.term(item)),
        );
      case 'object':
        return typed(
          'object',
          term.entries.map((entry) => [this.term(entry.key), this.term(entry.value)]),
        );
      case 'array-comprehension':
        return typed('arraycomprehension', { term: this.term(term.term), body: this.body(term.body) });
      case 'set-comprehension':
        return typed('setcomprehension', { term: this.term(term.term), body: this.body(term.body) });
      case 'object-comprehension':
        return typed('objectcomprehension', {
          key: this.term(term.key),
          value: this.term(term.value),
          body: this.body(term.body),
        });
      case 'template':
        return typed('templatestring', {
          parts: term.parts.map((part, index) => {
            return typeof part === 'string' ? typed('string', part) : this.#statement(part, index);
          }),
          multi_line: term.raw,
        });
    }
  }
}

/** JSON has no `.5`. */
function withLeadingZero(text: string): string {
  return text.replace(/^(-?)\./, '$10.');
}

function pathJson(path: readonly string[]): readonly Value[] {
  return path.map((name, index) => typed(index === 0 ? 'var' : 'string', name));
}

function importJson(item: Import): JsonObject {
  const path = typed('ref', pathJson(item.path));
  return item.alias === undefined ? { path } : { path, alias: item.alias };
}

/** A module in OPA's JSON form. */
export function moduleToJson(module: Module): JsonObject {
  return new JsonTree().module(module);
}

/** A body or query in OPA's JSON form. */
export function bodyToJson(body: Body): readonly Value[] {
  return new JsonTree().body(body);
}

/** A path such as `rego.metadata.chain` gives it: the package and rule names of a target. */
export function rulePath(packagePath: readonly string[], rule: Rule): readonly string[] {
  const names = rule.head.ref.slice(1).map((part) => (part.kind === 'string' ? (part as StringTerm).value : undefined));
  const ground = names.slice(0, names.includes(undefined) ? names.indexOf(undefined) : undefined);
  return [...packagePath, rule.head.ref[0].name, ...ground.filter((name) => name !== undefined)];
}
