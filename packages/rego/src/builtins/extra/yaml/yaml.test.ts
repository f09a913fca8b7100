import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { equals, RegoSet, type Value } from '../../../value/index.js';
import { type BuiltinContext, BuiltinError } from '../../types.js';
import { yamlBuiltins } from './index.js';

const ctx = { budget: { step: () => {}, alloc: () => {} } } as unknown as BuiltinContext;

function call(name: string, ...args: Value[]): Value | undefined {
  const builtin = yamlBuiltins.find((b) => b.name === name);
  if (builtin?.impl === undefined) throw new Error(`no built-in ${name}`);
  return builtin.impl(args, ctx);
}

describe('yaml.unmarshal', () => {
  test.each<[string, Value]>([
    ['yes', true],
    ['Off', false],
    ['n', false],
    ['~', null],
    ['', null],
    ['"yes"', 'yes'],
    ['!!str 12', '12'],
    ['!!int "12"', 12],
    ['0x1F', 31],
    ['0o17', 15],
    ['017', 15],
    ['0b101', 5],
    ['1_000', 1000],
    ['123456789012345678901', 123456789012345678901n],
    ['1.50', 1.5],
    ['1:30', '1:30'],
    ['2001-01-01', '2001-01-01'],
    ['+1', 1],
    ['1.2.3', '1.2.3'],
    ['{1: a, true: b, null: c}', { '1': 'a', true: 'b', null: 'c' }],
    ['a: &x [1]\nb: *x', { a: [1], b: [1] }],
    ['p: &p {a: 1, b: 2}\nq: {<<: *p, b: 3}', { p: { a: 1, b: 2 }, q: { a: 1, b: 3 } }],
    ['a: |\n  x\n  y\n', { a: 'x\ny\n' }],
    ['# only a comment', null],
    ['a: 1\n---\nb: 2', { a: 1 }],
  ])('%j', (text, expected) => {
    expect(call('yaml.unmarshal', text)).toEqual(expected);
    expect(call('yaml.is_valid', text)).toBe(true);
  });

  test.each([
    ['[1,2,3', "yaml: line 1: did not find expected ',' or ']'"],
    ['a: b: c', 'yaml: line 1: mapping values are not allowed in this context'],
    ['a: 1\na: 2', 'key "a" already set in map'],
    ['*x', "yaml: unknown anchor 'x' referenced"],
    ['.inf', 'json: unsupported value'],
    ['? [1]\n: 2', 'yaml: invalid map key'],
  ])('%j is refused', (text, message) => {
    expect(() => call('yaml.unmarshal', text)).toThrow(message);
    expect(call('yaml.is_valid', text)).toBe(false);
  });

  test('aliases cannot multiply without end', () => {
    let text = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n';
    for (let i = 1; i < 9; i++)
      text += `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]\n`;
    expect(() => call('yaml.unmarshal', text)).toThrow('excessive aliasing');
    expect(() => call('yaml.unmarshal', '&a [*a]')).toThrow(BuiltinError);
  });

  test('is_valid is false for other types', () => {
    expect(call('yaml.is_valid', 1)).toBe(false);
  });
});

describe('yaml.marshal', () => {
  test('block style, sorted keys', () => {
    const value: Value = { b: [1, { p: [], q: {} }, [2, 3]], a: RegoSet.of(['z', 'y']), true: null };
    expect(call('yaml.marshal', value)).toBe('a:\n- "y"\n- z\nb:\n- 1\n- p: []\n  q: {}\n- - 2\n  - 3\n"true": null\n');
    expect(call('yaml.marshal', 'a: b')).toBe("'a: b'\n");
    expect(call('yaml.marshal', { s: 'x\ny\n' })).toBe('s: |\n  x\n  y\n');
  });

  test('fuzz: what is written is read back, by this reader and by another', () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(...'ab :#-?*&!|>%@`\'"{}[],\n\t01.=~<é\u0085'), maxLength: 8 }),
      fc.constantFrom('yes', 'null', '1e3', '0x1', '<<', '---', '...', '2001-01-01', '1:20', '.inf', '- a'),
    );
    const json = fc.letrec<{ value: Value }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(
          text.filter((key) => key !== '__proto__'),
          tie('value'),
          { maxKeys: 3 },
        ),
      ) as fc.Arbitrary<Value>,
    })).value;
    fc.assert(
      fc.property(json, (value) => {
        const yaml = call('yaml.marshal', value) as string;
        const back = call('yaml.unmarshal', yaml) as Value;
        if (!equals(back, value))
          throw new Error(`${JSON.stringify(value)} -> ${JSON.stringify(yaml)} -> ${JSON.stringify(back)}`);
        expect(equals(parse(yaml, { version: '1.2' }) as Value, value)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('fuzz: any text is read or refused', () => {
    const soup = fc.string({ unit: fc.constantFrom(...'ab :#-?*&!|>%@\'"{}[],\n\t01<'), maxLength: 30 });
    fc.assert(
      fc.property(soup, (text) => {
        let read = true;
        try {
          call('yaml.unmarshal', text);
        } catch (error) {
          expect(error).toBeInstanceOf(BuiltinError);
          read = false;
        }
        expect(call('yaml.is_valid', text)).toBe(read);
      }),
      { numRuns: 1500 },
    );
  });
});
