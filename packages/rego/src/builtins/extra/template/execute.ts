/** Interpreter of Go's `text/template` with `missingkey=error`. */
import {
  display,
  isArray,
  isNumber,
  isObject,
  objectEntries,
  objectGet,
  RegoSet,
  TextSink,
  toSafeInteger,
  typeName,
  type Value,
} from '../../../value/index.js';
import { FUNCTIONS, printed, truth } from './functions.js';
import { TemplateFailure } from './lex.js';
import {
  type ControlNode,
  type Operand,
  type ParsedTemplate,
  type Pipeline,
  parseTemplate,
  type TemplateNode,
} from './parse.js';

const MAX_DEPTH = 100;
const OWN_FUNCTIONS = new Set(['and', 'or', 'printf']);

export interface TemplateHost {
  step(n: number): void;
  alloc(n: number): void;
  printf(format: string, args: readonly Value[]): string;
}

/** Parses and executes; throws TemplateFailure. */
export function renderTemplate(source: string, data: Value, host: TemplateHost): string {
  const template = parseTemplate(source, (name) => FUNCTIONS.has(name) || OWN_FUNCTIONS.has(name));
  const run = new Execution(template, host);
  run.walk(template.main, data, [['$', data]], 0);
  return run.output.toString();
}

type Flow = 'next' | 'break' | 'continue';
/** Variables in scope; the cells are shared, so that `=` reaches outer scopes. */
type Scope = [name: string, value: Value][];

class Execution {
  readonly output = new TextSink();
  readonly #template: ParsedTemplate;
  readonly #host: TemplateHost;

  constructor(template: ParsedTemplate, host: TemplateHost) {
    this.#template = template;
    this.#host = host;
  }

