/** The part of `crypto.*` and `io.jwt.*` that needs `node:crypto`: certificates, private keys, signatures. */
import type { Builtin } from '../types.js';
import { jwtSignBuiltins } from './jwt/sign.js';
import { jwtVerifyBuiltins } from './jwt/verify.js';
import { x509Builtins } from './x509/builtins.js';

export const nodeCryptoBuiltins: readonly Builtin[] = [...x509Builtins, ...jwtVerifyBuiltins, ...jwtSignBuiltins];
