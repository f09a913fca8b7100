import { testVectors } from '../vectors.test.helper.js';
import { verifyCsvFiles } from './files.js';

/** Labels of the published vectors, and the findings that answer each: any one of them must fail. */
const LABELS: { readonly [label: string]: readonly string[] } = {
  'report.signature': ['csv.report.signature', 'csv.report.form'],
  'report.mac': ['csv.report.mac'],
  'chain.root': ['csv.chain.root'],
  'chain.hrk': ['csv.chain.links', 'csv.chain.form'],
  'chain.hsk': ['csv.chain.links', 'csv.chain.form'],
  'chain.cek': ['csv.chain.links', 'csv.chain.form'],
  'chain.pek': ['csv.chain.links', 'csv.chain.form'],
  'chain.usage': ['csv.chain.usage', 'csv.chain.form'],
};

testVectors('csv', {
  verify: verifyCsvFiles,
  labels: LABELS,
  // What an anonce that was changed makes of the policy is no member of the vectors.
  besides: (id) => id.startsWith('csv.guest.'),
});
