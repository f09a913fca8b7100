/** NVIDIA BlueField DPUs. */
export type { AuthenticDpu, DpuRules } from './chain.js';
export { readDpuEvidence } from './evidence.js';
export { createDpuVerifier, type DpuVerifierOptions } from './verifier.js';
