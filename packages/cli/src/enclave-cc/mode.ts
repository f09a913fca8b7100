import type { EnclaveMode } from '@assay/guest/enclave-cc';
import { CliError, EXIT } from '../exit.js';

export interface ModeFlags {
  readonly mode?: string;
}

/** @throws CliError usage */
export function modeOf({ mode = 'hw' }: ModeFlags): EnclaveMode {
  if (mode === 'hw' || mode === 'sim') return mode;
  throw new CliError(`--mode ${mode}: hw or sim`, EXIT.usage);
}
