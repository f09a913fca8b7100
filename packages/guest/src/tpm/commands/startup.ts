import { TpmWriter } from '@assay/evidence/tpm';
import { CC } from '../constants.js';
import type { Tpm } from '../tpm.js';
import { parametersOf } from '../tpm.js';
import { TpmError } from '../tpm-error.js';

/** TPM_RC_INITIALIZE: it was started up before. */
const STARTED = 0x100;

/** TPM2_Startup(CLEAR), which firmware sends; for emulators. @returns false when the TPM was started up before. */
export async function startup(tpm: Tpm): Promise<boolean> {
  const name = 'TPM2_Startup';
  try {
    const answer = await tpm.execute({ name, code: CC.startup, parameters: new TpmWriter().u16(0).finish() });
    parametersOf(name, answer, () => undefined);
    return true;
  } catch (error) {
    if (error instanceof TpmError && error.code === STARTED) return false;
    throw error;
  }
}
