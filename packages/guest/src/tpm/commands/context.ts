import { TpmWriter } from '@assay/evidence/tpm';
import { CC } from '../constants.js';
import { parametersOf, type Tpm } from '../tpm.js';

/** TPM2_FlushContext: frees a loaded key or a session. */
export async function flushContext(tpm: Tpm, handle: number): Promise<void> {
  const name = 'TPM2_FlushContext';
  const answer = await tpm.execute({ name, code: CC.flushContext, parameters: new TpmWriter().u32(handle).finish() });
  parametersOf(name, answer, () => undefined);
}

/** Handles that were asked for are given back, whatever happens: a TPM has room for three keys. */
export const flushing = {
  /** Does the work with what a handle stands for, and flushes it afterwards. The work's own error goes first. */
  async after<T>(tpm: Tpm, handle: number, work: () => Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await work();
    } catch (error) {
      await flushContext(tpm, handle).catch(() => undefined);
      throw error;
    }
    await flushContext(tpm, handle);
    return result;
  },

  /** Reads what came with a handle, and flushes it only when that cannot be read. */
  async onError<T>(tpm: Tpm, handle: number, read: () => T): Promise<T> {
    try {
      return read();
    } catch (error) {
      await flushContext(tpm, handle).catch(() => undefined);
      throw error;
    }
  },
} as const;
