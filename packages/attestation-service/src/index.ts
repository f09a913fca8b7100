export type { Verdict } from '@assay/bytes/findings';
export type * from './contract.js';
