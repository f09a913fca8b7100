/** `opa.runtime`, `trace`, `print`, `rego.metadata.*`, `test.sleep`. */
import { display, RegoSet, type Value } from '../../value/index.js';
import { stringOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, T } from '../types.js';
import { parseDuration } from './duration.js';

/**
 * The line a `print` call writes: operands separated by spaces, undefined ones as `<undefined>`. regorus prints the empty
 * set as `{}`.
 */
export function printLine(operands: readonly (Value | undefined)[], mode: BuiltinContext['mode']): string {
  const words = operands.map((v) => {
    if (v === undefined) return '<undefined>';
    return mode === 'regorus' && v instanceof RegoSet && v.size === 0 ? '{}' : display(v);
  });
  return words.join(' ');
}

function sleep(args: readonly Value[], ctx: BuiltinContext): Value {
  const duration = parseDuration(stringOperand(args, 1));
  ctx.sleep?.(duration);
  return null;
}

export const runtimeBuiltins: readonly Builtin[] = [
  {
    name: 'opa.runtime',
    args: [],
    result: T.object(T.string, T.any),
    nondeterministic: true,
    impl: (_, ctx) => ctx.runtime,
  },
  {
    name: 'trace',
    args: [T.string],
    result: T.boolean,
    impl: (args, ctx) => {
      ctx.note?.(stringOperand(args, 1));
      return true;
    },
  },
  {
    name: 'print',
    args: [],
    variadic: T.any,
    result: T.boolean,
    impl: (args, ctx) => {
      ctx.prints?.(printLine(args, ctx.mode));
      return true;
    },
  },
  {
    name: 'rego.metadata.chain',
    args: [],
    result: T.array(),
    impl: (_, ctx) => ctx.metadata?.chain(),
  },
  {
    name: 'rego.metadata.rule',
    args: [],
    result: T.any,
    impl: (_, ctx) => ctx.metadata?.rule(),
  },
  { name: 'test.sleep', args: [T.string], result: T.null, nondeterministic: true, impl: sleep },
];
