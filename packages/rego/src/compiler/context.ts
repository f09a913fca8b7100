/** What every stage of one compilation shares. */
import type { Builtin } from '../builtins/types.js';
import type { Diagnostics } from './diagnostics.js';
import type { RuleTree } from './tree.js';

export interface CompileContext {
  readonly diagnostics: Diagnostics;
  readonly tree: RuleTree;
  readonly builtins: ReadonlyMap<string, Builtin>;
  readonly hostFunctions: ReadonlyMap<string, Builtin>;
  readonly strict: boolean;
  /** `whole`: `not` covers its whole expression; `lifted`: references among call arguments are evaluated before it. */
  readonly negation: 'whole' | 'lifted';
}
