/** `yaml.marshal`, `yaml.unmarshal`, `yaml.is_valid`. */
import type { Value } from '../../../value/index.js';
import { operand, stringOperand } from '../../operands.js';
import { type Builtin, type BuiltinContext, failure, T } from '../../types.js';
import { formatYaml } from './marshal.js';
import { parseYaml, YamlError } from './unmarshal.js';

const MAX_LENGTH = 16 * 1024 * 1024;

function read(text: string, ctx: BuiltinContext): Value {
  if (text.length > MAX_LENGTH) throw new YamlError('yaml: document is too long');
  ctx.budget.step(1 + (text.length >> 3));
  ctx.budget.alloc(1 + (text.length >> 4));
  return parseYaml(text, (n) => ctx.budget.step(n));
}

function unmarshal(args: readonly Value[], ctx: BuiltinContext): Value {
  try {
    return read(stringOperand(args, 1), ctx);
  } catch (error) {
    if (error instanceof YamlError) throw failure(error.message);
    throw error;
  }
}

function isValid(args: readonly Value[], ctx: BuiltinContext): Value {
  const text = operand(args, 1);
  if (typeof text !== 'string') return false;
  try {
    read(text, ctx);
    return true;
  } catch (error) {
    if (error instanceof YamlError) return false;
    throw error;
  }
}

function marshal(args: readonly Value[], ctx: BuiltinContext): Value {
  const text = formatYaml(operand(args, 1));
  ctx.budget.step(1 + (text.length >> 3));
  ctx.budget.alloc(1 + (text.length >> 4));
  return text;
}

export const yamlBuiltins: readonly Builtin[] = [
  { name: 'yaml.marshal', args: [T.any], result: T.string, impl: marshal },
  { name: 'yaml.unmarshal', args: [T.string], result: T.any, impl: unmarshal },
  { name: 'yaml.is_valid', args: [T.string], result: T.boolean, impl: isValid },
];
