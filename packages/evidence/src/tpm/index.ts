/** `@assay/evidence/tpm`: TPM 2.0. */
export * from './structures/index.js';
