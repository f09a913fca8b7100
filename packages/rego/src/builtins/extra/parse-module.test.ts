import { describe, expect, test } from 'vitest';
import { isObject, objectGet, type Value } from '../../value/index.js';
import type { BuiltinContext } from '../types.js';
import { parseModuleBuiltins } from './parse-module.js';

const ctx = { budget: { step: () => {}, alloc: () => {} } } as unknown as BuiltinContext;

function parse(text: string, context = ctx): Value | undefined {
  return parseModuleBuiltins[0]?.impl?.(['x.rego', text], context);
}

describe('rego.parse_module', () => {
  test('gives the tree of the package and the rules', () => {
    const tree = parse('package a.b\n\np if input.x == 1') as Value;
    expect(isObject(tree) && objectGet(tree, 'package')).toEqual({
      path: [
        { type: 'var', value: 'data' },
        { type: 'string', value: 'a' },
        { type: 'string', value: 'b' },
      ],
    });
    expect(isObject(tree) && objectGet(tree, 'rules')).toHaveLength(1);
  });

  test('reads the language of the calling policy', () => {
    expect(() => parse('package a\n\np { true }')).toThrow('rego_parse_error');
    expect(parse('package a\n\np { true }', { ...ctx, regoVersion: 'v0' } as BuiltinContext)).toBeDefined();
  });

  test("reports the parser's findings", () => {
    expect(() => parse('package foo.')).toThrow('rego_parse_error: unexpected eof token: expected ident');
  });
});
