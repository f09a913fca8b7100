import { describe, expect, test } from 'vitest';
import { ResourceLimitError, type Value } from '../../value/index.js';
import { caller, fixedContext, json, termText } from '../testing.test.util.js';
import { coreBuiltins, printLine } from './index.js';

const call = caller(coreBuiltins);
const regorus = caller(coreBuiltins, () => fixedContext({ mode: 'regorus' }));
const show = (name: string, ...args: readonly Value[]): string => termText(call(name, ...args));
const set = (...items: readonly Value[]): Value => call('cast_set', items) as Value;

describe('strings', () => {
  test.each([
    ['concat', [',', ['a', 'b']], '"a,b"'],
    ['concat', ['', set('b', 'a')], '"ab"'],
    ['contains', ['abc', ''], 'true'],
    ['indexof', ['skön var våren', 'vår'], '9'],
    ['indexof', ['😀x', 'x'], '1'],
    ['indexof', ['a', 'b'], '-1'],
    ['indexof_n', ['aaa😀aa', 'aa'], '[0, 1, 4]'],
    ['strings.count', ['aaa', 'aa'], '1'],
    ['strings.count', ['é😀', ''], '3'],
    ['upper', ['straße ᾳ ŉ'], '"STRAßE ᾼ ŉ"'],
    ['lower', ['İΣ'], '"iσ"'],
    ['replace', ['abc', '', '-'], '"-a-b-c-"'],
    ['replace', ['a.a', 'a', '$&'], '"$&.$&"'],
    ['strings.replace_n', [{ f: 'x', foo: 'xxx' }, 'foobar'], '"xoobar"'],
    ['strings.replace_n', [{ '<': '&lt;', '>': '&gt;' }, '<b>'], '"&lt;b&gt;"'],
    ['split', ['', ''], '[]'],
    ['split', ['', '.'], '[""]'],
    ['split', ['a😀', ''], '["a", "😀"]'],
    ['substring', ['h😀llo', 1, 2], '"😀l"'],
    ['substring', ['abc', 1, -1], '"bc"'],
    ['substring', ['abc', 5, 2], '""'],
    ['trim', ['xyhixy', 'yx'], '"hi"'],
    ['trim_left', ['xxhixx', 'x'], '"hixx"'],
    ['trim_right', ['xxhixx', 'x'], '"xxhi"'],
    ['trim_prefix', ['xxhi', 'x'], '"xhi"'],
    ['trim_suffix', ['hixx', 'x'], '"hix"'],
    ['trim_space', [' \t\u0085\u3000x\n'], '"x"'],
    ['strings.reverse', ['a😀b'], '"b😀a"'],
    ['strings.any_prefix_match', [['ab', 'cd'], 'c'], 'true'],
    ['strings.any_suffix_match', ['ab', set()], 'false'],
    ['format_int', [15.5, 16], '"f"'],
    ['format_int', [-255.9, 16], '"-ff"'],
    ['format_int', [json('18446744073709551616'), 2], `"1${'0'.repeat(64)}"`],
  ] as const)('%s(%o) is %s', (name, args, want) => {
    expect(show(name, ...(args as readonly Value[]))).toBe(want);
  });

  test.each([
    ['indexof', ['a', ''], 'empty search character'],
    ['substring', ['a', -1, 1], 'negative offset'],
    ['concat', [',', [1]], 'operand 2 must be array of strings but got array containing number'],
    ['concat', [',', 1], 'operand 2 must be one of {set, array} but got number'],
    ['strings.any_prefix_match', [1, 'a'], 'operand 1 must be one of {string, set, array} but got number'],
    ['strings.replace_n', [{ a: 1 }, 'a'], 'operand 1 non-string value found in pattern object'],
    ['format_int', [1, 3], 'operand 2 must be one of {2, 8, 10, 16}'],
  ] as const)('%s(%o) fails: %s', (name, args, message) => {
    expect(() => call(name, ...(args as readonly Value[]))).toThrow(message);
  });

  test('growth is charged before it happens', () => {
    const big = 'x'.repeat(1 << 20);
    expect(() => call('replace', big, '', big)).toThrow(ResourceLimitError);
    expect(() =>
      call(
        'concat',
        big,
        Array.from({ length: 100 }, () => ''),
      ),
    ).toThrow(ResourceLimitError);
    expect(() => call('strings.replace_n', { x: 'y'.repeat(1_000) }, big)).toThrow(ResourceLimitError);
    const poor = caller(coreBuiltins, () => fixedContext({}, 1_000));
    expect(() => poor('upper', big)).toThrow('budget is used up');
  });

  test('regorus words operand errors its own way', () => {
    expect(() => regorus('concat', null, [])).toThrow('`concat` expects string argument. Got `null` instead');
    expect(() => regorus('concat', '', 1)).toThrow('`concat` expects array/set of strings. Got `1` instead');
    expect(() => regorus('count', null)).toThrow('`count` requires array/object/set/string argument.');
    expect(() => regorus('bits.and', 1, 'str')).toThrow('`bits.and` expects numeric argument. Got `"str"` instead');
    expect(() => regorus('minus', 'a', 1)).toThrow('`sub` expects numeric argument.');
    expect(regorus('indexof', '', '')).toBe(-1);
  });

  test('a printed line', () => {
    expect(printLine(['a', ['a'], set()], 'opa')).toBe('a ["a"] set()');
    expect(printLine([set()], 'regorus')).toBe('{}');
  });
});

