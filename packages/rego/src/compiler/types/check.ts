/** Static type checks. */
import type { Diagnostics } from '../diagnostics.js';
import type { Body } from '../ir.js';
import type { Dependencies } from '../recursion.js';
import type { RuleTree } from '../tree.js';

export function checkTypes(_tree: RuleTree, _dependencies: Dependencies, _diagnostics: Diagnostics, _query?: Body): void {}
