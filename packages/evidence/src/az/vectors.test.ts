import { testVectors } from '../vectors.test.helper.js';
import { verifyAzFiles } from './files.js';

/** Labels of the published vectors, and the findings that answer each: any one of them must fail. */
const LABELS: { readonly [label: string]: readonly string[] } = {
  'hcl.magic': ['az.hcl.form'],
  'hcl.bounds': ['az.hcl.form'],
  'hcl.hash_type': ['az.hcl.form'],
  'hcl.report_type': ['az.hcl.kind'],
  // The type says which report binds: with another one there is nothing to compare.
  'runtime.binding': ['az.hcl.binding', 'az.hcl.kind'],
  'td_quote.binding': ['az.hcl.binding'],
  'tpm.signature': ['tpm.signature.valid'],
  'tpm.pcr_digest': ['tpm.pcr.digest'],
  'snp.report.signature': ['snp.signature.valid', 'az.hcl.hardware'],
  'ak_cert.key': ['az.ak.certificate'],
};

testVectors('az', {
  verify: verifyAzFiles,
  labels: LABELS,
});
