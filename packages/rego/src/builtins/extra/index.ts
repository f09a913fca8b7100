/** Larger built-ins that need nothing but JavaScript. GraphQL is apart (`./graphql/`), to keep bundles small. */
import type { Builtin } from '../types.js';
import { awsBuiltins } from './aws.js';
import { jsonSchemaBuiltins } from './json-schema/index.js';
import { templateBuiltins } from './template/index.js';
import { yamlBuiltins } from './yaml/index.js';

export const extraBuiltins: readonly Builtin[] = [
  ...jsonSchemaBuiltins,
  ...yamlBuiltins,
  ...templateBuiltins,
  ...awsBuiltins,
];
