import { expect } from 'vitest';
import { testVectors } from '../vectors.test.helper.js';
import { verifyNitroFiles } from './files.js';

/** Labels of the published vectors, and the findings that answer each: any one of them must fail. */
const LABELS: { readonly [label: string]: readonly string[] } = {
  'document.format': ['nitro.document.form'],
  'document.pcrs': ['nitro.document.form'],
  'document.digest': ['nitro.document.algorithm'],
  // The signature was made with the algorithm that the header does not name.
  'document.algorithm': ['nitro.document.algorithm', 'nitro.signature.valid'],
  'document.signature': ['nitro.signature.valid'],
  'chain.format': ['nitro.chain.links'],
  'chain.signature': ['nitro.chain.links', 'nitro.signature.valid'],
  'chain.basic_constraints': ['nitro.chain.links'],
  'chain.root': ['nitro.chain.root'],
  'chain.validity': ['nitro.chain.validity'],
};

testVectors('nitro', {
  verify: verifyNitroFiles,
  labels: LABELS,
  also: ({ expected }, { findings }) => {
    const refused = findings.some(({ id, outcome }) => id === 'nitro.enclave.debug' && outcome === 'fail');
    expect(refused).toBe('default_policy' in expected);
  },
});
