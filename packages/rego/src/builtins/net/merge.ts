import { type Address, lastOf, type Prefix, prefixOf } from './address.js';

/** Fewest blocks that cover exactly the same addresses, in order. */
export function mergePrefixes(prefixes: readonly Prefix[]): Prefix[] {
  return [...mergeFamily(prefixes, 32), ...mergeFamily(prefixes, 128)];
}

function mergeFamily(prefixes: readonly Prefix[], bits: 32 | 128): Prefix[] {
  const ranges = prefixes
    .filter((prefix) => prefix.bits === bits)
    .map((prefix): [bigint, bigint] => [prefix.first, lastOf(prefix)])
    .sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  const out: Prefix[] = [];
  let current: [bigint, bigint] | undefined;
  for (const range of ranges) {
    if (current !== undefined && range[0] <= current[1] + 1n) {
      if (range[1] > current[1]) current[1] = range[1];
    } else {
      if (current !== undefined) out.push(...blocksOf(current[0], current[1], bits));
      current = range;
    }
  }
  if (current !== undefined) out.push(...blocksOf(current[0], current[1], bits));
  return out;
}

/** Splits a range into aligned blocks, largest first from the left. */
function blocksOf(first: bigint, last: bigint, bits: 32 | 128): Prefix[] {
  const out: Prefix[] = [];
  for (let start = first; start <= last; ) {
    let host = 0;
    while (host < bits) {
      const size = 1n << BigInt(host + 1);
      if (start % size !== 0n || start + size - 1n > last) break;
      host++;
    }
    out.push({ bits, first: start, length: bits - host });
    start += 1n << BigInt(host);
  }
  return out;
}

/** The block a bare IPv4 address stood for before prefixes existed: class A /8, class B /16, all others /24. */
export function classfulPrefix(address: Address): Prefix {
  const top = Number(address.value >> 24n);
  return prefixOf(address, top < 128 ? 8 : top < 192 ? 16 : 24);
}
