/** Values of constant terms. */
import type { Term } from '../ast/types.js';
import { numberFromText, objectFrom, RegoSet } from '../value/index.js';
import type { Value } from '../value/value.js';

/** The value of a term for which `isGround` holds. */
export function constantOf(term: Term): Value {
  switch (term.kind) {
    case 'null':
      return null;
    case 'boolean':
    case 'string':
      return term.value;
    case 'number':
      return numberFromText(term.text) ?? 0;
    case 'array':
      return term.items.map(constantOf);
    case 'set':
      return RegoSet.of(term.items.map(constantOf));
    case 'object':
      return objectFrom(term.entries.map((e) => [constantOf(e.key), constantOf(e.value)] as const));
    default:
      throw new TypeError(`a ${term.kind} term is not constant`);
  }
}
