/** Static types: what a term can be, as far as literals, locals and built-in signatures tell. */
import { T, type TypeSpec } from '../../builtins/types.js';
import { equals, isArray, isNumber, isObject, objectEntries, RegoSet, type Value } from '../../value/index.js';

type ArrayType = TypeSpec & { kind: 'array' };
type ObjectType = TypeSpec & { kind: 'object' };

export function typeOfValue(value: Value): TypeSpec {
  if (value === null) return T.null;
  if (typeof value === 'boolean') return T.boolean;
  if (typeof value === 'string') return T.string;
  if (isNumber(value)) return T.number;
  if (isArray(value)) return T.tuple(...value.map(typeOfValue));
  if (value instanceof RegoSet) return T.set(union(value.values().map(typeOfValue)));
  if (!isObject(value)) return T.any;
  return { kind: 'object', props: objectEntries(value).map((e) => ({ key: e.key, value: typeOfValue(e.value) })) };
}

/** The union of types; `any` absorbs, and no type at all is `any` (nothing is known). */
export function union(types: readonly TypeSpec[]): TypeSpec {
  const flat = types.flatMap((t) => (t.kind === 'union' ? t.options : [t]));
  const [first] = flat;
  if (first === undefined || flat.some((t) => t.kind === 'any')) return T.any;
  const scalars = new Set<string>();
  const options: TypeSpec[] = [];
  for (const t of flat) {
    if (t.kind === 'array' || t.kind === 'object' || t.kind === 'set' || t.kind === 'function') options.push(t);
    else if (!scalars.has(t.kind)) {
      scalars.add(t.kind);
      options.push(t);
    }
  }
  const [only] = options;
  return options.length === 1 && only !== undefined ? only : T.union(...options.slice(0, MAX_OPTIONS));
}

/** Larger unions say nothing useful and cost time; their tail is dropped only where nothing depends on it. */
const MAX_OPTIONS = 64;

/** Comparisons of one pair of types; beyond, they count as compatible. Types share structure, so walking them can be exponential. */
const MAX_COMPARISONS = 10_000;

/** Some value has both types, as far as is known. */
export function overlap(a: TypeSpec, b: TypeSpec): boolean {
  return new Overlap().test(a, b);
}

class Overlap {
  #left = MAX_COMPARISONS;

  test(a: TypeSpec, b: TypeSpec): boolean {
    if (a === b || --this.#left < 0) return true;
    if (a.kind === 'any' || b.kind === 'any' || a.kind === 'function' || b.kind === 'function') return true;
    if (a.kind === 'union') return a.options.length >= MAX_OPTIONS || a.options.some((option) => this.test(option, b));
    if (b.kind === 'union') return this.test(b, a);
    if (a.kind !== b.kind) return false;
    if (a.kind === 'array') return this.#arrays(a, b as ArrayType);
    if (a.kind === 'object') return this.#fits(a, b as ObjectType) && this.#fits(b as ObjectType, a);
    // Two sets always share the empty one.
    return true;
  }

  #arrays(a: ArrayType, b: ArrayType): boolean {
    if (a.of === undefined && b.of === undefined && a.items.length !== b.items.length) return false;
    if (a.of === undefined && a.items.length < b.items.length) return false;
    if (b.of === undefined && b.items.length < a.items.length) return false;
    const n = Math.max(a.items.length, b.items.length);
    for (let i = 0; i < n; i++) {
      if (!this.test(a.items[i] ?? a.of ?? T.any, b.items[i] ?? b.of ?? T.any)) return false;
    }
    return true;
  }

  #fits(a: ObjectType, b: ObjectType): boolean {
    return a.props.every(({ key, value }) => {
      const other = b.props.find((p) => equals(p.key, key));
      if (other !== undefined) return this.test(value, other.value);
      return b.key !== undefined && this.test(typeOfValue(key), b.key) && this.test(value, b.value ?? T.any);
    });
  }
}

/** The type under a key; undefined where no value of the type has it. `key` is the constant, where known. */
export function select(type: TypeSpec, key: Value | undefined, keyType: TypeSpec): TypeSpec | undefined {
  switch (type.kind) {
    case 'any':
    case 'function':
      return T.any;
    case 'union': {
      if (type.options.length >= MAX_OPTIONS) return T.any;
      const found = type.options.flatMap((option) => select(option, key, keyType) ?? []);
      return found.length === 0 ? undefined : union(found);
    }
    case 'array':
      if (!overlap(keyType, T.number)) return undefined;
      if (typeof key === 'number') return type.items[key] ?? type.of;
      return union([...type.items, ...(type.of === undefined ? [] : [type.of])]);
    case 'object':
      return selectProperty(type, key, keyType);
    case 'set':
      return overlap(keyType, type.of) ? type.of : undefined;
    default:
      return undefined;
  }
}

function selectProperty(type: ObjectType, key: Value | undefined, keyType: TypeSpec): TypeSpec | undefined {
  const rest = type.key === undefined ? [] : [type.value ?? T.any];
  if (key === undefined) return union([...type.props.map((p) => p.value), ...rest]);
  const found = type.props.find((p) => equals(p.key, key));
  if (found !== undefined) return found.value;
  return type.key !== undefined && overlap(keyType, type.key) ? rest[0] : undefined;
}

/** Types of keys and of values when a value of the type is iterated. */
export function iteration(type: TypeSpec): { readonly key: TypeSpec; readonly value: TypeSpec } {
  switch (type.kind) {
    case 'array':
      return { key: T.number, value: union([...type.items, ...(type.of === undefined ? [] : [type.of])]) };
    case 'set':
      return { key: type.of, value: type.of };
    case 'object': {
      const keys = type.props.map((p) => typeOfValue(p.key));
      const values = type.props.map((p) => p.value);
      if (type.key !== undefined) keys.push(type.key);
      if (type.key !== undefined) values.push(type.value ?? T.any);
      return { key: union(keys), value: union(values) };
    }
    default:
      return { key: T.any, value: T.any };
  }
}

/** Levels of a type that a message shows. */
const MAX_FORMAT_DEPTH = 4;

/** `array[number]`, `object<a: string>` … for messages. */
export function formatType(type: TypeSpec, depth = 0): string {
  if (depth > MAX_FORMAT_DEPTH) return '…';
  const inner = (t: TypeSpec): string => formatType(t, depth + 1);
  switch (type.kind) {
    case 'union':
      return `any<${type.options.map(inner).join(', ')}>`;
    case 'array': {
      const items = type.items.map(inner).join(', ');
      if (type.of === undefined) return `array<${items}>`;
      return items === '' ? `array[${inner(type.of)}]` : `array<${items}>[${inner(type.of)}]`;
    }
    case 'object': {
      const props = type.props.map((p) => `${String(p.key)}: ${inner(p.value)}`).join(', ');
      const rest = type.key === undefined ? '' : `[${inner(type.key)}: ${inner(type.value ?? T.any)}]`;
      return props === '' && rest !== '' ? `object${rest}` : `object<${props}>${rest}`;
    }
    case 'set':
      return `set[${inner(type.of)}]`;
    default:
      return type.kind;
  }
}
