/** `base64.*`, `base64url.*`, `hex.*`, `urlquery.*`, `json.marshal` and its kin. */
import {
  compareStrings,
  isArray,
  JsonSyntaxError,
  ObjectBuilder,
  objectEntries,
  parseJson,
  RegoSet,
  toJsonText,
  typeName,
  utf8Decode,
  utf8Encode,
  type Value,
} from '../../value/index.js';
import { objectOperand, operand, stringOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, failure, operandError, T, type TypeSpec, typeFailure } from '../types.js';
import { type Base64Alphabet, decodeBase64, encodeBase64 } from './base64.js';
import { chargeText } from './strings.js';

const text = (name: string, result: TypeSpec, convert: (input: string, ctx: BuiltinContext) => Value): Builtin => ({
  name,
  args: [T.string],
  result,
  impl: (args, ctx) => {
    const input = stringOperand(args, 1);
    chargeText(ctx, input.length * 2);
    return convert(input, ctx);
  },
});

function base64Bytes(input: string, alphabet: Base64Alphabet): Uint8Array {
  const out = decodeBase64(input, alphabet);
  if (typeof out === 'number') throw failure(`illegal base64 data at input byte ${out}`);
  return out;
}

/** Padding may be missing (RFC 7515, appendix C). */
function decodeBase64Url(input: string): Value {
  const missing = (4 - (input.length % 4)) % 4;
  if (missing === 3) throw failure(`illegal base64url string: ${input}`);
  return utf8Decode(base64Bytes(input + '='.repeat(missing), 'url'));
}

