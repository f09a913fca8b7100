/** Validation with the findings of gojsonschema: same order of checks, same texts. */
import {
  type AnyObject,
  codePointLength,
  compareNumbers,
  equals,
  formatNumber,
  isArray,
  isIntegral,
  isNumber,
  isObject,
  objectEntries,
  objectGet,
  objectHas,
  objectSize,
  type RegoNumber,
  RegoSet,
  ResourceLimitError,
  toJsonText,
  typeName,
  type Value,
} from '../../../value/index.js';
import { toParts } from '../../../value/number.js';
import { matchesFormat } from './formats.js';
import type { Schema } from './schema.js';

export interface Finding {
  readonly type: string;
  readonly field: string;
  readonly description: string;
}

const MAX_DEPTH = 400;
const ROOT = '(root)';

export function validate(schema: Schema, document: Value, step: (n: number) => void): Finding[] {
  const run = new Run(step);
  run.check(schema, document, ROOT, 0);
  return run.findings;
}

/**
 * One validation. The score tells which alternative of a failed `anyOf` or `oneOf` came closest: checks passed count
 * for it, findings against it.
 */
class Run {
  readonly findings: Finding[] = [];
  score = 0;
  readonly #step: (n: number) => void;

  constructor(step: (n: number) => void) {
    this.#step = step;
  }

