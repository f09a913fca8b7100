import type { RegisterEntry, RegisterPart } from './entry.js';

/** Artifacts are measured before there is evidence: no guest is told, and the owner builds again. */
const ARTIFACT = {
  stage: 'parse',
  severity: 'critical',
  unmet: 'fail',
  party: 'owner',
  retry: 'after-change',
  status: 422,
  origin: 'spec',
  type: 'bytes',
  since: '0.1.0',
} as const satisfies Partial<RegisterEntry>;

/** SIGSTRUCT and the measured load of an SGX enclave (Intel SDM volume 3D, chapter 37). */
export const SGX_SIGNING = {
  'sgx.sigstruct.length': {
    ...ARTIFACT,
    checks: 'a SIGSTRUCT has 1808 bytes',
    title: 'SIGSTRUCT has {actual} bytes; {expected} are due',
    causes: ['the signed enclave was given, not its SIGSTRUCT', 'file was cut'],
    remedy: 'Dump it again: `sgx_sign dump -enclave enclave.signed.so -dumpfile - -cssfile sigstruct.bin`.',
  },
  'sgx.sigstruct.header': {
    ...ARTIFACT,
    checks: 'both headers of a SIGSTRUCT are those that EINIT wants, and reserved bytes are zero',
    title: '{field} of the SIGSTRUCT is {actual~}; EINIT wants {expected~}',
    causes: ['another file', 'damage'],
    remedy: 'Sign the enclave again.',
    needs: ['sgx.sigstruct.length'],
  },
  'sgx.sigstruct.exponent': {
    ...ARTIFACT,
    checks: 'the exponent of a SIGSTRUCT is 3',
    title: 'exponent of the SIGSTRUCT is {actual}; SGX has 3',
    causes: ['signed with an ordinary RSA key'],
    remedy: 'Make a key with exponent 3: `openssl genrsa -3 3072`; then sign again.',
    needs: ['sgx.sigstruct.length'],
    type: 'integer',
  },
  'sgx.sigstruct.signature': {
    ...ARTIFACT,
    checks: 'the signature of a SIGSTRUCT (RSA 3072, PKCS #1 v1.5, SHA-256)',
    title: 'the signature of the SIGSTRUCT does not fit its content',
    causes: ['a field was changed after signing', 'damage'],
    remedy: 'Sign the enclave again, and refuse this file.',
    needs: ['sgx.sigstruct.length'],
    stage: 'authenticate',
  },
  'sgx.sigstruct.q1': {
    ...ARTIFACT,
    checks: 'Q1 of a SIGSTRUCT is the quotient of signature² and modulus',
    title: 'Q1 of the SIGSTRUCT is not floor(s² / n)',
    causes: ['signature replaced without its quotients', 'damage'],
    remedy: 'Sign the enclave again.',
    needs: ['sgx.sigstruct.length'],
    stage: 'authenticate',
  },
  'sgx.sigstruct.q2': {
    ...ARTIFACT,
    checks: 'Q2 of a SIGSTRUCT is the quotient that follows from Q1',
    title: 'Q2 of the SIGSTRUCT is not floor((s³ − q1·s·n) / n)',
    causes: ['signature replaced without its quotients', 'damage'],
    remedy: 'Sign the enclave again.',
    needs: ['sgx.sigstruct.length'],
    stage: 'authenticate',
  },
  'sgx.enclave.measurement': {
    ...ARTIFACT,
    checks: 'ENCLAVEHASH of the SIGSTRUCT is the MRENCLAVE of the enclave beside it',
    title: 'enclave measures {actual~}; its SIGSTRUCT is of {expected~}',
    causes: ['SIGSTRUCT of another build', 'the enclave was changed after signing'],
    remedy: 'Take both files of one build.',
  },
} as const satisfies RegisterPart;
