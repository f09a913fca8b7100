/** Organisation in every name of an emulated hierarchy. Verifiers know it, and say so when they refuse it. */
export { EMULATED_ORGANIZATION } from '@assay/evidence/x509';

/** Unit in every name of an emulated hierarchy, for whoever reads a listing of certificates. */
export const EMULATED_UNIT = 'Assay emulated test root, not for production';
