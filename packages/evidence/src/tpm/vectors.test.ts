import { testVectors } from '../vectors.test.helper.js';
import { verifyTpmFiles } from './files.js';

/** Labels of the published vectors, and the findings that answer each: any one of them must fail. */
const LABELS: { readonly [label: string]: readonly string[] } = {
  'attest.magic': ['tpm.attest.form'],
  'attest.type': ['tpm.attest.form'],
  'attest.format': ['tpm.attest.trailing'],
  'attest.selection': ['tpm.pcr.selection'],
  'ak.attributes': ['tpm.key.attributes'],
  'ak.key': ['tpm.key.form'],
  signature: ['tpm.signature.valid', 'tpm.signature.scheme'],
  'signature.hash': ['tpm.signature.scheme'],
  pcr_digest: ['tpm.pcr.digest'],
  pcr_values: ['tpm.pcr.values'],
  'event_log.replay': ['eventlog.register.replay'],
  'event_log.data': ['eventlog.event.digest'],
};

testVectors('tpm', {
  verify: verifyTpmFiles,
  labels: LABELS,
});