  #write(text: string): void {
    this.#host.alloc(1 + (text.length >> 4));
    this.output.push(text);
  }

  walk(nodes: readonly TemplateNode[], dot: Value, scope: Scope, depth: number): Flow {
    for (const node of nodes) {
      this.#host.step(1);
      const flow = this.#node(node, dot, scope, depth);
      if (flow !== 'next') return flow;
    }
    return 'next';
  }

  #node(node: TemplateNode, dot: Value, scope: Scope, depth: number): Flow {
    switch (node.type) {
      case 'text':
        this.#write(node.text);
        return 'next';
      case 'action': {
        const value = this.#pipe(node.pipe, dot, scope);
        if (node.pipe.variables.length === 0) this.#write(printed(value));
        return 'next';
      }
      case 'break':
      case 'continue':
        return node.type;
      case 'if':
      case 'with': {
        const inner = [...scope];
        const value = this.#pipe(node.pipe, dot, inner);
        if (!truth(value)) return this.walk(node.otherwise, dot, inner, depth);
        return this.walk(node.body, node.type === 'with' ? value : dot, inner, depth);
      }
      case 'range':
        return this.#range(node, dot, scope, depth);
      case 'template': {
        const body = this.#template.named.get(node.name);
        if (body === undefined) throw new TemplateFailure(`template ${JSON.stringify(node.name)} not defined`);
        if (depth >= MAX_DEPTH) throw new TemplateFailure('exceeded maximum template depth');
        const value = node.pipe === undefined ? null : this.#pipe(node.pipe, dot, [...scope]);
        this.walk(body, value, [['$', value]], depth + 1);
        return 'next';
      }
    }
  }

  #range(node: ControlNode, dot: Value, scope: Scope, depth: number): Flow {
    const { variables, declares } = node.pipe;
    const outer = [...scope];
    const list = this.#pipe({ ...node.pipe, variables: [] }, dot, outer);
    const entries = entriesOf(list);
    if (entries.length === 0) return this.walk(node.otherwise, dot, outer, depth);
    for (const [key, value] of entries) {
      const inner = [...outer];
      const bound = variables.length === 2 ? [key, value] : [value];
      variables.forEach((name, i) => {
        if (declares) inner.push([name, bound[i] as Value]);
        else assign(inner, name, bound[i] as Value);
      });
      if (this.walk(node.body, value, inner, depth) === 'break') break;
    }
    return 'next';
  }

  #pipe(pipe: Pipeline, dot: Value, scope: Scope): Value {
    let value: Value | undefined;
    for (const command of pipe.commands) value = this.#command(command, dot, scope, value);
    const result = value ?? null;
    for (const name of pipe.variables) {
      if (pipe.declares) scope.push([name, result]);
      else assign(scope, name, result);
    }
    return result;
  }

  #command(command: readonly Operand[], dot: Value, scope: Scope, last: Value | undefined): Value {
    this.#host.step(1);
    const [head, ...rest] = command as [Operand, ...Operand[]];
    if (head.type === 'function') return this.#call(head.name, rest, dot, scope, last);
    if (rest.length > 0 || last !== undefined) throw new TemplateFailure("can't give argument to non-function");
    return this.#operand(head, dot, scope);
  }

  #call(name: string, operands: readonly Operand[], dot: Value, scope: Scope, last: Value | undefined): Value {
    if (name === 'and' || name === 'or') {
      const all = operands.map((operand) => () => this.#operand(operand, dot, scope));
      if (last !== undefined) all.push(() => last);
      let value: Value | undefined;
      for (const evaluate of all) {
        value = evaluate();
        if (truth(value) === (name === 'or')) return value;
      }
      if (value === undefined) throw new TemplateFailure(`wrong number of args for ${name}`);
      return value;
    }
    const args = operands.map((operand) => this.#operand(operand, dot, scope));
    if (last !== undefined) args.push(last);
    if (name === 'printf') {
      const [format, ...values] = args;
      if (typeof format !== 'string') throw new TemplateFailure('error calling printf: format is not a string');
      return this.#host.printf(format, values);
    }
    const run = FUNCTIONS.get(name);
    if (run === undefined) throw new TemplateFailure(`function ${JSON.stringify(name)} not defined`);
    return run(args);
  }

  #operand(operand: Operand, dot: Value, scope: Scope): Value {
    switch (operand.type) {
      case 'dot':
        return dot;
      case 'constant':
        return operand.value;
      case 'nil':
        return null;
      case 'function':
        return this.#call(operand.name, [], dot, scope, undefined);
      case 'variable':
        return cell(scope, operand.name)[1];
      case 'pipe':
        return this.#pipe(operand.pipe, dot, [...scope]);
      case 'chain': {
        let value = this.#operand(operand.base, dot, scope);
        for (const field of operand.fields) value = fieldOf(value, field);
        return value;
      }
    }
  }
}

function fieldOf(value: Value, field: string): Value {
  if (!isObject(value)) {
    const what = value === null ? 'nil pointer' : `type ${typeName(value)}`;
    throw new TemplateFailure(`can't evaluate field ${field} in ${what}`);
  }
  const member = objectGet(value, field);
  if (member === undefined) throw new TemplateFailure(`map has no entry for key ${JSON.stringify(field)}`);
  return member;
}

function cell(scope: Scope, name: string): [string, Value] {
  const found = scope.findLast(([other]) => other === name);
  if (found === undefined) throw new TemplateFailure(`undefined variable: ${name}`);
  return found;
}

function assign(scope: Scope, name: string, value: Value): void {
  cell(scope, name)[1] = value;
}

function entriesOf(list: Value): (readonly [Value, Value])[] {
  if (list === null) return [];
  if (isArray(list)) return list.map((item, i) => [i, item] as const);
  if (list instanceof RegoSet) return list.values().map((item, i) => [i, item] as const);
  if (isObject(list)) return objectEntries(list).map(({ key, value }) => [display(key), value] as const);
  const count = isNumber(list) ? toSafeInteger(list) : undefined;
  if (count === undefined) throw new TemplateFailure(`range can't iterate over ${printed(list)}`);
  if (count > 1_000_000) throw new TemplateFailure('range is too long');
  return Array.from({ length: Math.max(0, count) }, (_, i) => [i, i] as const);
}
