/** Rule paths at run time: values, sets, functions and partial documents, each evaluated at most once per layer. */
import type { Definition, RuleNode } from '../../compiler/ir.js';
import { canonicalKey, equals, SetBuilder, type Value } from '../../value/index.js';
import { lookup } from '../access.js';
import { DocumentBuilder } from '../builders.js';
import { conflict, MULTIPLE_FUNCTION_OUTPUTS, MULTIPLE_OUTPUTS } from '../errors.js';
import type { Runtime } from '../runtime.js';
import { type Evaluation, type Layer, type RuleEvaluator, UNDEFINED } from '../state.js';
import { type Collect, compileBranch, compileSolutions, type Enumerate, type Evaluate } from './branch.js';
import { planOf } from './plan.js';

const NO_ARGUMENTS: readonly Value[] = [];

export function compileRule(runtime: Runtime, node: RuleNode): RuleEvaluator {
  switch (node.kind) {
    case 'function':
      return functionRule(runtime, node);
    case 'set':
      return documentRule(node, setExtent(runtime, node));
    case 'partial':
      return partialRule(runtime, node);
    default:
      return documentRule(node, completeExtent(runtime, node));
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// One value

/** The value that all definitions agree on, or the default's. */
function compileValue(runtime: Runtime, node: RuleNode): Evaluate {
  const evaluators = node.definitions.map((definition) => compileDefinition(runtime, definition));
  const plan = runtime.instrument === undefined ? planOf(node.definitions, evaluators) : planOf([], evaluators);
  const fallback = node.defaultDefinition && compileDefinition(runtime, node.defaultDefinition);
  const message = node.kind === 'function' ? MULTIPLE_FUNCTION_OUTPUTS : MULTIPLE_OUTPUTS;
  const loc = node.definitions[0]?.rule.loc;
  const same = commonConstant(node.definitions);
  const [only, second] = evaluators;
  if (only === undefined) return fallback ?? (() => undefined);
  if (second === undefined) {
    return fallback === undefined ? only : (c, args) => only(c, args) ?? fallback(c, args);
  }
  return (c, args) => {
    let result: Value | undefined;
    plan.visit(c, (evaluate) => {
      const v = evaluate(c, args);
      if (v === undefined) return false;
      if (result === undefined) result = v;
      else if (!equals(result, v)) throw conflict(message, loc);
      return same;
    });
    return result ?? fallback?.(c, args);
  };
}

/** Every definition has the same constant value: the first that holds decides. */
function commonConstant(definitions: readonly Definition[]): boolean {
  const values = definitions.flatMap((definition) => definition.branches.map((branch) => branch.value));
  const [first] = values;
  return first?.kind === 'const' && values.every((v) => v.kind === 'const' && equals(v.value, first.value));
}

function compileDefinition(runtime: Runtime, definition: Definition): Evaluate {
  const branches = definition.branches.map((branch) => compileBranch(runtime, definition, branch));
  const [first, second] = branches;
  if (first === undefined) return () => undefined;
  if (second === undefined) return first;
  return (c, args) => {
    for (const branch of branches) {
      const v = branch(c, args);
      if (v !== undefined) return v;
    }
    return undefined;
  };
}

function completeExtent(runtime: Runtime, node: RuleNode): (c: Layer) => Value | undefined {
  const value = compileValue(runtime, node);
  return (c) => value(c, NO_ARGUMENTS);
}

/** A document that is computed as a whole and remembered in the layer. */
function documentRule(node: RuleNode, extent: (c: Layer) => Value | undefined): RuleEvaluator {
  const { index } = node;
  const evaluate = (c: Layer): Value | undefined => {
    const known = c.cache[index];
    if (known !== undefined) return known === UNDEFINED ? undefined : (known as Value);
    c.meter.enter();
    const value = extent(c);
    c.meter.depth--;
    c.cache[index] = value === undefined ? UNDEFINED : value;
    return value;
  };
  return { evaluate, lookup: (c, key) => lookup(evaluate(c), key), call: evaluate };
}

// ---------------------------------------------------------------------------------------------------------------------
// Sets

function setExtent(runtime: Runtime, node: RuleNode): (c: Layer) => Value {
  const solutions = node.definitions.flatMap((definition) =>
    definition.branches.map((branch) => compileSolutions(runtime, definition, branch, false)),
  );
  const plan = runtime.instrument === undefined ? planOf(node.definitions, solutions) : planOf([], solutions);
  return (c) => {
    const builder = new SetBuilder();
    const collect: Collect = (layer, _path, value) => {
      if (builder.add(value)) layer.meter.alloc(1);
    };
    plan.visit(c, (enumerate) => {
      enumerate(c, collect);
      return false;
    });
    return builder.build();
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Partial documents

interface PartialCache {
  full: Value | undefined;
  readonly keys: Map<string, Value | typeof UNDEFINED>;
}

function partialRule(runtime: Runtime, node: RuleNode): RuleEvaluator {
  const compileAll = (keyed: boolean): { readonly definition: Definition; readonly enumerate: Enumerate }[] =>
    node.definitions.flatMap((definition) =>
      definition.branches.map((branch) => ({
        definition,
        enumerate: compileSolutions(runtime, definition, branch, keyed),
      })),
    );
  const all = compileAll(false);
  let keyed: typeof all | undefined;
  const { index } = node;
  const cacheOf = (c: Layer): PartialCache => {
    const known = c.cache[index] as PartialCache | undefined;
    if (known !== undefined) return known;
    const fresh: PartialCache = { full: undefined, keys: new Map() };
    c.cache[index] = fresh;
    return fresh;
  };
  const collectInto = (builder: DocumentBuilder, definition: Definition): Collect =>
    definition.kind === 'set'
      ? (_c, path, value) => builder.add(path, value, definition.rule.loc)
      : (_c, path, value) => builder.put(path, value, definition.rule.loc);
  const evaluate = (c: Layer): Value => {
    const cache = cacheOf(c);
    if (cache.full !== undefined) return cache.full;
    c.meter.enter();
    const builder = new DocumentBuilder(c.meter);
    for (const { definition, enumerate } of all) enumerate(c, collectInto(builder, definition));
    addBelow(c, node, [], builder);
    c.meter.depth--;
    cache.full = builder.build();
    return cache.full;
  };
  const lookupKey = (c: Layer, key: Value): Value | undefined => {
    const cache = cacheOf(c);
    if (cache.full !== undefined || node.children.size > 0) return lookup(evaluate(c), key);
    const canonical = canonicalKey(key);
    const known = cache.keys.get(canonical);
    if (known !== undefined) return known === UNDEFINED ? undefined : known;
    c.meter.enter();
    keyed ??= compileAll(true);
    const builder = new DocumentBuilder(c.meter);
    for (const { definition, enumerate } of keyed) enumerate(c, collectInto(builder, definition), key);
    c.meter.depth--;
    const value = lookup(builder.build(), key);
    cache.keys.set(canonical, value === undefined ? UNDEFINED : value);
    return value;
  };
  return { evaluate, lookup: lookupKey, call: evaluate };
}

/** Rules with fixed names below a partial rule are part of its document. */
function addBelow(c: Layer, node: RuleNode, path: readonly Value[], builder: DocumentBuilder): void {
  for (const [name, child] of node.children) {
    const at = [...path, name];
    const rule = child.definitions[0] ?? child.defaultDefinition;
    if (child.kind === undefined) addBelow(c, child, at, builder);
    else if (rule !== undefined && child.kind !== 'function') {
      const value = c.evaluation.rule(child).evaluate(c);
      if (value !== undefined) builder.put(at, value, rule.rule.loc);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Functions

function functionRule(runtime: Runtime, node: RuleNode): RuleEvaluator {
  const value = compileValue(runtime, node);
  const { index } = node;
  const compute = (c: Layer, args: readonly Value[]): Value | undefined => {
    c.meter.enter();
    const result = value(c, args);
    c.meter.depth--;
    return result;
  };
  const call = (c: Layer, args: readonly Value[]): Value | undefined => {
    const key = memoKey(c.evaluation, args);
    if (key === undefined) return compute(c, args);
    let memo = c.cache[index] as Map<string, Value | typeof UNDEFINED> | undefined;
    if (memo === undefined) {
      memo = new Map();
      c.cache[index] = memo;
    }
    const known = memo.get(key);
    if (known !== undefined) return known === UNDEFINED ? undefined : known;
    const result = compute(c, args);
    memo.set(key, result === undefined ? UNDEFINED : result);
    return result;
  };
  return { evaluate: () => undefined, lookup: () => undefined, call };
}

/** Composite arguments that are remembered in one evaluation; a function fed with ever new ones is not worth a memory. */
const MAX_IDENTITIES = 50_000;

/** Scalars by value, composites by identity: equal collections built twice are merely computed twice. */
function memoKey(evaluation: Evaluation, args: readonly Value[]): string | undefined {
  let key = '';
  for (let i = 0; i < args.length; i++) {
    const v = args[i] as Value;
    if (typeof v === 'string') key += `s${v.length}:${v}`;
    else if (typeof v === 'object' && v !== null) {
      const id = identity(evaluation, v);
      if (id === undefined) return undefined;
      key += `o${id};`;
    } else key += `v${String(v)};`;
  }
  return key;
}

function identity(evaluation: Evaluation, v: object): number | undefined {
  evaluation.ids ??= new WeakMap();
  const known = evaluation.ids.get(v);
  if (known !== undefined || evaluation.nextId >= MAX_IDENTITIES) return known;
  const id = evaluation.nextId++;
  evaluation.ids.set(v, id);
  return id;
}
