/** The built-ins of the browser-safe entry point: nothing but JavaScript behind them. */
import { coreBuiltins } from './core/index.js';
import { cryptoBuiltins } from './crypto/index.js';
import { netBuiltins } from './net/index.js';
import { textBuiltins } from './text/index.js';
import type { Builtin } from './types.js';

export const pureBuiltins: readonly Builtin[] = [...coreBuiltins, ...textBuiltins, ...netBuiltins, ...cryptoBuiltins];
