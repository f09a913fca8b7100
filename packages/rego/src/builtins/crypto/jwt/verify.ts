/** `io.jwt.verify_*` and `io.jwt.decode_verify`. Needs `node:crypto`. */
import {
  type AnyObject,
  compareNumbers,
  isArray,
  isNumber,
  objectEntries,
  objectGet,
  toDouble,
  utf8Encode,
  type Value,
} from '../../../value/index.js';
import { objectOperand, stringOperand } from '../../operands.js';
import { type Builtin, type BuiltinContext, failure, T } from '../../types.js';
import { verifySignature } from './algorithms.js';
import { type VerificationKey, verificationKeys } from './keys.js';
import {
  decodePayload,
  decodeSignature,
  type HeaderFields,
  headerFields,
  jsonObject,
  MAX_NESTED_TOKENS,
  parseToken,
  splitToken,
  type Token,
} from './token.js';

/** A public key operation counts as this many steps, a MAC as one per 16 characters. */
const SIGNATURE_STEPS = 1000;

function signedData(token: Pick<Token, 'encodedHeader' | 'encodedPayload'>): Uint8Array {
  return utf8Encode(`${token.encodedHeader}.${token.encodedPayload}`);
}

/**
 * The rule for sets of keys: a key with the token's `kid` decides alone; otherwise any key whose `alg`, if it has one,
 * is the token's may verify.
 */
function verifiedByAny(
  alg: string,
  fields: HeaderFields,
  keys: readonly VerificationKey[],
  token: Token,
  signature: Uint8Array,
  ctx: BuiltinContext,
): boolean {
  const data = signedData(token);
  const check = ({ key }: VerificationKey): boolean => {
    ctx.budget.step(SIGNATURE_STEPS);
    return verifySignature(alg, key, data, signature);
  };
  if (fields.kid !== '') {
    const named = keys.find((key) => key.kid === fields.kid);
    if (named !== undefined) return check(named);
  }
  return keys.some((key) => (key.alg === '' || key.alg === fields.alg) && check(key));
}

function asymmetric(alg: string): Builtin {
  return {
    name: `io.jwt.verify_${alg.toLowerCase()}`,
    args: [T.string, T.string],
    result: T.boolean,
    impl: (args, ctx) => {
      const text = stringOperand(args, 1);
      splitToken(text);
      const keys = verificationKeys(stringOperand(args, 2));
      const token = parseToken(text);
      const signature = decodeSignature(token);
      return verifiedByAny(alg, headerFields(token.header), keys, token, signature, ctx);
    },
  };
}

function symmetric(alg: string): Builtin {
  return {
    name: `io.jwt.verify_${alg.toLowerCase()}`,
    args: [T.string, T.string],
    result: T.boolean,
    impl: (args, ctx) => {
      const text = stringOperand(args, 1);
      const secret = utf8Encode(stringOperand(args, 2));
      const [encodedHeader, encodedPayload, encodedSignature] = splitToken(text);
      ctx.budget.step(1 + (text.length >> 4));
      const signature = decodeSignature({ encodedSignature });
      return verifySignature(alg, secret, signedData({ encodedHeader, encodedPayload }), signature);
    },
  };
}

interface Constraints {
  readonly alg: string;
  readonly iss: string;
  readonly aud: string;
  readonly keys: readonly VerificationKey[] | undefined;
  readonly secret: string;
  /** Nanoseconds since the epoch. */
  readonly time: number;
}

function readConstraints(operand: AnyObject, now: bigint): Constraints {
  const text = { alg: '', iss: '', aud: '', secret: '' };
  let keys: readonly VerificationKey[] | undefined;
  let time: number | undefined;
  for (const { key, value } of objectEntries(operand)) {
    switch (key) {
      case 'alg':
      case 'iss':
      case 'aud':
      case 'secret':
        if (typeof value !== 'string') throw failure(`${key} constraint: must be a string`);
        text[key] = value;
        break;
      case 'cert':
        if (typeof value !== 'string') throw failure('cert constraint: must be a string');
        keys = verificationKeys(value);
        break;
      case 'time':
        if (!isNumber(value)) throw failure('token time constraint: must be a number');
        time = toDouble(value);
        if (time < 0) throw failure('token time constraint: must not be negative');
        if (!Number.isFinite(time)) throw failure('token time constraint: invalid number');
        break;
      default:
        throw failure(`unknown token validation constraint: ${String(key)}`);
    }
  }
  if (keys !== undefined && text.secret !== '') throw failure('duplicate key constraints');
  if (keys === undefined && text.secret === '') throw failure('no key constraint');
  return { ...text, keys, time: time ?? Number(now) };
}

const UNVERIFIED: Value = [false, {}, {}];

/** `[valid, header, payload]` (RFC 7519 section 7.2); anything that does not hold gives `[false, {}, {}]`. */
function decodeVerify(args: readonly Value[], ctx: BuiltinContext): Value {
  const constraints = readConstraints(objectOperand(args, 2), ctx.now);
  let text = stringOperand(args, 1);
  for (let depth = 0; depth < MAX_NESTED_TOKENS; depth++) {
    ctx.budget.step(1 + (text.length >> 4));
    const token = parseToken(text);
    const fields = headerFields(token.header);
    if (!fields.valid || (constraints.alg !== '' && constraints.alg !== fields.alg)) return UNVERIFIED;
    const signature = decodeSignature(token);
    const verified =
      constraints.keys === undefined
        ? verifySignature(fields.alg, utf8Encode(constraints.secret), signedData(token), signature)
        : verifiedByAny(fields.alg, fields, constraints.keys, token, signature, ctx);
    if (!verified) return UNVERIFIED;
    const payload = decodePayload(token);
    if (fields.cty.toUpperCase() === 'JWT') {
      text = payload;
      continue;
    }
    const claims = jsonObject(payload);
    return claimsHold(claims, constraints) ? [true, token.header, claims] : UNVERIFIED;
  }
  throw failure(`JWT is nested more than ${MAX_NESTED_TOKENS} levels deep`);
}

function claimsHold(claims: AnyObject, constraints: Constraints): boolean {
  if (constraints.iss !== '' && objectGet(claims, 'iss') !== constraints.iss) return false;
  const aud = objectGet(claims, 'aud');
  // A token meant for someone is only good for a caller who says to be that one.
  if (aud === undefined ? constraints.aud !== '' : !isFor(aud, constraints.aud)) return false;
  const seconds = constraints.time / 1e9;
  const exp = objectGet(claims, 'exp');
  if (exp !== undefined) {
    if (!isNumber(exp)) throw failure('exp value must be a number');
    if (compareNumbers(seconds, exp) >= 0) return false;
  }
  const nbf = objectGet(claims, 'nbf');
  if (nbf !== undefined) {
    if (!isNumber(nbf)) throw failure('nbf value must be a number');
    if (compareNumbers(seconds, nbf) < 0) return false;
  }
  return true;
}

function isFor(aud: Value, wanted: string): boolean {
  if (typeof aud === 'string') return aud === wanted;
  return isArray(aud) && aud.includes(wanted);
}

export const jwtVerifyBuiltins: readonly Builtin[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'].map(asymmetric),
  ...['HS256', 'HS384', 'HS512'].map(symmetric),
  {
    name: 'io.jwt.decode_verify',
    args: [T.string, T.object(T.string)],
    result: T.tuple(T.boolean, T.object(), T.object()),
    impl: decodeVerify,
  },
];