  #fail(type: string, context: string, description: string): void {
    this.findings.push({ type, field: fieldOf(context), description });
    this.score -= 2;
  }

  #merge(other: Run): void {
    for (const finding of other.findings) this.findings.push(finding);
    this.score += other.score;
  }

  #sub(schema: Schema, node: Value, context: string, depth: number): Run {
    const run = new Run(this.#step);
    run.check(schema, node, context, depth + 1);
    return run;
  }

  check(schema: Schema, node: Value, context: string, depth: number): void {
    this.#step(1);
    if (depth > MAX_DEPTH) throw new ResourceLimitError('json.match_schema: schema and document recurse too deeply');
    if (schema.always === true) return;
    if (schema.always === false) {
      this.#fail('false', context, 'False always fails validation');
      return;
    }
    if (schema.ref !== undefined) {
      this.check(schema.ref, node, context, depth + 1);
      return;
    }
    if (schema.types !== undefined && schema.types.length > 0 && !hasType(schema.types, node)) {
      const expected = schema.types.length > 1 ? `[${schema.types.join(',')}]` : schema.types[0];
      this.#fail('invalid_type', context, `Invalid type. Expected: ${expected}, given: ${kindOf(node)}`);
      return;
    }
    this.#combined(schema, node, context, depth);
    if (isArray(node)) this.#array(schema, node, context, depth);
    else if (isObject(node)) this.#object(schema, node, context, depth);
    else if (typeof node === 'string') this.#string(schema, node, context);
    else if (isNumber(node)) this.#number(schema, node, context);
    this.#common(schema, node, context);
    if (isObject(node) && schema.properties !== undefined) {
      for (const [name, property] of schema.properties) {
        const value = objectGet(node, name);
        if (value !== undefined) this.check(property, value, `${context}.${name}`, depth + 1);
      }
    }
  }

  #combined(schema: Schema, node: Value, context: string, depth: number): void {
    if (schema.anyOf !== undefined && schema.anyOf.length > 0) this.#anyOf(schema.anyOf, node, context, depth);
    if (schema.oneOf !== undefined && schema.oneOf.length > 0) this.#oneOf(schema.oneOf, node, context, depth);
    if (schema.allOf !== undefined && schema.allOf.length > 0) {
      const runs = schema.allOf.map((part) => this.#sub(part, node, context, depth));
      for (const run of runs) if (run.findings.length > 0) this.#merge(run);
      if (runs.some((run) => run.findings.length > 0)) {
        this.#fail('number_all_of', context, 'Must validate all the schemas (allOf)');
      }
    }
    if (schema.not !== undefined && this.#sub(schema.not, node, context, depth).findings.length === 0) {
      this.#fail('number_not', context, 'Must not validate the schema (not)');
    }
    if (schema.dependencies !== undefined && isObject(node))
      this.#dependencies(schema.dependencies, node, context, depth);
    if (schema.condition !== undefined) {
      const holds = this.#sub(schema.condition.test, node, context, depth).findings.length === 0;
      const branch = holds ? schema.condition.whenTrue : schema.condition.whenFalse;
      const run = branch && this.#sub(branch, node, context, depth);
      if (run !== undefined && run.findings.length > 0) {
        if (holds) this.#fail('condition_then', context, 'Must validate "then" as "if" was valid');
        else this.#fail('condition_else', context, 'Must validate "else" as "if" was not valid');
        this.#merge(run);
      }
    }
    this.score++;
  }

  #anyOf(parts: readonly Schema[], node: Value, context: string, depth: number): void {
    let best: Run | undefined;
    for (const part of parts) {
      const run = this.#sub(part, node, context, depth);
      if (run.findings.length === 0) return;
      if (best === undefined || run.score > best.score) best = run;
    }
    this.#fail('number_any_of', context, 'Must validate at least one schema (anyOf)');
    if (best !== undefined) this.#merge(best);
  }

  #oneOf(parts: readonly Schema[], node: Value, context: string, depth: number): void {
    let best: Run | undefined;
    let valid = 0;
    for (const part of parts) {
      const run = this.#sub(part, node, context, depth);
      if (run.findings.length === 0) valid++;
      else if (valid === 0 && (best === undefined || run.score > best.score)) best = run;
    }
    if (valid === 1) return;
    this.#fail('number_one_of', context, 'Must validate one and only one schema (oneOf)');
    if (valid === 0 && best !== undefined) this.#merge(best);
  }

  #dependencies(
    dependencies: NonNullable<Schema['dependencies']>,
    node: AnyObject,
    context: string,
    depth: number,
  ): void {
    for (const { key } of objectEntries(node)) {
      const dependency = dependencies.get(key as string);
      if (dependency === undefined) continue;
      if (!isList(dependency)) {
        this.check(dependency, node, context, depth + 1);
        continue;
      }
      for (const name of dependency) {
        if (!objectHas(node, name)) this.#fail('missing_dependency', context, `Has a dependency on ${name}`);
      }
    }
  }

  #common(schema: Schema, node: Value, context: string): void {
    if (schema.constant !== undefined && !equals(schema.constant.value, node)) {
      this.#fail('const', context, `${fieldOf(context)} does not match: ${toJsonText(schema.constant.value)}`);
    }
    if (schema.enumeration !== undefined && !schema.enumeration.some((allowed) => equals(allowed, node))) {
      const allowed = schema.enumeration.map((value) => toJsonText(value)).join(', ');
      this.#fail('enum', context, `${fieldOf(context)} must be one of the following: ${allowed}`);
    }
    this.score++;
  }

  #array(schema: Schema, node: readonly Value[], context: string, depth: number): void {
    const { items, additionalItems, minItems, maxItems } = schema;
    if (items !== undefined && !isList(items)) {
      node.forEach((item, i) => {
        this.check(items, item, `${context}.${i}`, depth + 1);
      });
    } else if (items !== undefined) {
      node.forEach((item, i) => {
        const positional = items[i];
        if (positional !== undefined) this.check(positional, item, `${context}.${i}`, depth + 1);
        else if (additionalItems !== undefined && additionalItems.always !== false) {
          this.check(additionalItems, item, `${context}.${i}`, depth + 1);
        }
      });
      if (additionalItems?.always === false && node.length > items.length) {
        this.#fail('array_no_additional_items', context, 'No additional items allowed on array');
      }
    }
    if (minItems !== undefined && node.length < minItems) {
      this.#fail('array_min_items', context, `Array must have at least ${minItems} items`);
    }
    if (maxItems !== undefined && node.length > maxItems) {
      this.#fail('array_max_items', context, `Array must have at most ${maxItems} items`);
    }
    if (schema.uniqueItems === true && RegoSet.of(node).size !== node.length) {
      this.#fail('unique', context, 'array items must be unique');
    }
    const { contains } = schema;
    if (contains !== undefined) {
      let best: Run | undefined;
      const found = node.some((item, i) => {
        const run = this.#sub(contains, item, `${context}.${i}`, depth);
        if (best === undefined || run.score > best.score) best = run;
        return run.findings.length === 0;
      });
      if (!found) {
        this.#fail('contains', context, 'At least one of the items must match');
        if (best !== undefined) this.#merge(best);
      }
    }
    this.score++;
  }

  #object(schema: Schema, node: AnyObject, context: string, depth: number): void {
    const size = objectSize(node);
    if (schema.minProperties !== undefined && size < schema.minProperties) {
      this.#fail('array_min_properties', context, `Must have at least ${schema.minProperties} properties`);
    }
    if (schema.maxProperties !== undefined && size > schema.maxProperties) {
      this.#fail('array_max_properties', context, `Must have at most ${schema.maxProperties} properties`);
    }
    for (const name of schema.required ?? []) {
      if (objectHas(node, name)) this.score++;
      else this.#fail('required', context, `${name} is required`);
    }
    for (const { key, value } of objectEntries(node)) {
      const name = key as string;
      const described =
        this.#patterns(schema, name, value, `${context}.${name}`, depth) || schema.properties?.has(name) === true;
      const additional = schema.additionalProperties;
      if (!described && additional?.always === false) {
        this.#fail('additional_property_not_allowed', context, `Additional property ${name} is not allowed`);
      } else if (!described && additional !== undefined) {
        this.check(additional, value, `${context}.${name}`, depth + 1);
      }
    }
    if (schema.propertyNames !== undefined) {
      for (const { key } of objectEntries(node)) {
        const run = this.#sub(schema.propertyNames, key, context, depth);
        if (run.findings.length === 0) continue;
        this.#fail('invalid_property_name', context, `Property name of ${JSON.stringify(key)} does not match`);
        this.#merge(run);
      }
    }
    this.score++;
  }

  #patterns(schema: Schema, name: string, value: Value, context: string, depth: number): boolean {
    let matched = false;
    for (const { regex, schema: part } of schema.patternProperties ?? []) {
      if (!regex.test(name, this.#step)) continue;
      matched = true;
      this.check(part, value, context, depth + 1);
    }
    return matched;
  }

  #string(schema: Schema, node: string, context: string): void {
    const length = codePointLength(node);
    if (schema.minLength !== undefined && length < schema.minLength) {
      this.#fail('string_gte', context, `String length must be greater than or equal to ${schema.minLength}`);
    }
    if (schema.maxLength !== undefined && length > schema.maxLength) {
      this.#fail('string_lte', context, `String length must be less than or equal to ${schema.maxLength}`);
    }
    if (schema.pattern !== undefined && !schema.pattern.regex.test(node, this.#step)) {
      this.#fail('pattern', context, `Does not match pattern '${schema.pattern.source}'`);
    }
    if (schema.format !== undefined && !matchesFormat(schema.format, node)) {
      this.#fail('format', context, `Does not match format '${schema.format}'`);
    }
    this.score++;
  }

  #number(schema: Schema, node: RegoNumber, context: string): void {
    const { multipleOf, minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
    if (multipleOf !== undefined && !isMultiple(node, multipleOf)) {
      this.#fail('multiple_of', context, `Must be a multiple of ${formatNumber(multipleOf)}`);
    }
    if (maximum !== undefined && compareNumbers(node, maximum) > 0) {
      this.#fail('number_lte', context, `Must be less than or equal to ${formatNumber(maximum)}`);
    }
    if (exclusiveMaximum !== undefined && compareNumbers(node, exclusiveMaximum) >= 0) {
      this.#fail('number_lt', context, `Must be less than ${formatNumber(exclusiveMaximum)}`);
    }
    if (minimum !== undefined && compareNumbers(node, minimum) < 0) {
      this.#fail('number_gte', context, `Must be greater than or equal to ${formatNumber(minimum)}`);
    }
    if (exclusiveMinimum !== undefined && compareNumbers(node, exclusiveMinimum) <= 0) {
      this.#fail('number_gt', context, `Must be greater than ${formatNumber(exclusiveMinimum)}`);
    }
    this.score++;
  }
}

function isList<T, E>(value: T | readonly E[]): value is readonly E[] {
  return Array.isArray(value);
}

function fieldOf(context: string): string {
  return context.startsWith(`${ROOT}.`) ? context.slice(ROOT.length + 1) : context;
}

function kindOf(node: Value): string {
  return isNumber(node) && isIntegral(node) ? 'integer' : typeName(node);
}

function hasType(types: readonly string[], node: Value): boolean {
  const kind = kindOf(node);
  return types.includes(kind) || (kind === 'integer' && types.includes('number'));
}

/** Exact, on decimals: 0.3 is a multiple of 0.1. */
function isMultiple(value: RegoNumber, of: RegoNumber): boolean {
  const [a, b] = [toParts(value), toParts(of)];
  if (a.digits === '') return true;
  const shift = a.exp - a.digits.length - (b.exp - b.digits.length);
  if (Math.abs(shift) > 10_000)
    throw new ResourceLimitError('json.match_schema: numbers differ too much in size for multipleOf');
  const scale = 10n ** BigInt(Math.abs(shift));
  const [x, y] = [BigInt(a.digits), BigInt(b.digits)];
  return shift >= 0 ? (x * scale) % y === 0n : x % (y * scale) === 0n;
}
