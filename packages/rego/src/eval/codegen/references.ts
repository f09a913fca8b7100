/** References: static paths into `input` and `data`, rules on the way, keys that are bound and keys that range. */
import type { RefTerm, RuleNode, Term } from '../../compiler/ir.js';
import { patternLocals } from '../../compiler/terms.js';
import type { Value } from '../../value/index.js';
import { baseLookup, enumerate, field, isInherited, lookup } from '../access.js';
import { documentStep, enumerateDocument, OpenDocument, resolveDocument, settle } from '../documents.js';
import type { Cont, Layer, Pure } from '../state.js';
import { type Emitter, readSlot } from './emitter.js';
import { pure } from './terms.js';
import { emitMatch } from './unify.js';

/** How keys are applied: to values, to base documents (numbers find textual keys), to documents that rules may be part of. */
type Access = 'value' | 'base' | 'document';

interface Start {
  readonly value: Pure;
  readonly access: Access;
  readonly rest: readonly Term[];
}

export function referencePure(e: Emitter, ref: RefTerm): Pure {
  const start = startOf(e, ref);
  const open = start.rest.findIndex((part) => !isKnown(e, part));
  if (open < 0) return finish(applyKeys(e, start.value, start.rest, start.access), start.access);
  let slot = e.store(applyKeys(e, start.value, start.rest.slice(0, open), start.access));
  let i = open;
  while (i < start.rest.length) {
    const part = start.rest[i] as Term;
    if (isKnown(e, part)) {
      let end = i + 1;
      while (end < start.rest.length && isKnown(e, start.rest[end] as Term)) end++;
      slot = e.store(applyKeys(e, readSlot(slot), start.rest.slice(i, end), start.access));
      i = end;
    } else {
      slot = emitRange(e, slot, part, start.access);
      i++;
    }
  }
  return finish(readSlot(slot), start.access);
}

function finish(value: Pure, access: Access): Pure {
  return access === 'document' ? (c, s) => settle(c, value(c, s)) : value;
}

/** One open key: enumerates the collection in a slot; the new slot holds the value under the key. */
function emitRange(e: Emitter, from: number, key: Term, access: Access): number {
  const to = e.slot();
  const each = access === 'document' ? enumerateDocument : enumerateValue;
  const keySlot = key.kind === 'local' ? key.local.slot : e.slot();
  e.generate((next) => rangeOver(each, from, keySlot, to, next));
  if (key.kind === 'local') e.bound.add(key.local);
  else emitMatch(e, key, keySlot);
  return to;
}

function enumerateValue(_c: Layer, v: Value, visit: (key: Value, value: Value) => boolean): boolean {
  return enumerate(v, visit);
}

type Enumerate = (c: Layer, v: Value, visit: (key: Value, value: Value) => boolean) => boolean;

