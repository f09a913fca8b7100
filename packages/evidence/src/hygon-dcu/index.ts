/** Hygon DCU accelerators: reports signed by the chip endorsement key. */
export { type DcuReport, readDcuReports } from './report.js';
export { createHygonDcuVerifier, dcuNeeds } from './verifier.js';
