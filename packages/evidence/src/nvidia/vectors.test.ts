import { testVectors } from '../vectors.test.helper.js';
import { verifyNvidiaFiles } from './files.js';

/** Labels of the published vectors, and the findings that answer each: any one of them must fail. */
const LABELS: { readonly [label: string]: readonly string[] } = {
  'report.signature': ['nvidia.report.signature'],
  'report.format': ['nvidia.report.form'],
  'report.fwid': ['nvidia.device.fwid'],
  'chain.signature': ['nvidia.chain.links'],
  'chain.length': ['nvidia.chain.form'],
  'chain.root': ['nvidia.chain.root'],
};
/** A chain without its leaf has another leaf, and with it another architecture and firmware id. */
const CONSEQUENCES: { readonly [id: string]: readonly string[] } = {
  'neg-nv-root-only': ['nvidia.device.arch', 'nvidia.device.fwid'],
  'neg-nv-leaf-missing': ['nvidia.device.fwid'],
};

testVectors('nvidia', {
  verify: verifyNvidiaFiles,
  labels: LABELS,
  besides: () => false,
  consequences: CONSEQUENCES,
});
