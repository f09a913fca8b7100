/** Wording of operand errors as regorus has it, for the mode that reproduces that engine. */
import { print, type Value } from '../value/index.js';
import { type Builtin, type BuiltinContext, BuiltinError, type OperandMismatch } from './types.js';

/** Operators carry other names there. */
const NAMES: Readonly<Record<string, string>> = { plus: 'add', rem: 'mod' };

const AGGREGATES: Readonly<Record<string, string>> = {
  count: 'array/object/set/string',
  max: 'array/set',
  min: 'array/set',
  sum: 'array/set',
  product: 'array/set',
  sort: 'array/set',
  all: 'array/set',
  any: 'array/set',
};

const ADJECTIVES: Readonly<Record<string, string>> = {
  number: 'numeric',
  'integer number': 'integer',
};

function wording(name: string, { pos, want, value }: OperandMismatch): string {
  const known = NAMES[name] ?? name;
  const got = `Got \`${print(value)}\` instead`;
  const aggregate = AGGREGATES[name];
  if (aggregate !== undefined) return `\`${name}\` requires ${aggregate} argument. ${got}`;
  if (name.startsWith('time.') && want[0] === 'time') {
    return pos === 3
      ? `\`${name}\` expects 3rd element of \`ns\` to be a \`string\`. ${got}`
      : `\`${name}\` expects \`ns\` to be a \`number\` or \`array[number, string]\`. ${got}`;
  }
  if (want.includes('set') && want.includes('array') && want.length === 2 && name === 'concat') {
    return `\`${name}\` expects array/set of strings. ${got}`;
  }
  if (want[0]?.endsWith(' of strings') === true) return `\`${name}\` expects array/set of strings. ${got}`;
  if (name === 'minus') return `\`sub\` expects numeric argument. ${got}`;
  if (want[0] === 'integer number') return `operand ${pos} must be integer. ${got}`;
  const kind = want.length === 1 ? (ADJECTIVES[want[0] ?? ''] ?? want[0]) : want.join('/');
  return `\`${known}\` expects ${kind} argument. ${got}`;
}

function reworded(builtin: Builtin, error: unknown): unknown {
  if (!(error instanceof BuiltinError) || error.mismatch === undefined) return error;
  return new BuiltinError(error.kind, wording(builtin.name, error.mismatch), error.mismatch);
}

/** The built-in, whose operand errors read as regorus' when the context asks for that engine. */
export function withRegorusWording(builtin: Builtin): Builtin {
  if (builtin.relation === true) return builtin;
  const { impl } = builtin;
  return {
    ...builtin,
    impl: (args: readonly Value[], ctx: BuiltinContext): Value | undefined => {
      if (ctx.mode === 'opa') return impl(args, ctx);
      try {
        return impl(args, ctx);
      } catch (error) {
        throw reworded(builtin, error);
      }
    },
  };
}