function decodeHex(input: string): Value {
  const bad = /[^0-9a-fA-F]/u.exec(input);
  if (bad !== null) {
    const code = (bad[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    throw failure(`encoding/hex: invalid byte: U+${code} '${bad[0]}'`);
  }
  if (input.length % 2 !== 0) throw failure('encoding/hex: odd length hex string');
  const bytes = new Uint8Array(input.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(input.slice(2 * i, 2 * i + 2), 16);
  return utf8Decode(bytes);
}

function encodeHex(input: string): string {
  return Array.from(utf8Encode(input), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Go's query escaping: space is `+`, letters, digits and `-_.~` stay. */
export function escapeQuery(input: string): string {
  if (/^[A-Za-z0-9\-_.~]*$/.test(input)) return input;
  return Array.from(utf8Encode(input), (byte) => {
    const ch = String.fromCharCode(byte);
    if (/[A-Za-z0-9\-_.~]/.test(ch)) return ch;
    return ch === ' ' ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}

function unescapeQuery(input: string): string {
  const bytes: number[] = [];
  const raw = utf8Encode(input);
  for (let i = 0; i < raw.length; i++) {
    const byte = raw[i] ?? 0;
    if (byte === 0x2b) bytes.push(0x20);
    else if (byte === 0x25) {
      const pair = String.fromCharCode(...raw.subarray(i + 1, i + 3));
      if (!/^[0-9a-fA-F]{2}$/.test(pair)) {
        throw failure(`invalid URL escape ${JSON.stringify(utf8Decode(raw.subarray(i, i + 3)))}`);
      }
      bytes.push(Number.parseInt(pair, 16));
      i += 2;
    } else bytes.push(byte);
  }
  return utf8Decode(Uint8Array.from(bytes));
}

const QUERY_VALUES = 'values must be string, array[string], or set[string]';

function encodeQueryObject(args: readonly Value[], ctx: BuiltinContext): Value {
  const fields = objectEntries(objectOperand(args, 1)).map(
    ({ key, value }) => [typeof key === 'string' ? key : toJsonText(key), value] as const,
  );
  fields.sort((a, b) => compareStrings(a[0], b[0]));
  const pairs: string[] = [];
  for (const [name, value] of fields) {
    const values = isArray(value) ? value : value instanceof RegoSet ? value.values() : [value];
    for (const item of values) {
      if (typeof item !== 'string') throw typeFailure(`operand 1 ${QUERY_VALUES}`);
      chargeText(ctx, (name.length + item.length) * 3);
      pairs.push(`${escapeQuery(name)}=${escapeQuery(item)}`);
    }
  }
  return pairs.join('&');
}

function decodeQueryObject(input: string, ctx: BuiltinContext): Value {
  const lists = new Map<string, Value[]>();
  for (const pair of input.split('&')) {
    if (pair === '') continue;
    if (pair.includes(';')) throw failure('invalid semicolon separator in query');
    ctx.budget.alloc(2);
    const at = pair.indexOf('=');
    const key = unescapeQuery(at < 0 ? pair : pair.slice(0, at));
    const value = at < 0 ? '' : unescapeQuery(pair.slice(at + 1));
    const list = lists.get(key);
    if (list === undefined) lists.set(key, [value]);
    else list.push(value);
  }
  const builder = new ObjectBuilder();
  for (const [key, list] of lists) builder.set(key, list);
  return builder.build();
}

function marshal(args: readonly Value[], ctx: BuiltinContext): Value {
  const out = toJsonText(operand(args, 1), { goEscapes: ctx.mode === 'opa' });
  chargeText(ctx, out.length);
  return out;
}

function marshalOptions(args: readonly Value[]): { pretty: boolean; prefix: string; indent: string } {
  const options = { prefix: '', indent: '\t' };
  let pretty: boolean | undefined;
  let shaped = false;
  for (const { key, value } of objectEntries(objectOperand(args, 2))) {
    if (key === 'pretty') {
      if (typeof value !== 'boolean') throw operandError(2, 'object with boolean "pretty"', typeName(value));
      pretty = value;
    } else if (key === 'prefix' || key === 'indent') {
      if (typeof value !== 'string') throw operandError(2, `object with string "${key}"`, typeName(value));
      options[key] = value;
      shaped = true;
    } else {
      const name = typeof key === 'string' ? JSON.stringify(key) : toJsonText(key);
      throw typeFailure(`operand 2 object contained unknown key ${name}`);
    }
  }
  return { pretty: pretty ?? shaped, ...options };
}

function marshalWithOptions(args: readonly Value[], ctx: BuiltinContext): Value {
  const { pretty, prefix, indent } = marshalOptions(args);
  if (!pretty) return marshal(args, ctx);
  const shape = { goEscapes: ctx.mode === 'opa', pretty: { prefix, indent } };
  const out = prefix + toJsonText(operand(args, 1), shape);
  chargeText(ctx, out.length);
  return out;
}

function unmarshal(input: string): Value {
  try {
    return parseJson(input);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw failure(error.message);
    throw error;
  }
}

function isValid(name: string, check: (input: string, ctx: BuiltinContext) => boolean): Builtin {
  return {
    name,
    args: [T.any],
    result: T.boolean,
    impl: (args, ctx) => {
      const v = operand(args, 1);
      if (typeof v !== 'string') return false;
      chargeText(ctx, v.length);
      return check(v, ctx);
    },
  };
}

function isJson(input: string): boolean {
  try {
    parseJson(input);
    return true;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return false;
    throw error;
  }
}

export const encodingBuiltins: readonly Builtin[] = [
  text('base64.encode', T.string, (input) => encodeBase64(utf8Encode(input), 'standard', true)),
  text('base64.decode', T.string, (input) => utf8Decode(base64Bytes(input, 'standard'))),
  isValid('base64.is_valid', (input) => typeof decodeBase64(input, 'standard') !== 'number'),
  text('base64url.encode', T.string, (input) => encodeBase64(utf8Encode(input), 'url', true)),
  text('base64url.encode_no_pad', T.string, (input) => encodeBase64(utf8Encode(input), 'url', false)),
  text('base64url.decode', T.string, decodeBase64Url),
  text('hex.encode', T.string, encodeHex),
  text('hex.decode', T.string, decodeHex),
  text('urlquery.encode', T.string, escapeQuery),
  text('urlquery.decode', T.string, unescapeQuery),
  {
    name: 'urlquery.encode_object',
    args: [T.object(T.string, T.union(T.string, T.array(T.string), T.set(T.string)))],
    result: T.string,
    impl: encodeQueryObject,
  },
  text('urlquery.decode_object', T.object(T.string, T.array(T.string)), decodeQueryObject),
  { name: 'json.marshal', args: [T.any], result: T.string, impl: marshal },
  {
    name: 'json.marshal_with_options',
    args: [T.any, T.object(T.string, T.any)],
    result: T.string,
    impl: marshalWithOptions,
  },
  text('json.unmarshal', T.any, unmarshal),
  isValid('json.is_valid', isJson),
];
