import type { RegisterPart } from './entry.js';
import { INTEL_CERTIFICATES } from './intel/certificates.js';
import { INTEL_QUOTE } from './intel/quote.js';
import { INTEL_QUOTING_ENCLAVE } from './intel/quoting-enclave.js';
import { INTEL_SGX } from './intel/sgx.js';
import { INTEL_TCB } from './intel/tcb.js';
import { INTEL_TDX } from './intel/tdx.js';

/** Intel DCAP, SGX and TDX. */
export const INTEL = {
  ...INTEL_QUOTE,
  ...INTEL_QUOTING_ENCLAVE,
  ...INTEL_CERTIFICATES,
  ...INTEL_TCB,
  ...INTEL_TDX,
  ...INTEL_SGX,
} as const satisfies RegisterPart;
