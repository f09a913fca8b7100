import type { Certificate } from '../x509/index.js';

/** A root that DPU certificates may hang on: the owner names it, no public one is known. */
export interface DpuRoot {
  readonly certificate: Certificate;
  /** Of emulated hardware: claims then say so. */
  readonly emulated: boolean;
}
