import { encodeBase64 } from '@assay/bytes';
import type { Attester } from './attester.js';

/**
 * SEV-SNP started by hand without attestation, for development: says outright that nothing vouches for this guest. Servers
 * refuse it unless `development.snp_without_attestation` is set, and then release nothing to it.
 */
export function unattestedAttester(): Attester {
  return {
    tee: 'snp-no-attestation',
    getEvidence: async (reportData) => ({ attested: false, report_data: encodeBase64(reportData) }),
  };
}
