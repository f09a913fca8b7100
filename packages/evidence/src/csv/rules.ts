/** What an owner asks of CSV reports beyond authenticity. Defaults are strict; what is relaxed still warns. */
import type { CsvPolicyFlag } from './report/policy.js';

export interface CsvRules {
  /** Accept guests that the host may debug (NODBG clear). Default false. */
  readonly debugAllowed?: boolean;
  /** Flags of the guest policy that must be set. */
  readonly requiredPolicy?: readonly CsvPolicyFlag[];
}
