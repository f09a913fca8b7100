import { describe, expect, test } from 'vitest';
import { formatReference, NO_REGISTRY_CONFIG, parseReference, readRegistryConfig, registryTasks } from '../index.js';

const tasks = (toml: string, reference: string): string[] =>
  registryTasks(readRegistryConfig(toml, 'registries.conf'), parseReference(reference)).map(
    ({ scheme, reference: found }) => `${scheme}://${formatReference(found)}`,
  );
const rule = (...lines: string[]): string => ['[[registry]]', ...lines, ''].join('\n');

describe('registries', () => {
  test.each<[string, string, string, readonly string[]]>([
    ['no rule', '', 'quay.io/a:1', ['https://quay.io/a:1']],
    [
      'the longest prefix',
      rule('prefix = "a.io"', 'location = "x.io"') + rule('prefix = "a.io/b"', 'location = "y.io/z"'),
      'a.io/b/c:1',
      ['https://y.io/z/c:1'],
    ],
    [
      'of two alike the later',
      rule('prefix = "a.io"', 'location = "x.io"') + rule('prefix = "a.io"', 'location = "y.io"'),
      'a.io/c:1',
      ['https://y.io/c:1'],
    ],
    [
      'a location whose host has no dot: no name of Docker Hub',
      rule('prefix = "a.io"', 'location = "registry"', '[[registry.mirror]]', 'location = "mirror/ns"'),
      'a.io/c:1',
      ['https://mirror/ns/c:1', 'https://registry/c:1'],
    ],
    ['whole parts only', rule('prefix = "a.io/b"', 'location = "x.io"'), 'a.io/bc:1', ['https://a.io/bc:1']],
    ['no match in the middle', rule('prefix = "b"', 'location = "x.io"'), 'a.io/b/c:1', ['https://a.io/b/c:1']],
    ['a wildcard', rule('prefix = "*.a.io"', 'location = "x.io"'), 'r.a.io:5000/c:1', ['https://x.io/c:1']],
    [
      'a wildcard and its bare domain',
      rule('prefix = "*.a.io"', 'location = "x.io"'),
      'a.io/c:1',
      ['https://a.io/c:1'],
    ],
    [
      'mirrors before the location',
      rule('prefix = "a.io"', 'location = "b.io"', 'insecure = true', '[[registry.mirror]]', 'location = "m.io/x"'),
      'a.io/c:1',
      ['https://m.io/x/c:1', 'http://b.io/c:1'],
    ],
    ['insecure without a location', rule('prefix = "a.io"', 'insecure = true'), 'a.io/c:1', ['https://a.io/c:1']],
    [
      'a digest stays',
      rule('prefix = "a.io"', 'location = "b.io"'),
      `a.io/c@sha256:${'0'.repeat(64)}`,
      [`https://b.io/c@sha256:${'0'.repeat(64)}`],
    ],
    [
      'a full reference as prefix',
      rule('prefix = "a.io/c:1"', 'location = "b.io/d:2"'),
      'a.io/c:1',
      ['https://b.io/d:2'],
    ],
  ])('%s', (_, toml, reference, expected) => expect(tasks(toml, reference)).toEqual(expected));

  test('a blocked one is not asked, nor are its mirrors', () => {
    const toml = rule('prefix = "a.io"', 'blocked = true', '[[registry.mirror]]', 'location = "m.io"');
    expect(() => tasks(toml, 'a.io/c:1')).toThrow(expect.objectContaining({ code: 'image.registry.blocked' }));
    const searched = `unqualified-search-registries = ["docker.io", "b.io"]\n${rule('prefix = "docker.io"', 'blocked = true')}`;
    expect(tasks(searched, 'alpine')).toEqual(['https://b.io/alpine:latest']);
  });

  test('without a file every registry is its own', () => {
    expect(registryTasks(NO_REGISTRY_CONFIG, parseReference('alpine'))).toHaveLength(1);
  });

  test.each([['x.io'], ['registry'], ['Not_a_host/x']])('no repository at %s is another one', (location) => {
    const rules = rule('prefix = "a.io/c"', `location = "${location}"`);
    expect(() => tasks(rules, 'a.io/c:1')).toThrow(expect.objectContaining({ code: 'image.registry.config' }));
  });

  test('what tells how short names are completed is passed over', () => {
    expect(readRegistryConfig('short-name-mode = "enforcing"', 'f')).toEqual(NO_REGISTRY_CONFIG);
  });

  test.each([
    ['no TOML', '[['],
    ['an unknown key', 'x = 1'],
    ['hosts that are no list', 'unqualified-search-registries = "a"'],
    ['hosts that are no texts', 'unqualified-search-registries = [1]'],
    ['rules that are no list', 'registry = 1'],
    ['a rule that is no table', 'registry = [1]'],
    ['neither prefix nor location', rule('insecure = true')],
    ['a wildcard without location', rule('prefix = "*.a.io"')],
    ['a prefix that is no text', rule('prefix = 1')],
    ['a flag that is no flag', rule('prefix = "a"', 'insecure = "yes"')],
    ['a mirror without location', rule('prefix = "a"', '[[registry.mirror]]', 'insecure = true')],
    ['mirrors that are no list', rule('prefix = "a"', 'mirror = 1')],
    ['too much', `# ${'x'.repeat(1024 * 1024)}`],
  ])('a file with %s is refused', (_, toml) => {
    expect(() => tasks(toml, 'alpine')).toThrow(expect.objectContaining({ code: 'image.registry.config' }));
  });

  test('a location that gives no reference is refused', () => {
    expect(() => tasks(rule('prefix = "a.io"', 'location = "UPPER/x y"'), 'a.io/c')).toThrow(
      expect.objectContaining({ code: 'image.reference.form' }),
    );
  });
});
