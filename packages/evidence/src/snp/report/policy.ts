/** POLICY and PLATFORM_INFO, bit by bit (AMD 56860, sections 4.3 and 7.3). */

export interface GuestPolicy {
  readonly abiMajor: number;
  readonly abiMinor: number;
  readonly flags: { readonly [flag in PolicyFlag]: boolean };
}

const POLICY_BITS = {
  smt: 16,
  migrateMa: 18,
  debug: 19,
  singleSocket: 20,
  cxl: 21,
  memAes256Xts: 22,
  raplDisabled: 23,
  ciphertextHiding: 24,
  pageSwapDisabled: 25,
} as const;
export type PolicyFlag = keyof typeof POLICY_BITS;
export const POLICY_FLAGS = Object.keys(POLICY_BITS) as readonly PolicyFlag[];

const PLATFORM_BITS = {
  smt: 0,
  tsme: 1,
  ecc: 2,
  raplDisabled: 3,
  ciphertextHiding: 4,
  aliasCheckComplete: 5,
  tio: 7,
} as const;
export type PlatformFlag = keyof typeof PLATFORM_BITS;
export const PLATFORM_FLAGS = Object.keys(PLATFORM_BITS) as readonly PlatformFlag[];

/** The bit that is always one. */
const RESERVED_ONE = 1n << 17n;
const FIRST_RESERVED = 26n;

function bits<Name extends string>(
  value: bigint,
  positions: { readonly [name in Name]: number },
): { readonly [name in Name]: boolean } {
  const entries = Object.entries(positions) as [Name, number][];
  return Object.fromEntries(entries.map(([name, bit]) => [name, ((value >> BigInt(bit)) & 1n) === 1n])) as {
    readonly [name in Name]: boolean;
  };
}

export function readPolicy(value: bigint): GuestPolicy {
  return {
    abiMinor: Number(value & 0xffn),
    abiMajor: Number((value >> 8n) & 0xffn),
    flags: bits(value, POLICY_BITS),
  };
}

/** What is wrong with the form of a policy; undefined when nothing is. */
export function policyFault(value: bigint): string | undefined {
  if ((value & RESERVED_ONE) === 0n) return 'bit 17 must be 1';
  return value >> FIRST_RESERVED === 0n ? undefined : 'bits 26 to 63 must be 0';
}

export function readPlatformInfo(value: bigint): { readonly [flag in PlatformFlag]: boolean } {
  return bits(value, PLATFORM_BITS);
}

/** Names of the flags that are set, for lines of text. */
export function policyNames(policy: GuestPolicy): string {
  const set = Object.entries(policy.flags).flatMap(([name, on]) => (on ? [name] : []));
  return [`ABI ${policy.abiMajor}.${policy.abiMinor}`, ...set].join(', ');
}

/** `0x3001f`. */
export function hexNumber(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
