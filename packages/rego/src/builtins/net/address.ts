/** IP addresses and prefixes as Go's package `net` reads and writes them. */

/** An address: 32 or 128 bits wide. IPv4-mapped IPv6 addresses are IPv4, as in Go. */
export interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** An address block; `first` has its host bits cleared. */
export interface Prefix {
  readonly bits: 32 | 128;
  readonly first: bigint;
  readonly length: number;
}

const V4_MASK = 0xffffffffn;

/** Reads `10.0.0.1` or `2001:db8::1`; no zones, no leading zeros in IPv4. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > 45) return undefined;
  if (!text.includes(':')) {
    const value = parseV4(text);
    return value === undefined ? undefined : { bits: 32, value };
  }
  const value = parseV6(text);
  if (value === undefined) return undefined;
  return value >> 32n === 0xffffn ? { bits: 32, value: value & V4_MASK } : { bits: 128, value };
}

/** Reads `address/length`. Host bits are dropped. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  if (slash < 0 || !/^[0-9]{1,3}$/.test(text.slice(slash + 1))) return undefined;
  const host = text.slice(0, slash);
  const length = Number(text.slice(slash + 1));
  if (!host.includes(':')) {
    const value = parseV4(host);
    if (value === undefined || length > 32) return undefined;
    return prefixOf({ bits: 32, value }, length);
  }
  const value = host.length > 45 ? undefined : parseV6(host);
  if (value === undefined || length > 128) return undefined;
  if (value >> 32n === 0xffffn && length >= 96) return prefixOf({ bits: 32, value: value & V4_MASK }, length - 96);
  return prefixOf({ bits: 128, value }, length);
}

export function prefixOf(address: Address, length: number): Prefix {
  const host = BigInt(address.bits - length);
  return { bits: address.bits, first: (address.value >> host) << host, length };
}

/** Last address of a block. */
export function lastOf(prefix: Prefix): bigint {
  return prefix.first | ((1n << BigInt(prefix.bits - prefix.length)) - 1n);
}

export function contains(prefix: Prefix, address: Address): boolean {
  return prefix.bits === address.bits && address.value >= prefix.first && address.value <= lastOf(prefix);
}

export function containsPrefix(outer: Prefix, inner: Prefix): boolean {
  return outer.bits === inner.bits && inner.first >= outer.first && lastOf(inner) <= lastOf(outer);
}

export function intersects(a: Prefix, b: Prefix): boolean {
  return a.bits === b.bits && a.first <= lastOf(b) && b.first <= lastOf(a);
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress({ bits: prefix.bits, value: prefix.first })}/${prefix.length}`;
}

/** Dotted form, or RFC 5952: lower case, the longest run of two or more zero groups shortened. */
export function formatAddress({ bits, value }: Address): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn));
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (groups[i + length] === 0) length++;
    if (length > best.length) best = { start: i, length };
    i += length;
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.start < 0) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}

function parseV4(text: string): bigint | undefined {
  const match = /^(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})$/.exec(text);
  if (match === null) return undefined;
  let value = 0n;
  for (const part of match.slice(1)) {
    if (Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] as string, halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1] as string, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  // `::` stands for at least one group.
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

function groupsOf(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (part.includes('.')) {
      const v4 = isLast && i === parts.length - 1 ? parseV4(part) : undefined;
      if (v4 === undefined) return undefined;
      groups.push(Number(v4 >> 16n), Number(v4 & 0xffffn));
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}
