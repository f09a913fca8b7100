import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProtocolError } from '../protocol-error.js';
import { formatResourceName, parseResourceName } from './resource-name.js';
import { formatResourceUri, parseResourceUri, resourceRequestPath } from './resource-uri.js';

test('names: three segments of allowed characters', () => {
  expect(parseResourceName('1.ok/2ok./3...')).toEqual({ repository: '1.ok', type: '2ok.', tag: '3...' });
  expect(formatResourceName(parseResourceName(['default', 'key', 'a-b_C.1']))).toBe('default/key/a-b_C.1');
});

test.each([
  ['a/b', 'has 2 segments'],
  ['a/b/c/d', 'has 4 segments'],
  ['a//c', 'segment 2 of the resource name, "", is empty'],
  ['.a/b/c', 'segment 1 of the resource name, ".a", begins with a dot'],
  ['a/../c', 'begins with a dot'],
  ['a/b/c\n', 'holds a character that is not allowed'],
  ['a/b/%2e', 'holds a character that is not allowed'],
  ['a/b/ü', 'holds a character that is not allowed'],
  ['a/b/c?d', 'holds a character that is not allowed'],
  [`a/b/${'c'.repeat(257)}`, 'is longer than 256 characters'],
])('names: refuses %j', (name, reason) => {
  expect(() => parseResourceName(name)).toThrow(reason);
  expect(() => parseResourceName(name)).toThrow(expect.objectContaining({ code: 'resource.name.form' }));
});

test('URIs: the three forms', () => {
  const plain = parseResourceUri('kbs:///default/key/1');
  expect(plain).toEqual({ plugin: 'resource', authority: '', segments: ['default', 'key', '1'], query: new Map() });
  expect(parseResourceUri('default/key/1')).toEqual(plain);
  expect(parseResourceUri('kbs://kbs.example:8080/default/key/1').authority).toBe('kbs.example:8080');
  expect(parseResourceUri('kbs://[2001:db8::1]:8080/default/key/1').authority).toBe('[2001:db8::1]:8080');
  const plugin = parseResourceUri('kbs+nebula-ca:///credential?name=node%201&ip=10.0.0.1/24');
  expect(plugin).toMatchObject({ plugin: 'nebula-ca', segments: ['credential'] });
  expect(plugin.query).toEqual(
    new Map([
      ['name', 'node 1'],
      ['ip', '10.0.0.1/24'],
    ]),
  );
  expect(resourceRequestPath(plain)).toBe('/kbs/v0/resource/default/key/1');
  expect(resourceRequestPath(plugin)).toBe('/kbs/v0/nebula-ca/credential?name=node%201&ip=10.0.0.1%2F24');
});

test.each([
  'kbs://default/key/1',
  'kbs:///default/key',
  'kbs:///default/key/1/2',
  'kbs:///default/../1',
  'kbs:///default/%6bey/1',
  'kbs:///default/key/1#x',
  'kbs://user@host/default/key/1',
  'kbs://user:secret@host/default/key/1',
  'kbs://host:port/default/key/1',
  'KBS:///default/key/1',
  'https://host/default/key/1',
  'kbs+:///default/key/1',
  'kbs+Plug:///a',
  'kbs+plug:///',
  'kbs+plug:///a//b',
  'kbs+plug:///a/../b',
  'kbs+plug:///./b',
  'kbs+plug:///a?x',
  'kbs+plug:///a?=1',
  'kbs+plug:///a?x=1&x=2',
  'kbs+plug:///a?x=%ff',
  'kbs+plug:///a b',
  '/default/key/1',
  'default/key',
  '',
  `kbs:///a/b/${'c'.repeat(3000)}`,
  `kbs+plug:///a?x=${'1'.repeat(3000)}`,
  `kbs+plug:///${'a/'.repeat(20)}a`,
])('URIs: refuses %s', (uri) => {
  expect(() => parseResourceUri(uri)).toThrow(ProtocolError);
  expect(() => parseResourceUri(uri)).toThrow(expect.objectContaining({ code: 'resource.name.form' }));
});

test('fuzz: what is accepted has one canonical text, which means the same', () => {
  const piece = fc.constantFrom(
    'kbs',
    '+',
    'plug',
    ':',
    '//',
    '/',
    'a',
    '..',
    '.',
    '%41',
    '?',
    '&',
    '=',
    '#',
    '@',
    '[::1]',
    'key',
    ' ',
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 14 }).map((list) => list.join('')),
    fc.webUrl(),
  );
  fc.assert(
    fc.property(text, (input) => {
      try {
        const uri = parseResourceUri(input);
        expect(parseResourceUri(formatResourceUri(uri))).toEqual(uri);
        expect(uri.segments).not.toContain('..');
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
      }
    }),
    { numRuns: fuzzRuns(300) },
  );
});
