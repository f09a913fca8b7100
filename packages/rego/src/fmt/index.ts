/** `opa fmt` for this engine: one layout for all modules, comments and meaning kept. */
import type { Module } from '../ast/types.js';
import { type ParseOptions, parseModule } from '../parser/index.js';
import { ModulePrinter } from './module.js';

/**
 * Formats a module in the style of `opa fmt`: tabs, one statement a line, sorted import groups, a blank line between rules.
 * The result parses to the same tree (imports of a group sorted), and formatting it again changes nothing.
 *
 * @param module text, or a tree; a tree that was not parsed from text is laid out without regard to lines
 * @throws RegoErrors where the text does not parse
 */
export function format(module: string | Module, options: ParseOptions = {}): string {
  return new ModulePrinter(typeof module === 'string' ? parseModule(module, options) : module).print();
}
