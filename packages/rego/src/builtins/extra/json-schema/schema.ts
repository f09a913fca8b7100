import type { RegoNumber, Value } from '../../../value/index.js';
import type { Regex } from '../../text/regex/regex.js';

/** A schema that cannot be used; the text is gojsonschema's. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

/** A compiled schema. `always` is set for the boolean schemas of draft 6 and for empty references. */
export interface Schema {
  always?: boolean;
  /** Target of `$ref`; siblings of a reference are ignored (drafts 4 to 7). */
  ref?: Schema;
  types?: readonly string[];
  constant?: { readonly value: Value };
  enumeration?: readonly Value[];
  properties?: ReadonlyMap<string, Schema>;
  patternProperties?: readonly { readonly source: string; readonly regex: Regex; readonly schema: Schema }[];
  additionalProperties?: Schema;
  propertyNames?: Schema;
  required?: readonly string[];
  dependencies?: ReadonlyMap<string, readonly string[] | Schema>;
  minProperties?: number;
  maxProperties?: number;
  /** One schema for all items, or one per position. */
  items?: Schema | readonly Schema[];
  additionalItems?: Schema;
  contains?: Schema;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minLength?: number;
  maxLength?: number;
  pattern?: { readonly source: string; readonly regex: Regex };
  format?: string;
  multipleOf?: RegoNumber;
  minimum?: RegoNumber;
  exclusiveMinimum?: RegoNumber;
  maximum?: RegoNumber;
  exclusiveMaximum?: RegoNumber;
  allOf?: readonly Schema[];
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  not?: Schema;
  /** `if`, `then` and `else`. */
  condition?: { readonly test: Schema; readonly whenTrue: Schema | undefined; readonly whenFalse: Schema | undefined };
}

export const TYPES = ['array', 'boolean', 'integer', 'number', 'null', 'object', 'string'];
