/** The part of `crypto.*` and `io.jwt.*` that needs nothing but JavaScript. */
import type { Builtin } from '../types.js';
import { hashBuiltins } from './hash.js';
import { jwtDecodeBuiltin } from './jwt/decode.js';

export const cryptoBuiltins: readonly Builtin[] = [...hashBuiltins, jwtDecodeBuiltin];
