import { encodeBase64 } from '@assay/bytes';
import type { Attester } from './attester.js';

/** What a sample attester claims. The verifier fills in the launch digest and the platform version: they are fixed. */
export interface SampleClaims {
  readonly svn?: string;
}

/**
 * Attester of the `sample` TEE: evidence in the form of confidential-containers/guest-components, which proves nothing.
 * Default policies refuse it.
 */
export function sampleAttester(claims: SampleClaims = {}): Attester {
  return {
    tee: 'sample',
    getEvidence: async (reportData) => ({ svn: claims.svn ?? '1', report_data: encodeBase64(reportData) }),
  };
}

/** Attester of the `sampledevice`, a stand-in for a GPU. */
export function sampleDeviceAttester(claims: SampleClaims = {}): Attester {
  return {
    tee: 'sampledevice',
    getEvidence: async (reportData) => ({ svn: claims.svn ?? '2', report_data: encodeBase64(reportData) }),
  };
}
