/** A guest that was not attested is contraindicated, whatever a policy makes of it: its token says so to everybody. */
import { isUnattested } from '@assay/evidence';
import type { Appraisal } from '../policy/appraise.js';
import type { AppraisalInput } from './verify.js';

/** AR4SI: hardware that is not recognised as genuine. */
const NOT_GENUINE = 97;

export function markUnattested(appraisal: Appraisal, { input }: AppraisalInput): Appraisal {
  const { result } = appraisal;
  if (result === undefined || !isUnattested(input)) return appraisal;
  const vector = { ...result.vector, hardware: NOT_GENUINE };
  return { ...appraisal, result: { ...result, tier: 'contraindicated', vector } };
}
