import { isJsonArray, type JsonValue } from '@assay/bytes';
import type { Static, TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { ProtocolError, type ProtocolErrorCode } from './protocol-error.js';

/** Checks a parsed JSON value against one schema and returns it typed. The value is returned as it is: nothing is coerced, added or dropped. */
export type Shape<T> = (value: JsonValue | undefined) => T;

/**
 * Makes a {@link Shape} from a schema; the schema is compiled at first use and then kept.
 *
 * @param what the message, for errors
 */
export function shape<S extends TSchema>(schema: S, code: ProtocolErrorCode, what: string): Shape<Static<S>> {
  let validator: Validator | undefined;
  return (value) => {
    validator ??= Compile(schema) as unknown as Validator;
    if (validator.Check(value)) return value as Static<S>;
    const [error] = validator.Errors(value);
    const missing = missingMember(error);
    const path = missing ?? error?.instancePath ?? '';
    const where = path === '' ? what : `${what}: member ${path}`;
    const expected = error?.message ?? 'another form';
    const actual = kindOf(at(value, path));
    const text = missing === undefined ? `${where} ${expected}; it is ${actual}` : `${where} is missing`;
    throw new ProtocolError(code, text, { path, expected, actual });
  };
}

/** What a JSON value is, in words that reveal nothing of its content. */
export function kindOf(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  if (isJsonArray(value)) return 'an array';
  return { string: 'a string', number: 'a number', boolean: 'a boolean', object: 'an object' }[
    typeof value as 'string' | 'number' | 'boolean' | 'object'
  ];
}

/** The value at a JSON pointer (RFC 6901), or undefined. */
export function at(value: JsonValue | undefined, pointer: string): JsonValue | undefined {
  let current = value;
  for (const token of pointer.split('/').slice(1)) {
    if (typeof current !== 'object' || current === null) return undefined;
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (isJsonArray(current)) current = /^(0|[1-9][0-9]*)$/.test(key) ? current[Number(key)] : undefined;
    else current = Object.hasOwn(current, key) ? current[key] : undefined;
  }
  return current;
}

/** `required` errors point at the object; the member that is missing says more. */
function missingMember(
  error: { keyword: string; instancePath: string; params: object } | undefined,
): string | undefined {
  if (error?.keyword !== 'required' || !('requiredProperties' in error.params)) return undefined;
  const missing = error.params.requiredProperties;
  return Array.isArray(missing) && typeof missing[0] === 'string' ? `${error.instancePath}/${missing[0]}` : undefined;
}