describe('encodings', () => {
  test.each([
    ['base64.encode', ['hi😀'], '"aGnwn5iA"'],
    ['base64.decode', ['aGVs\nbG8='], '"hello"'],
    ['base64.is_valid', ['aGVsbG8'], 'false'],
    ['base64.is_valid', [1], 'false'],
    ['base64url.encode', ['\u00bf\u00ff?'], '"wr_Dvz8="'],
    ['base64url.encode_no_pad', ['a'], '"YQ"'],
    ['base64url.decode', ['YQ'], '"a"'],
    ['base64url.decode', ['YQ=='], '"a"'],
    ['hex.encode', ['hé'], '"68c3a9"'],
    ['hex.decode', ['68C3a9'], '"hé"'],
    ['urlquery.encode', ['a b&c/é~'], '"a+b%26c%2F%C3%A9~"'],
    ['urlquery.decode', ['a+b%26%C3%A9'], '"a b&é"'],
    ['urlquery.encode_object', [{ b: 'z', a: ['x', 'y'] }], '"a=x&a=y&b=z"'],
    ['urlquery.decode_object', ['a=1&a=2&b&&c=%20'], '{"a": ["1", "2"], "b": [""], "c": [" "]}'],
    [
      'json.marshal',
      [json('{"b": [1, 2.50, 1e2], "a": "<&>"}')],
      '"{\\"a\\":\\"\\\\u003c\\\\u0026\\\\u003e\\",\\"b\\":[1,2.50,1e2]}"',
    ],
    ['json.marshal_with_options', [[1, {}], { indent: ' ' }], '"[\\n 1,\\n {}\\n]"'],
    ['json.marshal_with_options', [[], { prefix: '--' }], '"--[]"'],
    ['json.marshal_with_options', [[1], { pretty: false, prefix: '--' }], '"[1]"'],
    ['json.unmarshal', ['{"a": [1, 1.50]}'], '{"a": [1, 1.50]}'],
    ['json.is_valid', ['{'], 'false'],
    ['json.is_valid', [{}], 'false'],
  ] as const)('%s(%o) is %s', (name, args, want) => {
    expect(show(name, ...(args as readonly Value[]))).toBe(want);
  });

  test.each([
    ['base64.decode', ['aGVsbG8'], 'illegal base64 data at input byte 4'],
    ['base64.decode', ['a-b_'], 'illegal base64 data at input byte 1'],
    ['base64url.decode', ['abcde'], 'illegal base64url string'],
    ['hex.decode', ['fg'], "invalid byte: U+0067 'g'"],
    ['hex.decode', ['abc'], 'odd length hex string'],
    ['urlquery.decode', ['%zz'], 'invalid URL escape "%zz"'],
    ['urlquery.encode_object', [{ a: 1 }], 'values must be string, array[string], or set[string]'],
    ['json.marshal_with_options', [1, { x: 1 }], 'object contained unknown key "x"'],
    ['json.unmarshal', ['plain'], "invalid character 'p' looking for beginning of value"],
  ] as const)('%s(%o) fails: %s', (name, args, message) => {
    expect(() => call(name, ...(args as readonly Value[]))).toThrow(message);
  });

  test('bytes that are no text return unchanged', () => {
    const raw = call('hex.decode', 'ff00fe41') as Value;
    expect(call('count', raw)).toBe(4);
    expect(call('hex.encode', raw)).toBe('ff00fe41');
    expect(call('base64.encode', raw)).toBe('/wD+QQ==');
    expect(call('json.marshal', raw)).toBe('"\ufffd\\u0000\ufffdA"');
  });

  test('regorus does not escape HTML', () => {
    expect(regorus('json.marshal', '<')).toBe('"<"');
  });
});

