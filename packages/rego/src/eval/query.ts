/** Queries: a body whose solutions become rows of bindings. */
import type { Query } from '../ast/types.js';
import type { CompiledQuery } from '../compiler/compile.js';
import { ResourceLimitError, type Value } from '../value/index.js';
import { assign, Emitter, frameFactory, readSlot } from './codegen/emitter.js';
import { emitStatement } from './codegen/statements.js';
import { pure } from './codegen/terms.js';
import type { Runtime } from './runtime.js';
import type { Layer } from './state.js';

/** One solution. */
export interface Row {
  /** Values of the named variables. */
  readonly bindings: { readonly [name: string]: Value };
  /** Values of the statements, `true` for those that are no terms. */
  readonly expressions: readonly Value[];
}

export type RunQuery = (c: Layer, maxRows: number) => Row[];

/** A query of one term also yields the value `false`; otherwise a statement that is false ends its solution. */
export function compileRows(runtime: Runtime, query: CompiledQuery, source: Query): RunQuery {
  const e = new Emitter(runtime, query.scope.activation, [], undefined);
  const lone = source.length === 1 && query.body.length === 1;
  const values = query.body.map((statement) => {
    if (statement.kind !== 'term' || (statement.with.length > 0 && !lone)) {
      emitStatement(e, statement);
      return undefined;
    }
    const slot = e.slot();
    if (statement.with.length > 0) {
      const local = { name: '', owner: query.scope, slot, wildcard: false, generated: true, loc: statement.loc };
      const left = { kind: 'local', local, loc: statement.loc } as const;
      emitStatement(e, {
        kind: 'unify',
        left,
        right: statement.term,
        assign: true,
        with: statement.with,
        loc: statement.loc,
      });
    } else {
      e.check(assign(slot, pure(e, statement.term)));
      if (!lone) e.check((_c, s) => s[slot] !== false);
    }
    return readSlot(slot);
  });
  const frame = frameFactory(query.scope.activation);
  const rows = e.slot();
  const limit = e.slot();
  const run = e.link((c, s) => {
    const bindings: Record<string, Value> = {};
    for (const local of query.variables) bindings[local.name] = s[local.slot] as Value;
    const expressions = values.map((value) => (value === undefined ? true : (value(c, s) ?? true)));
    const found = s[rows] as Row[];
    if (found.length >= (s[limit] as number)) throw new ResourceLimitError('query has too many results');
    found.push({ bindings, expressions });
    return false;
  });
  return (c, maxRows) => {
    const s = frame();
    const found: Row[] = [];
    s[rows] = found;
    s[limit] = maxRows;
    run(c, s);
    return found;
  };
}
