/** Organisation in every name of an emulated hierarchy. Verifiers know it, and say so when they refuse it. */
export const EMULATED_ORGANIZATION = 'Assay emulated TEE';

/** Unit in every name of an emulated hierarchy, for whoever reads a listing of certificates. */
export const EMULATED_UNIT = 'Assay emulated test root, not for production';
