/** The core built-ins: everything but expressions and globs, network, cryptography, schemas and templates. */
import { withRegorusWording } from '../regorus.js';
import type { Builtin } from '../types.js';
import { aggregateBuiltins } from './aggregates.js';
import { arithmeticBuiltins } from './arithmetic.js';
import { arrayBuiltins } from './arrays.js';
import { comparisonBuiltins } from './comparison.js';
import { encodingBuiltins } from './encoding.js';
import { graphBuiltins } from './graph.js';
import { jsonPatchBuiltins } from './json-patch.js';
import { jsonPathBuiltins } from './json-paths.js';
import { numberBuiltins } from './numbers.js';
import { objectBuiltins } from './objects.js';
import { runtimeBuiltins } from './runtime.js';
import { semverBuiltins } from './semver.js';
import { setBuiltins } from './sets.js';
import { sprintfBuiltins } from './sprintf.js';
import { stringBuiltins } from './strings.js';
import { timeBuiltins } from './time.js';
import { typeBuiltins } from './types.js';
import { unitBuiltins } from './units.js';
import { uuidBuiltins } from './uuid.js';

export { printLine } from './runtime.js';

export const coreBuiltins: readonly Builtin[] = [
  ...comparisonBuiltins,
  ...arithmeticBuiltins,
  ...numberBuiltins,
  ...aggregateBuiltins,
  ...typeBuiltins,
  ...arrayBuiltins,
  ...setBuiltins,
  ...objectBuiltins,
  ...jsonPathBuiltins,
  ...jsonPatchBuiltins,
  ...graphBuiltins,
  ...stringBuiltins,
  ...sprintfBuiltins,
  ...encodingBuiltins,
  ...timeBuiltins,
  ...semverBuiltins,
  ...unitBuiltins,
  ...uuidBuiltins,
  ...runtimeBuiltins,
].map(withRegorusWording);
