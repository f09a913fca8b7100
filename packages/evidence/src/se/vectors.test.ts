import { testVectors } from '../vectors.test.helper.js';
import { verifySeFiles } from './files.js';

/** Labels of the published vectors, and the findings that answer each: any one of them must fail. */
const LABELS: { readonly [label: string]: readonly string[] } = {
  'host_key.revoked': ['se.host-key.revoked'],
  'host_key.validity': ['se.host-key.validity'],
  'host_key.issuer': ['se.host-key.trust'],
  'host_key.signature': ['se.host-key.trust'],
  'signing_key.subject': ['se.signing-key.subject'],
  'signing_key.revoked': ['se.host-key.revoked'],
  'intermediate.revoked': ['se.host-key.revoked'],
  'ibm_crl.issuer': ['se.crl.trust', 'se.crl.missing'],
  'ibm_crl.signature': ['se.crl.trust', 'se.crl.missing'],
  'ibm_crl.validity': ['se.crl.dates'],
};

testVectors('se', {
  verify: verifySeFiles,
  labels: LABELS,
  besides: () => false,
  fruit: 'host_key_hash',
});
