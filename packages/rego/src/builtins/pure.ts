/** The built-ins of the entry point for browsers. `net.*` and larger families are left to `node.ts`, to keep it small. */
import { coreBuiltins } from './core/index.js';
import { cryptoBuiltins } from './crypto/index.js';
import { textBuiltins } from './text/index.js';
import type { Builtin } from './types.js';

export const pureBuiltins: readonly Builtin[] = [...coreBuiltins, ...textBuiltins, ...cryptoBuiltins];
