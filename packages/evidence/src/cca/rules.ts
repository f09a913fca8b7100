/** What an owner asks of CCA tokens beyond authenticity. Defaults are strict; what is relaxed still warns. */
import type { CcaReferences } from './stores/references.js';

export interface CcaRules {
  /** Reference values of platforms and realms. Without them the question is not asked, and policies see the claims all the same. */
  readonly references?: CcaReferences;
  /** What a platform or realm without a reference means; default `refuse`. */
  readonly referenceMismatch?: 'refuse' | 'warn';
}
