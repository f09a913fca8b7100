/** Comparisons that hold for the wrong reason: `x >= null` and `null == null` hold in Rego. */
import type { JsonValue } from '@assay/bytes';
import { type FindingDraft, warned } from '@assay/bytes/findings';
import { sidesOf } from './operands.js';
import type { PolicyTrace } from './trace.js';

/** Operators that hold with an absent reference value; `!=` is how a policy asks for one. */
const SUSPICIOUS: ReadonlySet<string> = new Set(['==', '=', '>=', '<=', '>', '<']);

/**
 * Finds comparisons that held with a reference value that is absent.
 *
 * @param isAbsent whether `query_reference_value` answered `null` for a name
 */
export function nullComparisons(
  trace: PolicyTrace,
  input: JsonValue,
  policy: { readonly id: string; readonly digest: string },
  isAbsent: (name: string) => boolean,
): readonly FindingDraft[] {
  const found = new Map<string, FindingDraft>();
  for (const rule of trace.rules) {
    for (const body of rule.bodies) {
      for (const expression of body.held) {
        if (!SUSPICIOUS.has(expression.operator ?? '')) continue;
        const sides = sidesOf(expression, body, input) ?? [];
        const absent = sides.find((side) => side.kind === 'reference-value' && isAbsent(side.name));
        if (absent?.kind !== 'reference-value' || sides.some((side) => side.operand.text === 'null')) continue;
        const location = `${trace.file}:${expression.row}`;
        found.set(`${location}:${expression.col}`, warning(absent.name, rule.name, location, expression, policy));
      }
    }
  }
  return [...found.values()];
}

function warning(
  name: string,
  rule: string,
  location: string,
  expression: { readonly col: number; readonly text: string; readonly operator?: string },
  policy: { readonly id: string; readonly digest: string },
): FindingDraft {
  return warned('policy.compare.null', {
    subject: policy.id,
    params: { location, name: `reference value ${name}` },
    expected: name,
    actual: null,
    compare: {
      relation: 'rule',
      type: 'json',
      text: expression.text,
      ...(expression.operator === undefined ? {} : { operator: expression.operator }),
    },
    source: `policy ${policy.id}, rule ${rule}`,
    origin: {
      kind: 'policy',
      policy: policy.id,
      digest: policy.digest,
      rule: `data.policy.${rule}`,
      location: `${location}:${expression.col}`,
    },
  });
}
