import { describe, expect, test } from 'vitest';
import { ResourceLimitError, type Value } from '../../value/index.js';
import { caller, fixedContext, json, termText } from '../testing.test.util.js';
import { coreBuiltins } from './index.js';

const call = caller(coreBuiltins);
const show = (name: string, ...args: readonly Value[]): string => termText(call(name, ...args));
const set = (...items: readonly Value[]): Value => call('cast_set', items) as Value;

describe('comparison and membership', () => {
  test.each([
    ['lt', 5, 'a', 'true'],
    ['gt', [], null, 'true'],
    ['equal', 1, json('1.0'), 'true'],
    ['neq', set(1, 2), set(2, 1), 'false'],
    ['gte', '\uffee', '😀', 'false'],
    ['lte', {}, set(), 'true'],
    ['internal.member_2', 2, { a: 2 }, 'true'],
    ['internal.member_2', 'a', { a: 2 }, 'false'],
    ['internal.member_2', 'a', 'abc', 'false'],
  ] as const)('%s(%j, %j)', (name, a, b, want) => {
    expect(show(name, a, b)).toBe(want);
  });

  test('pairs', () => {
    expect(call('internal.member_3', 1, 'b', ['a', 'b'])).toBe(true);
    expect(call('internal.member_3', 'b', 'b', set('a', 'b'))).toBe(true);
    expect(call('internal.member_3', 'a', 'b', set('a', 'b'))).toBe(false);
    expect(call('internal.member_3', 'k', 1, { k: 1 })).toBe(true);
    expect(call('internal.member_3', 0, 1, null)).toBe(false);
  });
});

describe('aggregates', () => {
  test.each([
    ['count', 'héllo😀', '6'],
    ['count', { a: 1 }, '1'],
    ['sum', [1, 2.5, json('9007199254740993')], '9.0071992547409965e+15'],
    ['sum', set(), '0'],
    ['product', [2, 3, 4], '24'],
    ['product', [], '1'],
    ['max', [1, 'a', null], '"a"'],
    ['min', set(3, 2), '2'],
    ['max', [], 'undefined'],
    ['sort', [3, 'a', null, 1], '[null, 1, 3, "a"]'],
    ['all', [true, true], 'true'],
    ['any', [false, 'true'], 'false'],
  ] as const)('%s(%o) is %s', (name, v, want) => {
    expect(show(name, v)).toBe(want);
  });

  test.each([
    ['count', null, 'operand 1 must be one of {array, object, set, string} but got null'],
    ['sum', [1, 'a'], 'operand 1 must be array of numbers but got array containing string'],
    ['max', 1, 'operand 1 must be one of {set, array} but got number'],
    ['any', 1, 'operand 1 must be one of {array, set} but got number'],
  ] as const)('%s(%o) fails: %s', (name, v, message) => {
    expect(() => call(name, v)).toThrow(message);
  });
});

describe('types', () => {
  test.each([
    ['-42.0', '-42.0'],
    ['007', '7'],
    ['+1.5', '1.5'],
    ['.5', '0.5'],
    ['1e3', '1e3'],
    [true, '1'],
    [null, '0'],
  ] as const)('to_number(%j) is %s', (v, want) => {
    expect(show('to_number', v)).toBe(want);
  });

  test.each(['', ' 1', '0x10', '1_000', '1e', '--1'])('to_number(%j) is invalid syntax', (text) => {
    expect(() => call('to_number', text)).toThrow('invalid syntax');
  });

  test.each(['Inf', '-infinity', 'NaN'])('to_number(%j) is no number string', (text) => {
    expect(() => call('to_number', text)).toThrow('operand 1 must be valid number string but got string');
  });

  test('casts return their argument or fail', () => {
    expect(call('cast_string', 'x')).toBe('x');
    expect(() => call('cast_string', 1)).toThrow('operand 1 must be string but got number');
    expect(() => call('cast_array', 1)).toThrow('operand 1 must be one of {array, set} but got number');
    expect(show('cast_array', set(2, 1))).toBe('[1, 2]');
  });
});

