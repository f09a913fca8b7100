import { describe, expect, test } from 'vitest';
import { parseModule, parseQuery } from '../parser/index.js';
import { bodyToJson, moduleToJson, rulePath } from './to-json.js';

const ref = (...names: string[]) => ({
  type: 'ref',
  value: names.map((name, i) => ({ type: i === 0 ? 'var' : 'string', value: name })),
});
const number = (value: number) => ({ type: 'number', value });
const variable = (value: string) => ({ type: 'var', value });
const body = (...terms: unknown[]) => terms.map((t, index) => ({ index, terms: t }));

describe('moduleToJson', () => {
  test('package, imports, and a rule with its keywords gone', () => {
    const module = parseModule('package a.b\n\nimport data.c as d\n\np := 1.50 if x == 2');
    expect(
      JSON.parse(JSON.stringify(moduleToJson(module), (_, v) => (v?.constructor?.name === 'RegoDecimal' ? 1.5 : v))),
    ).toEqual({
      package: { path: ref('data', 'a', 'b').value },
      imports: [{ path: ref('data', 'c'), alias: 'd' }],
      rules: [
        {
          head: { name: 'p', ref: [variable('p')], value: number(1.5), assign: true },
          body: body([ref('equal'), variable('x'), number(2)]),
        },
      ],
    });
  });

  test('kinds of heads', () => {
    const module = parseModule(
      'package a\np contains 1\nf(x) = 2\ndefault q := 3\nr[x].s := 4 if x\nt.u.v := 5\nw if y else := 6',
    );
    const rules = moduleToJson(module)['rules'] as unknown[];
    const yes = { type: 'boolean', value: true };
    const s = { type: 'string', value: 's' };
    expect(rules).toEqual([
      { head: { name: 'p', ref: [variable('p')], key: number(1) }, body: body(yes) },
      { head: { name: 'f', ref: [variable('f')], args: [variable('x')], value: number(2) }, body: body(yes) },
      { default: true, head: { name: 'q', ref: [variable('q')], value: number(3), assign: true }, body: body(yes) },
      { head: { ref: [variable('r'), variable('x'), s], value: number(4), assign: true }, body: body(variable('x')) },
      { head: { ref: ref('t', 'u', 'v').value, value: number(5), assign: true }, body: body(yes) },
      {
        head: { name: 'w', ref: [variable('w')], value: yes },
        body: body(variable('y')),
        else: { head: { name: 'w', ref: [variable('w')], value: number(6), assign: true }, body: body(yes) },
      },
    ]);
  });
});

describe('bodyToJson', () => {
  test('statements and terms', () => {
    const json = bodyToJson(
      parseQuery(
        'not input.x with data.y as null; some k, _ in [_]; every v in set() { f(v) }; a := {"k": .5 | b = c[0]}',
      ),
    );
    expect(json).toEqual([
      {
        index: 0,
        negated: true,
        terms: ref('input', 'x'),
        with: [{ target: ref('data', 'y'), value: { type: 'null', value: {} } }],
      },
      {
        index: 1,
        terms: {
          symbols: [
            {
              type: 'call',
              value: [
                ref('internal', 'member_3'),
                variable('k'),
                variable('$0'),
                { type: 'array', value: [variable('$1')] },
              ],
            },
          ],
        },
      },
      {
        index: 2,
        terms: {
          key: null,
          value: variable('v'),
          domain: { type: 'set', value: [] },
          body: body([ref('f'), variable('v')]),
        },
      },
      {
        index: 3,
        terms: [
          ref('assign'),
          variable('a'),
          {
            type: 'objectcomprehension',
            value: {
              key: { type: 'string', value: 'k' },
              value: { type: 'number', value: expect.anything() },
              body: body([ref('eq'), variable('b'), { type: 'ref', value: [variable('c'), number(0)] }]),
            },
          },
        ],
      },
    ]);
  });

  test('input and data alone are references', () => {
    expect(bodyToJson(parseQuery('input'))).toEqual(body(ref('input')));
  });
});

test('rulePath stops at the first part that varies', () => {
  const [first, second] = parseModule('package a\np.q[x].r := 1 if x\ns contains 1').rules;
  expect(first && rulePath(['a'], first)).toEqual(['a', 'p', 'q']);
  expect(second && rulePath(['a'], second)).toEqual(['a', 's']);
});
