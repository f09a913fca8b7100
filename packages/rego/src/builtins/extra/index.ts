/** Larger built-ins in plain JavaScript; too big for the browser entry, which goes without them. */
import type { Builtin } from '../types.js';
import { awsBuiltins } from './aws.js';
import { graphqlBuiltins } from './graphql/index.js';
import { jsonSchemaBuiltins } from './json-schema/index.js';
import { parseModuleBuiltins } from './parse-module.js';
import { templateBuiltins } from './template/index.js';
import { yamlBuiltins } from './yaml/index.js';

export const extraBuiltins: readonly Builtin[] = [
  ...jsonSchemaBuiltins,
  ...yamlBuiltins,
  ...templateBuiltins,
  ...awsBuiltins,
  ...graphqlBuiltins,
  ...parseModuleBuiltins,
];
