import type { RegisterPart } from '../entry.js';

/** SGX enclave. */
export const INTEL_SGX = {
  'sgx.enclave.debug': {
    stage: 'appraise',
    severity: 'critical',
    unmet: 'fail',
    checks: 'ATTRIBUTES.DEBUG clear',
    title: 'enclave runs in debug (ATTRIBUTES {actual}); the host can read its memory',
    causes: ['debug build, sample signing'],
    remedy: 'Build and sign for production (`sgx.debug = false` in Gramine).',
    party: 'owner',
    retry: 'after-change',
    guest: 'appraisal.refused',
    status: 422,
    origin: 'spec',
    type: 'flags',
    since: '0.1.0',
  },
  'sgx.enclave.attributes': {
    stage: 'appraise',
    severity: 'high',
    unmet: 'fail',
    checks: 'INIT set, MODE64BIT, KSS as wanted',
    title: 'enclave attributes {actual}: {names}; wanted {expected}',
    causes: ['other build flags'],
    remedy: 'Sign again with the wanted attributes.',
    party: 'owner',
    retry: 'after-change',
    guest: 'appraisal.refused',
    status: 422,
    origin: 'spec',
    type: 'flags',
    since: '0.1.0',
  },
} as const satisfies RegisterPart;
