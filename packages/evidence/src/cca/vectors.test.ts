import { testVectors } from '../vectors.test.helper.js';
import { verifyCcaFiles } from './files.js';

/** Labels of the published vectors, and the findings that answer each: any one of them must fail. */
const LABELS: { readonly [label: string]: readonly string[] } = {
  'token.format': ['cca.token.form'],
  'token.collection': ['cca.token.form'],
  'token.profile': ['cca.token.profile'],
  'token.algorithm': ['cca.token.algorithm'],
  'platform.signature': ['cca.platform.signature'],
  'platform.lifecycle': ['cca.platform.lifecycle'],
  'platform.instance_id': ['cca.token.form'],
  'realm.signature': ['cca.realm.signature'],
  'realm.binding': ['cca.realm.binding'],
  'realm.challenge': ['cca.token.form'],
  'realm.rem': ['cca.token.form'],
  'realm.measurement_size': ['cca.token.form'],
};

testVectors('cca', {
  verify: verifyCcaFiles,
  labels: LABELS,
});
