/** `opa.runtime`, `trace`, `print`, `rego.metadata.*`. */
import { display, RegoSet, type Value } from '../../value/index.js';
import { stringOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, T } from '../types.js';

/** The line a `print` call writes: its operands separated by spaces. regorus prints the empty set as `{}`. */
export function printLine(operands: readonly Value[], mode: BuiltinContext['mode']): string {
  const words = operands.map((v) => (mode === 'regorus' && v instanceof RegoSet && v.size === 0 ? '{}' : display(v)));
  return words.join(' ');
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
];
