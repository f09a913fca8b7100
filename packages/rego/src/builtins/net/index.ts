/** `net.*` and `http.send`. Nothing here opens a socket: what needs the network is for the host to supply. */
import {
  EMPTY_SET,
  isArray,
  isObject,
  objectEntries,
  RegoSet,
  ResourceLimitError,
  SetBuilder,
  typeName,
  type Value,
} from '../../value/index.js';
import { objectOperand, operand, stringOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, failure, operandError, T } from '../types.js';
import {
  contains,
  containsPrefix,
  formatAddress,
  formatPrefix,
  intersects,
  lastOf,
  type Prefix,
  parseAddress,
  parsePrefix,
} from './address.js';
import { checkHttpRequest } from './http-request.js';
import { classfulPrefix, mergePrefixes } from './merge.js';

/** `net.cidr_expand` refuses larger blocks: 2^20 addresses is a /12 of IPv4. */
const MAX_EXPANDED_BITS = 20;

function prefixFrom(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw failure(`invalid CIDR address: ${text}`);
  return prefix;
}

/** Does the block contain the address or the whole of the other block? */
function covers(outer: Prefix, text: string): boolean {
  const address = parseAddress(text);
  if (address !== undefined) return contains(outer, address);
  const inner = parsePrefix(text);
  if (inner === undefined) throw failure(`not a valid textual representation of an IP address or CIDR: ${text}`);
  return containsPrefix(outer, inner);
}

function cidrContains(args: readonly Value[]): Value {
  return covers(prefixFrom(stringOperand(args, 1)), stringOperand(args, 2));
}

function cidrIntersects(args: readonly Value[]): Value {
  return intersects(prefixFrom(stringOperand(args, 1)), prefixFrom(stringOperand(args, 2)));
}

function cidrIsValid(args: readonly Value[]): Value {
  const text = operand(args, 1);
  return typeof text === 'string' && parsePrefix(text) !== undefined;
}

/** The texts of an operand of `cidr_contains_matches`, each with what names it in the result. */
function matchTerms(args: readonly Value[], pos: number): [string, Value][] {
  const given = operand(args, pos);
  const textOf = (item: Value): string => {
    const first = isArray(item) ? item[0] : item;
    if (first === undefined || (typeof item !== 'string' && !isArray(item))) {
      throw failure(`operand ${pos}: element must be string or non-empty array`);
    }
    if (typeof first !== 'string') throw operandError(1, 'string', typeName(first));
    return first;
  };
  if (typeof given === 'string') return [[given, given]];
  if (isArray(given)) return given.map((item, i) => [textOf(item), i]);
  if (given instanceof RegoSet) return given.values().map((item) => [textOf(item), item]);
  if (isObject(given)) return objectEntries(given).map(({ key, value }) => [textOf(value), key]);
  return [];
}

function cidrContainsMatches(args: readonly Value[], ctx: BuiltinContext): Value {
  const outer = matchTerms(args, 1).map(([text, name]): [Prefix, Value] => [prefixFrom(text), name]);
  const inner = matchTerms(args, 2);
  const result = new SetBuilder();
  for (const [prefix, name] of outer) {
    ctx.budget.step(inner.length);
    for (const [text, other] of inner) if (covers(prefix, text)) result.add([name, other]);
  }
  ctx.budget.alloc(result.size);
  return result.build();
}

function cidrExpand(args: readonly Value[], ctx: BuiltinContext): Value {
  const prefix = prefixFrom(stringOperand(args, 1));
  const hostBits = prefix.bits - prefix.length;
  if (hostBits > MAX_EXPANDED_BITS) {
    throw new ResourceLimitError(
      `net.cidr_expand: ${formatPrefix(prefix)} holds more than 2^${MAX_EXPANDED_BITS} addresses`,
    );
  }
  ctx.budget.alloc(2 ** hostBits);
  ctx.budget.step(2 ** hostBits);
  const result = new SetBuilder();
  const last = lastOf(prefix);
  for (let value = prefix.first; value <= last; value++) result.add(formatAddress({ bits: prefix.bits, value }));
  return result.build();
}

function cidrMerge(args: readonly Value[], ctx: BuiltinContext): Value {
  const given = operand(args, 1);
  const items = isArray(given) ? given : given instanceof RegoSet ? given.values() : undefined;
  if (items === undefined) throw failure('operand must be an array');
  ctx.budget.step(items.length);
  const prefixes = items.map((item) => {
    if (typeof item !== 'string') throw failure('element must be string');
    const address = parseAddress(item);
    if (address === undefined) return prefixFrom(item);
    if (address.bits === 128) throw failure('IPv6 invalid: needs prefix length');
    return classfulPrefix(address);
  });
  if (prefixes.length === 0) return EMPTY_SET;
  return RegoSet.of(mergePrefixes(prefixes).map(formatPrefix));
}

/** Answers what needs no resolver: literals, and `localhost`, which RFC 6761 section 6.3 fixes to the loopback. */
function lookUp(args: readonly Value[]): Value {
  const name = stringOperand(args, 1);
  const address = parseAddress(name);
  if (address !== undefined) return RegoSet.of([formatAddress(address)]);
  if (/^localhost\.?$/i.test(name)) return RegoSet.of(['127.0.0.1', '::1']);
  throw failure(`lookup ${name}: this engine resolves no names; the host has to supply net.lookup_ip_addr`);
}

function httpSend(args: readonly Value[]): Value {
  checkHttpRequest(objectOperand(args, 1), 1);
  throw failure('this engine sends no requests; the host has to supply http.send');
}

const BLOCKS = T.union(
  T.string,
  T.array(T.union(T.string, T.array())),
  T.set(T.union(T.string, T.array())),
  T.object(T.string, T.union(T.string, T.array())),
);

/** `net.*` and `http.send`; the two that need the network refuse unless the host overrides them. */
export const netBuiltins: readonly Builtin[] = [
  { name: 'net.cidr_contains', args: [T.string, T.string], result: T.boolean, impl: cidrContains },
  { name: 'net.cidr_overlap', args: [T.string, T.string], result: T.boolean, deprecated: true, impl: cidrContains },
  { name: 'net.cidr_intersects', args: [T.string, T.string], result: T.boolean, impl: cidrIntersects },
  {
    name: 'net.cidr_contains_matches',
    args: [BLOCKS, BLOCKS],
    result: T.set(T.tuple(T.any, T.any)),
    impl: cidrContainsMatches,
  },
  { name: 'net.cidr_expand', args: [T.string], result: T.set(T.string), impl: cidrExpand },
  {
    name: 'net.cidr_merge',
    args: [T.union(T.array(T.string), T.set(T.string))],
    result: T.set(T.string),
    impl: cidrMerge,
  },
  { name: 'net.cidr_is_valid', args: [T.string], result: T.boolean, impl: cidrIsValid },
  { name: 'net.lookup_ip_addr', args: [T.string], result: T.set(T.string), nondeterministic: true, impl: lookUp },
  { name: 'http.send', args: [T.object(T.string)], result: T.object(), nondeterministic: true, impl: httpSend },
];
