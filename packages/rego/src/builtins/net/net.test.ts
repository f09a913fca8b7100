import { isIP, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RegoSet, ResourceLimitError } from '../../value/index.js';
import { type BuiltinContext, BuiltinError, type Value } from '../types.js';
import { contains, formatAddress, formatPrefix, parseAddress, parsePrefix } from './address.js';
import { netBuiltins } from './index.js';

const ctx = { budget: { step: () => {}, alloc: () => {} } } as unknown as BuiltinContext;

function call(name: string, ...args: Value[]): Value | undefined {
  const builtin = netBuiltins.find((b) => b.name === name);
  if (builtin?.impl === undefined) throw new Error(`no built-in ${name}`);
  return builtin.impl(args, ctx);
}

function members(value: Value | undefined): readonly Value[] {
  if (!(value instanceof RegoSet)) throw new Error('not a set');
  return value.values();
}

describe('addresses', () => {
  test.each([
    ['::', '::'],
    ['::1', '::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::0001', '2001:db8::1'],
    ['1:0:3:4:5:6:7:8', '1:0:3:4:5:6:7:8'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::192.0.2.0', '::c000:200'],
    ['255.255.255.255', '255.255.255.255'],
  ])('%s prints as %s', (text, printed) => {
    const address = parseAddress(text);
    expect(address && formatAddress(address)).toBe(printed);
  });

  test.each([
    '',
    '1.2.3',
    '01.2.3.4',
    '1.2.3.256',
    '1.2.3.4.5',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '::12345',
    'fe80::1%eth0',
    '1.2.3.4::',
    '::1.2.3',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/+8',
    '::/129',
    '/8',
    '10.0.0/8',
    '10.0.0.0/8/9',
  ])('refuses the block %j', (text) => {
    expect(parsePrefix(text)).toBeUndefined();
  });

  test('fuzz: agrees with the platform on what an address is, and round-trips', () => {
    const soup = fc.string({ unit: fc.constantFrom(...'0123456789abf:.'), maxLength: 24 });
    fc.assert(
      fc.property(fc.oneof(soup, fc.ipV4(), fc.ipV6()), (text) => {
        const address = parseAddress(text);
        expect(address !== undefined).toBe(isIP(text) !== 0);
        if (address === undefined) return;
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
      { numRuns: 2000 },
    );
  });

  test('fuzz: blocks hold their own text form', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(140), (text, length) => {
        const prefix = parsePrefix(`${text}/${length}`);
        const widest = isIPv6(text) ? 128 : 32;
        expect(prefix !== undefined).toBe(length <= widest);
        if (prefix === undefined) return;
        expect(parsePrefix(formatPrefix(prefix))).toEqual(prefix);
        const address = parseAddress(text);
        if (address?.bits === prefix.bits) expect(contains(prefix, address)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('net.cidr_*', () => {
  test('contains ignores host bits and never mixes families', () => {
    expect(call('net.cidr_contains', '10.0.0.9/8', '10.1.0.7/24')).toBe(true);
    expect(call('net.cidr_contains', '172.17.0.0/24', '172.17.0.0/16')).toBe(false);
    expect(call('net.cidr_contains', '::/0', '10.0.0.1')).toBe(false);
    expect(call('net.cidr_contains', '10.0.0.0/8', '::ffff:10.0.0.1')).toBe(true);
    expect(() => call('net.cidr_contains', 'x', '10.0.0.1')).toThrow('invalid CIDR address: x');
    expect(() => call('net.cidr_contains', '10.0.0.0/8', 'x')).toThrow('not a valid textual representation');
  });

  test('intersects', () => {
    expect(call('net.cidr_intersects', '192.168.1.0/25', '192.168.1.64/25')).toBe(true);
    expect(call('net.cidr_intersects', '192.168.1.0/25', '192.168.1.128/25')).toBe(false);
  });

  test('contains_matches names operands by index, key or element', () => {
    expect(members(call('net.cidr_contains_matches', ['1.1.2.0/24', ['1.1.1.0/24', 'x']], { a: '1.1.1.1' }))).toEqual([
      [1, 'a'],
    ]);
    expect(() => call('net.cidr_contains_matches', '1.1.1.0/24', [1])).toThrow(
      'operand 2: element must be string or non-empty array',
    );
    expect(() => call('net.cidr_contains_matches', [[]], 'x')).toThrow(
      'operand 1: element must be string or non-empty array',
    );
    expect(() => call('net.cidr_contains_matches', [[7]], 'x')).toThrow('operand 1 must be string but got number');
  });

  test('expand is bounded', () => {
    expect(members(call('net.cidr_expand', '192.168.1.1/30'))).toEqual([
      '192.168.1.0',
      '192.168.1.1',
      '192.168.1.2',
      '192.168.1.3',
    ]);
    expect(members(call('net.cidr_expand', '255.255.255.254/31'))).toHaveLength(2);
    expect(() => call('net.cidr_expand', '0.0.0.0/0')).toThrow(ResourceLimitError);
    expect(() => call('net.cidr_expand', '::/64')).toThrow(ResourceLimitError);
  });

  test('merge', () => {
    expect(members(call('net.cidr_merge', ['192.0.2.112/30', '192.0.2.116/31', '192.0.2.118/31']))).toEqual([
      '192.0.2.112/29',
    ]);
    expect(members(call('net.cidr_merge', ['0.0.0.0/1', '128.0.0.0/1', '::/0']))).toEqual(['0.0.0.0/0', '::/0']);
    expect(members(call('net.cidr_merge', ['10.0.0.0/8', '10.1.0.0/16']))).toEqual(['10.0.0.0/8']);
    expect(() => call('net.cidr_merge', ['::1'])).toThrow('IPv6 invalid: needs prefix length');
    expect(() => call('net.cidr_merge', [1])).toThrow('element must be string');
  });

  test('fuzz: merging keeps exactly the covered addresses', () => {
    const block = fc
      .tuple(fc.nat(255), fc.integer({ min: 24, max: 32 }))
      .map(([host, length]) => `10.0.0.${host}/${length}`);
    fc.assert(
      fc.property(fc.array(block, { maxLength: 6 }), fc.nat(255), (blocks, host) => {
        const address = `10.0.0.${host}`;
        const covered = (list: readonly Value[]): boolean =>
          list.some((b) => call('net.cidr_contains', b, address) === true);
        expect(covered(members(call('net.cidr_merge', blocks)))).toBe(covered(blocks));
      }),
      { numRuns: 300 },
    );
  });
});

describe('what needs the network', () => {
  test('lookup answers literals and localhost only', () => {
    expect(members(call('net.lookup_ip_addr', '10.0.0.0'))).toEqual(['10.0.0.0']);
    expect(members(call('net.lookup_ip_addr', 'localhost'))).toEqual(['127.0.0.1', '::1']);
    expect(() => call('net.lookup_ip_addr', 'example.com')).toThrow('the host has to supply net.lookup_ip_addr');
  });

  test('http.send checks its parameters and then refuses', () => {
    expect(() => call('http.send', { method: 'get', url: 'http://x', bad_key: 1 })).toThrow(
      'invalid request parameters(s): {"bad_key"}',
    );
    expect(() => call('http.send', { method: 'get' })).toThrow('missing required request parameters(s): {"url"}');
    expect(() => call('http.send', { method: 'get', url: 'http://x' })).toThrow(BuiltinError);
  });
});
