/** `rego.parse_module`. */
import { RegoErrors } from '../../ast/errors.js';
import { moduleToJson } from '../../ast/to-json.js';
import { readAnnotations } from '../../parser/annotations.js';
import { parseModule } from '../../parser/index.js';
import type { Value } from '../../value/index.js';
import { stringOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, failure, T } from '../types.js';

/** The syntax tree of a module as OPA writes it in JSON; the module is in the language of the calling policy. */
function parse(args: readonly Value[], ctx: BuiltinContext): Value {
  const file = stringOperand(args, 1);
  const text = stringOperand(args, 2);
  ctx.budget.step(1 + 2 * text.length);
  ctx.budget.alloc(1 + text.length);
  try {
    return moduleToJson(
      parseModule(text, { file, regoVersion: ctx.regoVersion ?? 'v1', annotations: readAnnotations }),
    );
  } catch (error) {
    if (error instanceof RegoErrors) throw failure(error.message);
    throw error;
  }
}

export const parseModuleBuiltins: readonly Builtin[] = [
  { name: 'rego.parse_module', args: [T.string, T.string], result: T.object(T.string), impl: parse },
];
