/** `strings.render_template`. */
import type { Value } from '../../../value/index.js';
import { sprintfBuiltins } from '../../core/sprintf.js';
import { objectOperand, stringOperand } from '../../operands.js';
import { type Builtin, type BuiltinContext, failure, T } from '../../types.js';
import { renderTemplate } from './execute.js';
import { TemplateFailure } from './lex.js';

function render(args: readonly Value[], ctx: BuiltinContext): Value {
  const source = stringOperand(args, 1);
  const data = objectOperand(args, 2);
  ctx.budget.step(1 + (source.length >> 3));
  const sprintf = sprintfBuiltins.find(({ name }) => name === 'sprintf');
  try {
    return renderTemplate(source, data, {
      step: (n) => ctx.budget.step(n),
      alloc: (n) => ctx.budget.alloc(n),
      printf: (format, values) => String(sprintf?.impl?.([format, values], ctx) ?? ''),
    });
  } catch (error) {
    if (error instanceof TemplateFailure) throw failure(error.message);
    throw error;
  }
}

export const templateBuiltins: readonly Builtin[] = [
  { name: 'strings.render_template', args: [T.string, T.object(T.string)], result: T.string, impl: render },
];