describe('versions, units, identifiers', () => {
  test('versions are ordered as SemVer 2.0.0 says', () => {
    const ordered = [
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '2.0.0',
      '2.1.0',
      '18446744073709551616.0.0',
    ];
    ordered.forEach((a, i) => {
      ordered.forEach((b, j) => {
        expect(call('semver.compare', a, b)).toBe(Math.sign(i - j));
      });
    });
    expect(call('semver.compare', '1.0.0+a', '1.0.0+b')).toBe(0);
    expect(() => call('semver.compare', '1', '1.0.0')).toThrow('operand 1: string "1" is not a valid SemVer');
    for (const bad of ['v1.0.0', '01.0.0', '1.0', '1.0.0-', '1.0.0-01', '1.0.0+'])
      expect(call('semver.is_valid', bad)).toBe(false);
  });

  test.each([
    ['units.parse', '1.1Ki', '1126.4000000000'],
    ['units.parse', '100m', '0.1000000000'],
    ['units.parse', '100M', '100000000'],
    ['units.parse', '100mi', '104857600'],
    ['units.parse', '5E', '5000000000000000000'],
    ['units.parse', '5e3K', '5000000'],
    ['units.parse', '"10Ei"', '11529215046068469760'],
    ['units.parse', '-3.5E2m', '-0.3500000000'],
    ['units.parse_bytes', '4.1Mi', '4299161'],
    ['units.parse_bytes', '1KB', '1000'],
    ['units.parse_bytes', '1kIb', '1024'],
  ])('%s(%o) is %s', (name, text, want) => {
    expect(show(name, text)).toBe(want);
  });

  test.each([
    ['units.parse', '', 'no amount provided'],
    ['units.parse', 'G', 'no amount provided'],
    ['units.parse', '.5.2', 'could not parse amount to a number'],
    ['units.parse', '1 k', 'spaces not allowed in resource strings'],
    ['units.parse', '1XB', 'unit XB not recognized'],
    ['units.parse_bytes', 'foo', 'no byte amount provided'],
    ['units.parse_bytes', '0.0.0', 'could not parse byte amount to a number'],
    ['units.parse_bytes', '1y', 'byte unit y not recognized'],
  ])('%s(%o) fails: %s', (name, text, message) => {
    expect(() => call(name, text)).toThrow(message);
  });

  test('identifiers', () => {
    expect(show('uuid.parse', 'urn:uuid:000003e8-48b9-21ee-b200-325096b39f47')).toBe(
      '{"clocksequence": 12800, "domain": "Person", "id": 1000, "macvariables": "local:unicast", "nodeid": "32-50-96-b3-9f-47", "time": 1693566990121469600, "variant": "RFC4122", "version": 2}',
    );
    expect(show('uuid.parse', '6bea8ef2d3d33cd184e09bab06a52ece')).toBe('{"variant": "RFC4122", "version": 3}');
    for (const bad of ['', 'x', '{6bea8ef2d3d33cd184e09bab06a52ece}', '6bea8ef2-d3d3-3cd1-84e0-9bab06a52ec']) {
      expect(show('uuid.parse', bad)).toBe('undefined');
    }
    const context = fixedContext();
    const once = caller(coreBuiltins, () => context);
    expect(once('uuid.rfc4122', 'a')).toBe(once('uuid.rfc4122', 'a'));
    expect(once('uuid.rfc4122', 'a')).not.toBe(once('uuid.rfc4122', 'b'));
    expect(once('uuid.rfc4122', 'a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