export function rangeOver(each: Enumerate, from: number, keySlot: number, to: number, next: Cont): Cont {
  return (c, s) => {
    const v = s[from] as Value;
    const { meter } = c;
    if (Array.isArray(v)) {
      const items = v as readonly Value[];
      for (let i = 0; i < items.length; i++) {
        if (--meter.fuel < 0) meter.refuel();
        s[keySlot] = i;
        s[to] = items[i];
        if (next(c, s)) return true;
      }
      return false;
    }
    return each(c, v, (key, value) => {
      if (--meter.fuel < 0) meter.refuel();
      s[keySlot] = key;
      s[to] = value;
      return next(c, s);
    });
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Keys at hand

function applyKeys(e: Emitter, value: Pure, keys: readonly Term[], access: Access): Pure {
  let at = value;
  for (const key of keys) at = applyKey(e, at, key, access);
  return at;
}

function applyKey(e: Emitter, value: Pure, key: Term, access: Access): Pure {
  if (access === 'document') {
    const k = pure(e, key);
    return (c, s) => {
      const v = value(c, s);
      const at = v === undefined ? undefined : k(c, s);
      return v === undefined || at === undefined ? undefined : documentStep(c, v, at);
    };
  }
  if (key.kind === 'const' && typeof key.value === 'string') {
    const name = key.value;
    return isInherited(name) ? (c, s) => lookup(value(c, s), name) : (c, s) => field(value(c, s), name);
  }
  const k = pure(e, key);
  const look = access === 'base' ? baseLookup : lookup;
  return (c, s) => {
    const v = value(c, s);
    const at = v === undefined ? undefined : k(c, s);
    return at === undefined ? undefined : look(v, at);
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Where a reference starts

function startOf(e: Emitter, ref: RefTerm): Start {
  if (ref.root === 'input') return { value: (c) => c.input, access: 'value', rest: ref.path, ...inputStart(ref.path) };
  if (ref.root !== 'data') return { value: pure(e, ref.root), access: 'value', rest: ref.path };
  let node: RuleNode = e.runtime.program.tree.root;
  let i = 0;
  const names: string[] = [];
  for (; i < ref.path.length && node.kind === undefined; i++) {
    const part = ref.path[i] as Term;
    if (part.kind !== 'const' || typeof part.value !== 'string') break;
    const child = node.children.get(part.value);
    if (child === undefined) return baseStart(names, ref.path);
    names.push(part.value);
    node = child;
  }
  const rest = ref.path.slice(i);
  if (node.kind === undefined) return { value: openDocument(node, names), access: 'document', rest };
  return ruleStart(e, node, names, rest);
}

/** Leading constant names of an `input` reference, in one closure. */
function inputStart(path: readonly Term[]): Partial<Start> {
  const [a, b, d] = path
    .slice(0, 3)
    .map((part) =>
      part.kind === 'const' && typeof part.value === 'string' && !isInherited(part.value) ? part.value : undefined,
    );
  if (a === undefined) return {};
  if (b === undefined) return { value: (c) => field(c.input, a), rest: path.slice(1) };
  if (d === undefined) return { value: (c) => field(field(c.input, a), b), rest: path.slice(2) };
  return { value: (c) => field(field(field(c.input, a), b), d), rest: path.slice(3) };
}

/** No rule is on the path: the base document, unless `with` replaced something. */
function baseStart(walked: readonly string[], path: readonly Term[]): Start {
  const names = [...walked];
  for (const part of path.slice(names.length)) {
    if (part.kind !== 'const' || typeof part.value !== 'string') break;
    names.push(part.value);
  }
  const value: Pure = (c) => {
    if (c.overlay !== undefined) return settle(c, resolveDocument(c, names));
    let at: Value | undefined = c.data;
    for (let i = 0; i < names.length; i++) at = lookup(at, names[i] as string);
    return at;
  };
  return { value, access: 'base', rest: path.slice(names.length) };
}

function openDocument(node: RuleNode, names: readonly string[]): Pure {
  return (c) => {
    if (c.overlay !== undefined) return resolveDocument(c, names);
    let at: Value | undefined = c.data;
    for (let i = 0; i < names.length; i++) at = lookup(at, names[i] as string);
    return new OpenDocument(node, at, undefined) as unknown as Value;
  };
}

function ruleStart(e: Emitter, node: RuleNode, names: readonly string[], rest: readonly Term[]): Start {
  const rule = e.runtime.rule(node);
  const [key, ...others] = rest;
  if (node.kind === 'partial' && key !== undefined && isKnown(e, key)) {
    const k = pure(e, key);
    const value: Pure = (c, s) => {
      const at = k(c, s);
      if (at === undefined) return undefined;
      return c.overlay === undefined ? rule.lookup(c, at) : lookup(settle(c, resolveDocument(c, names)), at);
    };
    return { value, access: 'value', rest: others };
  }
  const value: Pure = (c) => (c.overlay === undefined ? rule.evaluate(c) : settle(c, resolveDocument(c, names)));
  return { value, access: 'value', rest };
}

/** A key without open pattern variables: it is evaluated and looked up; others range over the collection. */
function isKnown(e: Emitter, key: Term): boolean {
  for (const local of patternLocals(key)) if (!e.bound.has(local)) return false;
  return true;
}
