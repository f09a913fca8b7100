import { bytesToHex } from '@noble/hashes/utils.js';
import { objectGet, type Value } from '../../../value/index.js';
import { stringOperand } from '../../operands.js';
import { type Builtin, type BuiltinContext, failure, T } from '../../types.js';
import { decodePayload, decodeSignature, jsonObject, MAX_NESTED_TOKENS, parseToken } from './token.js';

/** `[header, payload, signature in hex]`; follows nested tokens (`cty: JWT`), verifies nothing. */
function decode(args: readonly Value[], ctx: BuiltinContext): Value {
  let text = stringOperand(args, 1);
  for (let depth = 0; depth < MAX_NESTED_TOKENS; depth++) {
    ctx.budget.step(1 + (text.length >> 4));
    const token = parseToken(text);
    const payload = decodePayload(token);
    if (objectGet(token.header, 'cty') === 'JWT') {
      // Common signers quote the inner token.
      text = payload.replace(/^["']+|["']+$/g, '');
      continue;
    }
    const claims = jsonObject(payload);
    return [token.header, claims, bytesToHex(decodeSignature(token, 'JWT signature had invalid encoding: '))];
  }
  throw failure(`JWT is nested more than ${MAX_NESTED_TOKENS} levels deep`);
}

export const jwtDecodeBuiltin: Builtin = {
  name: 'io.jwt.decode',
  args: [T.string],
  result: T.tuple(T.object(), T.object(), T.string),
  impl: decode,
};