describe('arrays and sets', () => {
  test.each([
    ['array.slice', [[1, 2, 3], -5, 2], '[1, 2]'],
    ['array.slice', [[1, 2, 3], 2, 1], '[]'],
    ['array.slice', [[1, 2, 3], 1, 99], '[2, 3]'],
    ['array.flatten', [[1, [2, [3]], []]], '[1, 2, [3]]'],
    ['array.concat', [[1], [2]], '[1, 2]'],
    ['array.reverse', [[1, 2]], '[2, 1]'],
    ['and', [set(1, 2), set(2, 3)], '{2}'],
    ['or', [set(1), set(2)], '{1, 2}'],
    ['minus', [set(1, 2), set(2)], '{1}'],
    ['intersection', [set(set(1, 2), set(2, 3))], '{2}'],
    ['intersection', [set()], 'set()'],
    ['union', [set(set(1), set(2))], '{1, 2}'],
  ] as const)('%s(%o) is %s', (name, args, want) => {
    expect(show(name, ...(args as readonly Value[]))).toBe(want);
  });

  test('unions of what is no set fail', () => {
    expect(() => call('union', set(1))).toThrow('operand 1 must be set of sets but got set containing number');
    expect(() => call('minus', set(1), 1)).toThrow('operand 2 must be set but got number');
  });
});

describe('objects', () => {
  const nested = json('{"a": {"b": [{"c": 1}]}, "d": 2}');

  test.each([
    ['object.get', [nested, ['a', 'b', 0, 'c'], 9], '1'],
    ['object.get', [nested, ['a', 'b', 'x'], 9], '9'],
    ['object.get', [nested, ['d', 'x'], 9], '9'],
    ['object.get', [nested, 'd', 9], '2'],
    ['object.get', [{}, [], 9], '{}'],
    ['object.keys', [nested], '{"a", "d"}'],
    [
      'object.union',
      [nested, json('{"a": {"x": 1}, "d": {"y": 1}}')],
      '{"a": {"b": [{"c": 1}], "x": 1}, "d": {"y": 1}}',
    ],
    ['object.union_n', [[{ a: 1 }, { a: { b: 1 } }, { a: { c: 2 } }]], '{"a": {"b": 1, "c": 2}}'],
    ['object.remove', [nested, ['a']], '{"d": 2}'],
    ['object.remove', [nested, { d: 1 }], '{"a": {"b": [{"c": 1}]}}'],
    ['object.filter', [nested, set('d', 'x')], '{"d": 2}'],
    [
      'object.subset',
      [
        [1, 2, 3],
        [2, 3],
      ],
      'true',
    ],
    [
      'object.subset',
      [
        [1, 2, 3],
        [1, 3],
      ],
      'false',
    ],
    ['object.subset', [[1, 1, 2], set(1, 2)], 'true'],
    ['object.subset', [nested, json('{"a": {"b": [{"c": 1}]}}')], 'true'],
    ['object.subset', [{ s: set(1, 2) }, { s: set(2) }], 'true'],
    ['object.subset', [{ a: 1 }, { a: 2 }], 'false'],
  ] as const)('%s(%o) is %s', (name, args, want) => {
    expect(show(name, ...(args as readonly Value[]))).toBe(want);
  });

  test.each([
    ['object.get', ['x', 'a', 1], 'operand 1 must be object but got string'],
    ['object.remove', [{}, 'a'], 'operand 2 must be one of {object, set, array} but got string'],
    ['object.subset', [set(1), [1]], 'both arguments object.subset must be of the same type or array and set'],
    ['object.union_n', [[{}, 1]], 'operand 1 must be array of objects but got array containing number'],
  ] as const)('%s(%o) fails: %s', (name, args, message) => {
    expect(() => call(name, ...(args as readonly Value[]))).toThrow(message);
  });
});

