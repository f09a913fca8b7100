import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ResourceLimitError, type Value } from '../../../value/index.js';
import { type BuiltinContext, BuiltinError } from '../../types.js';
import { templateBuiltins } from './index.js';

let left = 0;
const ctx = {
  mode: 'opa',
  budget: {
    step: (n: number) => {
      left -= n;
      if (left < 0) throw new ResourceLimitError('enough');
    },
    alloc: () => {},
  },
} as unknown as BuiltinContext;

function render(source: string, data: Value = {}): string {
  left = 100_000;
  return templateBuiltins[0]?.impl?.([source, data], ctx) as string;
}

describe('strings.render_template', () => {
  test.each<[string, Value, string]>([
    ['{{.test}}', { test: 2023 }, '2023'],
    ['a {{- .x -}} b', { x: 1 }, 'a1b'],
    ['{{/* note */}}x{{- /* note */ -}} y', {}, 'xy'],
    ['{{range $i, $n := .l}}{{if $i}},{{end}}{{$n}}{{end}}', { l: ['a', 'b'] }, 'a,b'],
    ['{{range .l}}{{.}}{{else}}none{{end}}', { l: [] }, 'none'],
    ['{{range $k, $v := .m}}{{$k}}={{$v}};{{end}}', { m: { b: 1, a: [2, 'x'] } }, 'a=[2 x];b=1;'],
    [
      '{{range .l}}{{if eq . 2}}{{continue}}{{end}}{{if eq . 4}}{{break}}{{end}}{{.}}{{end}}',
      { l: [1, 2, 3, 4, 5] },
      '13',
    ],
    ['{{if .a}}a{{else if .b}}b{{else}}c{{end}}', { a: '', b: [1] }, 'b'],
    ['{{with .a}}{{.b}}{{$.c}}{{else}}x{{end}}', { a: { b: 1 }, c: 2 }, '12'],
    ['{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}', {}, '2'],
    ['{{.a.b.c}}', { a: { b: { c: 'd' } } }, 'd'],
    ['{{(index .l 1).x}}', { l: [0, { x: 'y' }] }, 'y'],
    ['{{printf "%s-%d" .a 3 | len}}', { a: 'x' }, '3'],
    ['{{define "t"}}<{{.}}>{{end}}{{template "t" .a}}{{block "u" .a}}[{{.}}]{{end}}', { a: 1 }, '<1>[1]'],
    ['{{and .a .b}}{{or .a "z"}}{{not .a}}', { a: '', b: 'y' }, 'ztrue'],
    ['{{if and (lt 1 2) (ge "b" "a") (ne 1 2) (le 1 1) (gt 2 1)}}ok{{end}}', {}, 'ok'],
    ['{{slice "abcd" 1 3}}{{slice .l 1}}', { l: [1, 2] }, 'bc[2]'],
    ['{{html "<a&\'>"}}{{urlquery "a b"}}{{js "\'"}}', {}, "&lt;a&amp;&#39;&gt;a+b\\'"],
    ['{{print 1 2 "a" "b" 3}}{{println "x" 1}}', {}, '1 2ab3x 1\n'],
    ['{{"a\\tb"}}{{`c`}}{{\'d\'}}{{0x10}}', {}, 'a\tbc10016'],
    ['{{.n}} {{.m}}', { n: null, m: { a: null } }, '<no value> map[a:<nil>]'],
    ['{{eq .a 1 2 3}}', { a: 3 }, 'true'],
  ])('%s', (source, data, expected) => {
    expect(render(source, data)).toBe(expected);
  });

  test.each<[string, string]>([
    ['{{.a', 'unclosed action'],
    ['{{.missing}}', 'map has no entry for key "missing"'],
    ['{{if .x}}', 'unexpected EOF'],
    ['{{end}}', 'unexpected {{end}}'],
    ['{{nope 1}}', 'function "nope" not defined'],
    ['{{$x}}', 'undefined variable "$x"'],
    ['{{template "x"}}', 'template "x" not defined'],
    ['{{define "t"}}{{template "t"}}{{end}}{{template "t"}}', 'exceeded maximum template depth'],
    ['{{index "a" 5}}', 'index out of range: 5'],
    ['{{eq 1 "a"}}', 'incompatible types for comparison'],
    ['{{1 2}}', "can't give argument to non-function"],
    ['{{break}}', '{{break}} outside {{range}}'],
    ['{{range true}}{{end}}', "range can't iterate over true"],
    ['{{/* x', 'unclosed comment'],
    ['{{}}', 'missing value for command'],
  ])('%s is refused', (source, message) => {
    expect(() => render(source)).toThrow(message);
  });

  test('work is charged', () => {
    const nested = `${'{{range .l}}'.repeat(8)}x${'{{end}}'.repeat(8)}`;
    expect(() => render(nested, { l: [] })).not.toThrow();
    expect(() => render('{{range 1000}}{{range 1000}}{{.}}{{end}}{{end}}')).toThrow(ResourceLimitError);
  });

  test('fuzz: any template renders or is refused', () => {
    const part = fc.constantFrom(
      '{{',
      '}}',
      '{{-',
      '-}}',
      'range',
      'if',
      'end',
      'else',
      ' ',
      '.a',
      '$x',
      ':=',
      '|',
      '(',
      ')',
      '"s"',
      '1',
      'len',
      'with',
      'template',
      ',',
      'x',
      'and',
      '/*',
      '*/',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 16 }), (parts) => {
        try {
          expect(render(parts.join(''), { a: [1, { a: 2 }] })).toBeTypeOf('string');
        } catch (error) {
          expect(error instanceof BuiltinError || error instanceof ResourceLimitError).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
