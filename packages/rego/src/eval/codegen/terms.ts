/** Terms to closures that yield their value. */
import type { ComprehensionTerm, ObjectTerm, Term } from '../../compiler/ir.js';
import { closureLocals } from '../../compiler/terms.js';
import { display, equals, ObjectBuilder, SetBuilder, type Value } from '../../value/index.js';
import { isInherited } from '../access.js';
import { conflict, DUPLICATE_KEYS, MULTIPLE_OUTPUTS } from '../errors.js';
import type { Pure } from '../state.js';
import { callPure } from './calls.js';
import { type Emitter, readSlot } from './emitter.js';
import { referencePure } from './references.js';
import { emitBody } from './statements.js';

/** A closure for a term whose variables are bound; what it enumerates (references with open keys) becomes steps before it. */
export function pure(e: Emitter, term: Term): Pure {
  switch (term.kind) {
    case 'const': {
      const { value } = term;
      return () => value;
    }
    case 'local':
      return readSlot(term.local.slot);
    case 'ref':
      return referencePure(e, term);
    case 'call':
      return callPure(e, term);
    case 'array':
      return arrayPure(term.items.map((item) => pure(e, item)));
    case 'set': {
      const items = term.items.map((item) => pure(e, item));
      return (c, s) => {
        const builder = new SetBuilder();
        for (const item of items) {
          const v = item(c, s);
          if (v === undefined) return undefined;
          builder.add(v);
        }
        return builder.build();
      };
    }
    case 'object':
      return objectPure(e, term);
    case 'comprehension': {
      const value = comprehensionPure(e, term);
      // Queries come and go, so they get no place in the caches.
      return e.definition !== undefined && isClosed(term) ? once(e, value) : value;
    }
    case 'template':
      return templatePure(e, term);
  }
}

function arrayPure(items: readonly Pure[]): Pure {
  return (c, s) => {
    const out: Value[] = [];
    for (let i = 0; i < items.length; i++) {
      const v = (items[i] as Pure)(c, s);
      if (v === undefined) return undefined;
      out.push(v);
    }
    return out;
  };
}

function objectPure(e: Emitter, term: ObjectTerm): Pure {
  const names: string[] = [];
  for (const [key] of term.entries) if (key.kind === 'const' && typeof key.value === 'string') names.push(key.value);
  const fixed =
    names.length === term.entries.length && new Set(names).size === names.length && !names.some(isInherited);
  if (fixed) {
    const values = term.entries.map(([, value]) => pure(e, value));
    return (c, s) => {
      const out: Record<string, Value> = {};
      for (let i = 0; i < names.length; i++) {
        const v = (values[i] as Pure)(c, s);
        if (v === undefined) return undefined;
        out[names[i] as string] = v;
      }
      return out;
    };
  }
  const entries = term.entries.map(([key, value]) => [pure(e, key), pure(e, value)] as const);
  const { loc } = term;
  return (c, s) => {
    const builder = new ObjectBuilder();
    for (const [key, value] of entries) {
      const k = key(c, s);
      const v = k === undefined ? undefined : value(c, s);
      if (k === undefined || v === undefined) return undefined;
      if (!builder.setUnique(k, v)) throw conflict(DUPLICATE_KEYS, loc);
    }
    return builder.build();
  };
}

function comprehensionPure(e: Emitter, term: ComprehensionTerm): Pure {
  const acc = e.slot();
  const inner = e.nested();
  emitBody(inner, term.body);
  const value = pure(inner, term.value);
  const { loc } = term;
  if (term.collection === 'array') {
    const run = inner.link((c, s) => {
      const v = value(c, s);
      if (v === undefined) return false;
      c.meter.alloc(1);
      (s[acc] as Value[]).push(v);
      return false;
    });
    return (c, s) => {
      const out: Value[] = [];
      s[acc] = out;
      run(c, s);
      return out;
    };
  }
  if (term.collection === 'set') {
    const run = inner.link((c, s) => {
      const v = value(c, s);
      if (v !== undefined && (s[acc] as SetBuilder).add(v)) c.meter.alloc(1);
      return false;
    });
    return (c, s) => {
      const builder = new SetBuilder();
      s[acc] = builder;
      run(c, s);
      return builder.build();
    };
  }
  const key = pure(inner, term.key ?? term.value);
  const run = inner.link((c, s) => {
    const k = key(c, s);
    const v = value(c, s);
    if (k === undefined || v === undefined) return false;
    c.meter.alloc(1);
    if (!(s[acc] as ObjectBuilder).setUnique(k, v)) throw conflict(DUPLICATE_KEYS, loc);
    return false;
  });
  return (c, s) => {
    const builder = new ObjectBuilder();
    s[acc] = builder;
    run(c, s);
    return builder.build();
  };
}

/** Takes no variable from outside, so that it has one value per layer of documents. */
function isClosed(term: ComprehensionTerm): boolean {
  const heads = term.key ? [term.key, term.value] : [term.value];
  return closureLocals(term.scope, heads, term.body).size === 0;
}

/** Evaluates once per layer, not once per iteration of the body around it; what is printed is printed every time. */
function once(e: Emitter, value: Pure): Pure {
  const site = e.runtime.cacheSite();
  return (c, s) => {
    if (c.evaluation.builtins.prints !== undefined) return value(c, s);
    const known = c.cache[site];
    if (known !== undefined) return known as Value;
    const result = value(c, s);
    c.cache[site] = result;
    return result;
  };
}

function templatePure(e: Emitter, term: Term & { kind: 'template' }): Pure {
  const parts = term.parts.map((part): Pure => {
    if (typeof part === 'string') return () => part;
    const acc = e.slot();
    const inner = e.nested();
    emitBody(inner, part.body);
    const { slot } = part.result;
    const run = inner.link((_c, s) => {
      const v = s[slot] as Value;
      const earlier = s[acc] as Value | undefined;
      if (earlier === undefined) s[acc] = v;
      else if (!equals(earlier, v)) throw conflict(MULTIPLE_OUTPUTS, term.loc);
      return false;
    });
    return (c, s) => {
      s[acc] = undefined;
      run(c, s);
      const v = s[acc] as Value | undefined;
      return v === undefined ? '<undefined>' : display(v);
    };
  });
  return (c, s) => {
    let text = '';
    for (const part of parts) text += part(c, s) as string;
    c.meter.alloc(text.length >> 4);
    return text;
  };
}