describe('JSON documents', () => {
  const doc = json('{"a": {"b": [1, 2, 3], "x/y": 1}, "c": 4}');

  test.each([
    ['json.remove', [doc, ['a/b/1', '/c']], '{"a": {"b": [1, 3], "x/y": 1}}'],
    ['json.remove', [doc, ['a/x~1y', ['a', 'b', '0']]], '{"a": {"b": [2, 3]}, "c": 4}'],
    ['json.remove', [doc, ['a/b', 'a']], '{"c": 4}'],
    ['json.remove', [doc, ['nope/x']], '{"a": {"b": [1, 2, 3], "x/y": 1}, "c": 4}'],
    ['json.filter', [doc, ['a/b/1', 'a/b/2']], '{"a": {"b": [2, 3]}}'],
    ['json.filter', [doc, set('c')], '{"c": 4}'],
    ['json.filter', [{ s: set(1, 2) }, [['s', 1]]], '{"s": {1}}'],
    ['json.filter', [doc, []], '{}'],
  ] as const)('%s(%o) is %s', (name, args, want) => {
    expect(show(name, ...(args as readonly Value[]))).toBe(want);
  });

  test('paths are texts or arrays', () => {
    const want =
      'operand 2 must be one of {set, array} containing string paths or array of path segments but got object';
    expect(() => call('json.remove', doc, [{}])).toThrow(want);
    expect(() => call('json.filter', doc, true)).toThrow('operand 2 must be one of {set, array} but got boolean');
  });

  test.each([
    ['{"a": [1]}', '[{"op": "add", "path": "/a/-", "value": 2}]', '{"a": [1, 2]}'],
    ['{"a": [1]}', '[{"op": "add", "path": "a/0", "value": 2}]', '{"a": [2, 1]}'],
    ['{"a": 1}', '[{"op": "move", "from": "/a", "path": "/b"}]', '{"b": 1}'],
    ['{"a": {"b": 1}}', '[{"op": "copy", "from": "/a", "path": "/a/c"}]', '{"a": {"b": 1, "c": {"b": 1}}}'],
    ['[1, 2]', '[{"op": "remove", "path": "/0"}, {"op": "test", "path": "/0", "value": 2}]', '[2]'],
    ['{"a": 1}', '[{"op": "replace", "path": "", "value": [1]}]', '[1]'],
    // Whatever fails makes the call undefined.
    ['{"a": 1}', '[{"op": "test", "path": "/a", "value": 2}]', 'undefined'],
    ['{"a": 1}', '[{"op": "remove", "path": "/b"}]', 'undefined'],
    ['{"a": {}}', '[{"op": "move", "from": "/a", "path": "/a/b"}]', 'undefined'],
    ['[1]', '[{"op": "add", "path": "/01", "value": 2}]', 'undefined'],
    ['[1]', '[{"op": "add", "path": "/2", "value": 2}]', 'undefined'],
    ['{}', '[{"op": "add", "path": "/a"}]', 'undefined'],
    ['{}', '[{"op": "spam", "path": "/a", "value": 1}]', 'undefined'],
    ['{}', '[1]', 'undefined'],
  ])('json.patch(%s, %s) is %s', (document, operations, want) => {
    expect(show('json.patch', json(document), json(operations))).toBe(want);
  });

  test('sets are patched by element', () => {
    expect(
      show(
        'json.patch',
        set('a', 'b'),
        json('[{"op": "remove", "path": "b"}, {"op": "add", "path": "c", "value": "c"}]'),
      ),
    ).toBe('{"a", "c"}');
    expect(show('json.patch', set('a'), json('[{"op": "add", "path": "c", "value": "d"}]'))).toBe('undefined');
    expect(show('json.patch', set([1]), [{ op: 'add', path: [[1], 1], value: 2 }])).toBe('{[1, 2]}');
  });
});

describe('graphs', () => {
  test('walk visits a node before its children', () => {
    expect(show('walk', { a: [1], s: set(2) })).toBe(
      '[[[], {"a": [1], "s": {2}}], [["a"], [1]], [["a", 0], 1], [["s"], {2}], [["s", 2], 2]]',
    );
  });

  test('reachable drops unknown nodes and survives cycles', () => {
    const graph = json('{"a": ["b"], "b": ["a", "x"], "c": []}');
    expect(show('graph.reachable', graph, ['a', 'nowhere'])).toBe('{"a", "b"}');
  });

  test('paths end at leaves, before unknown nodes, and before nodes already left', () => {
    const graph = json('{"a": ["b", "c"], "b": ["c"], "c": [], "e": ["f"], "f": ["e", "gone"]}');
    expect(show('graph.reachable_paths', graph, ['a', 'e'])).toBe('{["a", "b", "c"], ["a", "c"], ["e", "f"]}');
    expect(() => call('graph.reachable_paths', graph, 'a')).toThrow('operand 2 must be {array, set} but got string');
  });

  test('walking a value of exponential size ends with the budget', () => {
    let wide: Value = [1];
    for (let i = 0; i < 40; i++) wide = [wide, wide];
    const poor = caller(coreBuiltins, () => fixedContext({}, 100_000));
    expect(() => poor('walk', wide)).toThrow(ResourceLimitError);
  });
});
