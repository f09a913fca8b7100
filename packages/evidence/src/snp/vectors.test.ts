import { testVectors } from '../vectors.test.helper.js';
import { verifySnpFiles } from './files.js';

/** Labels of the published vectors, and the findings that answer each: any one of them must fail. */
const LABELS: { readonly [label: string]: readonly string[] } = {
  'report.signature': ['snp.signature.valid'],
  'report.signature_encoding': ['snp.signature.encoding'],
  'report.length': ['snp.report.length'],
  'report.version': ['snp.report.version'],
  'report.signature_algo': ['snp.report.algorithm'],
  'report.reserved': ['snp.report.reserved'],
  'report.policy': ['snp.policy.form'],
  'report.signing_key': ['snp.signer.kind'],
  'report.author_key_en': ['snp.guest.author'],
  'report.chip_id': ['snp.chip.id'],
  'report.cpuid': ['snp.product.agree'],
  'leaf.hwid': ['snp.chip.id', 'snp.leaf.form'],
  'leaf.tcb': ['snp.tcb.equal', 'snp.leaf.form'],
  'leaf.product': ['snp.product.agree'],
  'chain.issuer': ['snp.chain.links', 'snp.chain.kind'],
  'chain.signature': ['snp.chain.links', 'snp.chain.pss', 'snp.leaf.form'],
  'chain.validity': ['snp.leaf.validity'],
  'chain.root': ['snp.chain.root'],
  'chain.intermediate': ['snp.chain.kind'],
  'crl.signature': ['snp.crl.signature'],
  'crl.issuer': ['snp.crl.signature'],
  'crl.validity': ['snp.crl.dates'],
  'crl.revoked': ['snp.ca.revoked'],
};

testVectors('snp', {
  verify: verifySnpFiles,
  labels: LABELS,
});
