/** `crypto.*` digests and MACs in plain JavaScript, so that they work in a browser too. */
import { hmac } from '@noble/hashes/hmac.js';
import { md5, sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { bytesToHex, type CHash } from '@noble/hashes/utils.js';
import { utf8Encode, type Value } from '../../value/index.js';
import { stringOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, T } from '../types.js';

/** Bytes of a string operand; hashing costs about a step per 16 of them. */
function bytesOperand(args: readonly Value[], pos: number, ctx: BuiltinContext): Uint8Array {
  const bytes = utf8Encode(stringOperand(args, pos));
  ctx.budget.step(1 + (bytes.length >> 4));
  return bytes;
}

function digest(name: string, hash: CHash): Builtin {
  return {
    name,
    args: [T.string],
    result: T.string,
    impl: (args, ctx) => bytesToHex(hash(bytesOperand(args, 1, ctx))),
  };
}

function mac(name: string, hash: CHash): Builtin {
  return {
    name,
    args: [T.string, T.string],
    result: T.string,
    impl: (args, ctx) => {
      const message = bytesOperand(args, 1, ctx);
      return bytesToHex(hmac(hash, bytesOperand(args, 2, ctx), message));
    },
  };
}

/** Compares without telling by its duration where two texts of equal length differ. */
function hmacEqual(args: readonly Value[], ctx: BuiltinContext): Value {
  const left = bytesOperand(args, 1, ctx);
  const right = bytesOperand(args, 2, ctx);
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let i = 0; i < left.length; i++) difference |= (left[i] as number) ^ (right[i] as number);
  return difference === 0;
}

/** MD5 and SHA-1 are here because the language has them; they protect nothing. */
export const hashBuiltins: readonly Builtin[] = [
  digest('crypto.md5', md5),
  digest('crypto.sha1', sha1),
  digest('crypto.sha256', sha256),
  mac('crypto.hmac.md5', md5),
  mac('crypto.hmac.sha1', sha1),
  mac('crypto.hmac.sha256', sha256),
  mac('crypto.hmac.sha512', sha512),
  { name: 'crypto.hmac.equal', args: [T.string, T.string], result: T.boolean, impl: hmacEqual },
];
