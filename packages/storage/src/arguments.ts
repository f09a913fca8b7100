import type { ListOptions, Operation, PutOptions } from './contract.js';
import { LIMITS } from './contract.js';
import { wrongArgument } from './errors.js';

/*
 * One check of arguments for all back ends, so that none is more lenient than another. The alphabet leaves out NUL,
 * which one SQLite driver cuts text at: what was checked would not be what is stored.
 */
const NAMESPACE = /^[a-z][a-z0-9_-]*$/;
const KEY = /^[A-Za-z0-9_-][A-Za-z0-9_./-]*$/;
const BOUND = /^[A-Za-z0-9_./-]*$/;

/** Greater than every character of a key: what begins with `prefix` is less than `prefix + KEY_END`. */
const KEY_END = '\x7f';
/** Less than every character of a key: `key >= after + KEY_START` is `key > after`. */
const KEY_START = ' ';

export function checkNamespace(ns: string): void {
  if (typeof ns !== 'string' || ns.length > LIMITS.namespaceLength || !NAMESPACE.test(ns))
    throw wrongArgument(
      show(ns),
      'the name',
      'malformed',
      `1 to ${LIMITS.namespaceLength} of a-z 0-9 _ -, a letter first`,
    );
}

export function checkKey(ns: string, key: string): void {
  if (typeof key !== 'string' || key.length > LIMITS.keyLength || !KEY.test(key))
    throw wrongArgument(ns, 'key', show(key), `1 to ${LIMITS.keyLength} of A-Z a-z 0-9 - _ . /, not . or / first`);
}

export function checkValue(ns: string, value: Uint8Array): void {
  if (!(value instanceof Uint8Array)) throw wrongArgument(ns, 'value', typeof value, 'bytes are wanted');
  if (value.byteLength > LIMITS.valueBytes)
    throw wrongArgument(ns, 'value', `${value.byteLength} bytes`, `at most ${LIMITS.valueBytes} are stored`);
}

export function checkPutOptions(ns: string, options: PutOptions): void {
  const { expiresAt, ifAbsent, ifVersion } = options;
  if (expiresAt !== undefined) checkTime(expiresAt, ns, 'expiresAt');
  if (ifVersion !== undefined) checkVersion(ns, ifVersion);
  if (ifAbsent !== undefined && ifAbsent !== true)
    throw wrongArgument(ns, 'ifAbsent', show(ifAbsent), 'true where it is given');
  if (ifAbsent && ifVersion !== undefined)
    throw wrongArgument(ns, 'condition', 'both ifAbsent and ifVersion', 'at most one of them');
}

/** A range of keys as one half-open interval. */
export interface Bounds {
  /** Inclusive. */
  readonly low: string;
  /** Exclusive. */
  readonly high: string;
}

/** Checks the options of a list and states its range of keys. */
export function listBounds(ns: string, options: ListOptions): Bounds {
  const { prefix = '', after, before, limit } = options;
  for (const [name, bound] of Object.entries({ prefix, after, before })) {
    if (bound === undefined) continue;
    if (typeof bound !== 'string' || bound.length > LIMITS.keyLength || !BOUND.test(bound))
      throw wrongArgument(ns, name, show(bound), `characters of a key, at most ${LIMITS.keyLength}`);
  }
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > LIMITS.listEntries)
    throw wrongArgument(ns, 'limit', show(limit), `1 to ${LIMITS.listEntries}`);
  let low = prefix;
  if (after !== undefined && after + KEY_START > low) low = after + KEY_START;
  let high = prefix + KEY_END;
  if (before !== undefined && before < high) high = before;
  return { low, high };
}

export function checkOperations(operations: readonly Operation[]): void {
  const { length } = operations;
  if (length < 1 || length > LIMITS.transactOperations)
    throw wrongArgument('-', 'transaction', `${length} operations`, `1 to ${LIMITS.transactOperations}`);
  const seen = new Set<string>();
  let bytes = 0;
  for (const operation of operations) {
    const { op, ns, key } = operation;
    checkNamespace(ns);
    checkKey(ns, key);
    const place = `${ns} ${key}`;
    if (seen.has(place)) throw wrongArgument(ns, 'transaction', `twice at ${show(key)}`, 'each key once');
    seen.add(place);
    if (op === 'put') {
      checkValue(ns, operation.value);
      checkPutOptions(ns, operation);
      bytes += operation.value.byteLength;
    } else if (op === 'delete') {
      if (operation.ifVersion !== undefined) checkVersion(ns, operation.ifVersion);
    } else {
      throw wrongArgument(ns, 'operation', show(op), 'put or delete');
    }
  }
  if (bytes > LIMITS.transactBytes)
    throw wrongArgument('-', 'transaction', `${bytes} bytes of values`, `at most ${LIMITS.transactBytes}`);
}

export function checkTime(time: number, ns = '-', what = 'now'): void {
  if (!Number.isSafeInteger(time) || time < 0)
    throw wrongArgument(ns, what, show(time), 'whole milliseconds since the epoch');
}

function checkVersion(ns: string, version: number): void {
  if (!Number.isSafeInteger(version) || version < 1)
    throw wrongArgument(ns, 'ifVersion', show(version), 'a version of an entry');
}

/** Text for a message: short, and without control characters. */
function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value);
}
