/** `io.jwt.encode_sign` and `io.jwt.encode_sign_raw`. Needs `node:crypto`. */
import {
  canonicalKey,
  isObject,
  JsonSyntaxError,
  objectGet,
  parseJson,
  print,
  toJsonText,
  utf8Encode,
  type Value,
} from '../../../value/index.js';
import { objectOperand, operand, stringOperand } from '../../operands.js';
import { type Builtin, type BuiltinContext, failure, T } from '../../types.js';
import { encodeBase64Url } from '../base64.js';
import { createSignature, isKnownAlgorithm, isRandomized } from './algorithms.js';
import { signingKey } from './keys.js';

const SIGNATURE_STEPS = 20_000;

function encodeSign(args: readonly Value[], ctx: BuiltinContext): Value {
  const json = (pos: number): string => toJsonText(operand(args, pos), { goEscapes: true });
  // OPA 0.x signed the text of the terms, which has a space behind `:` and `,`.
  const signed = (pos: number): string => (ctx.regoVersion === 'v0' ? print(operand(args, pos)) : json(pos));
  for (const pos of [1, 2, 3]) objectOperand(args, pos);
  return signOnce('io.jwt.encode_sign', args, ctx, signed(1), signed(2), json(3));
}

function encodeSignRaw(args: readonly Value[], ctx: BuiltinContext): Value {
  const key = stringOperand(args, 3);
  return signOnce('io.jwt.encode_sign_raw', args, ctx, stringOperand(args, 1), stringOperand(args, 2), key);
}

/** Randomised signatures are drawn once per query for the same arguments, like every other non-deterministic result. */
function signOnce(
  name: string,
  args: readonly Value[],
  ctx: BuiltinContext,
  header: string,
  payload: string,
  key: string,
): Value {
  const secret = signingKey(key);
  const { alg, typ } = ctx.regoVersion === 'v0' ? readHeaderV0(header) : readHeader(header);
  if (!isKnownAlgorithm(alg)) throw failure(`unknown JWS algorithm: ${alg}`);
  if ((typ === undefined || typ === 'JWT') && !isJson(payload)) throw failure('type is JWT but payload is not JSON');
  const memoKey = `${name} ${canonicalKey(args)}`;
  const known = ctx.memo.get(memoKey);
  if (known !== undefined) return known;
  ctx.budget.step(SIGNATURE_STEPS + (payload.length >> 4));
  const data = `${encodeBase64Url(utf8Encode(header))}.${encodeBase64Url(utf8Encode(payload))}`;
  const signature = createSignature(alg, secret, utf8Encode(data));
  if (signature === undefined) throw failure(`failed to sign: the key does not fit algorithm ${alg}`);
  const token = `${data}.${encodeBase64Url(signature)}`;
  if (isRandomized(alg)) ctx.memo.set(memoKey, token);
  return token;
}

interface HeaderFields {
  readonly alg: string;
  readonly typ: string | undefined;
}

/** As in OPA 0.x, whose errors were those of its JSON reader and of its signer. */
function readHeaderV0(text: string): HeaderFields {
  let header: Value;
  try {
    header = parseJson(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw failure(error.message);
    throw error;
  }
  const alg = isObject(header) ? objectGet(header, 'alg') : undefined;
  if (typeof alg !== 'string' || !isKnownAlgorithm(alg)) throw failure('unsupported signature algorithm');
  const typ = isObject(header) ? objectGet(header, 'typ') : undefined;
  return { alg, typ: typeof typ === 'string' ? typ : undefined };
}

function readHeader(text: string): HeaderFields {
  const prefix = "missing or invalid 'alg' header: ";
  let header: Value = null;
  try {
    header = parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    // Text that does not even begin like an object has no members; a broken object cannot be parsed.
    if (text.trimStart().startsWith('{')) throw failure(`${prefix}cannot parse JSON: ${error.message}`);
  }
  const alg = isObject(header) ? objectGet(header, 'alg') : undefined;
  if (alg === undefined) throw failure(`${prefix}jwsbb: header "alg" not found`);
  if (typeof alg !== 'string') throw failure(`${prefix}jwsbb: header "alg" is not a string`);
  const typ = isObject(header) ? objectGet(header, 'typ') : undefined;
  return { alg, typ: typeof typ === 'string' ? typ : undefined };
}

function isJson(text: string): boolean {
  try {
    parseJson(text);
    return true;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return false;
    throw error;
  }
}

export const jwtSignBuiltins: readonly Builtin[] = [
  {
    name: 'io.jwt.encode_sign',
    args: [T.object(T.string), T.object(T.string), T.object(T.string)],
    result: T.string,
    nondeterministic: true,
    impl: encodeSign,
  },
  {
    name: 'io.jwt.encode_sign_raw',
    args: [T.string, T.string, T.string],
    result: T.string,
    nondeterministic: true,
    impl: encodeSignRaw,
  },
];
