/**
 * Numbers: exact decimals of any size. Three representations, one value each:
 * - `number`: safe integers, and decimals whose source text is the shortest text of that double (`0.1` *is* one tenth);
 * - `bigint`: integers outside the safe range;
 * - {@link RegoDecimal}: every other source text (`1.50`, `1e2`, `2e308`, more digits than a double holds).
 * Equality and order go by exact decimal value, so `1`, `1.0` and `10e-1` are one key.
 */

/** A finite decimal: `±0.d1d2d3… × 10^exp`; `digits` has neither leading nor trailing zeros, "" is zero. */
export interface DecimalParts {
  readonly negative: boolean;
  readonly digits: string;
  readonly exp: number;
}

/** A decimal that remembers its source text. */
export class RegoDecimal {
  readonly text: string;
  readonly parts: DecimalParts;
  #integer: bigint | undefined;

  constructor(text: string, parts: DecimalParts) {
    this.text = text;
    this.parts = parts;
  }

  /** The nearest double (may be infinite). */
  valueOf(): number {
    return Number(this.text);
  }

  /** The exact integer, computed once (`1e99999` is short to write and long to expand); undefined for a fraction. */
  toBigInt(): bigint | undefined {
    const { negative, digits, exp } = this.parts;
    if (digits === '') return 0n;
    if (digits.length > exp) return undefined;
    if (this.#integer === undefined) {
      const magnitude = BigInt(digits) * 10n ** BigInt(exp - digits.length);
      this.#integer = negative ? -magnitude : magnitude;
    }
    return this.#integer;
  }

  toString(): string {
    return this.text;
  }
}

export type RegoNumber = number | bigint | RegoDecimal;

/** Decimal exponents beyond this are refused while reading: nothing meaningful needs them and arithmetic would explode. */
export const MAX_DECIMAL_EXPONENT = 1_000_000;

const NUMBER_TEXT = /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
const INTEGER_TEXT = /^-?\d+$/;

/**
 * Reads a decimal number (JSON form; a missing digit before the point is accepted).
 * @returns undefined when the text is not a number or its exponent is beyond {@link MAX_DECIMAL_EXPONENT}.
 */
export function numberFromText(text: string): RegoNumber | undefined {
  const double = Number(text);
  if (
    text.length <= 22 &&
    formatDouble(double) === text &&
    (Number.isSafeInteger(double) || !Number.isInteger(double))
  ) {
    return Number.isFinite(double) ? double : undefined;
  }
  const parts = decimalParts(text);
  if (parts === undefined) return undefined;
  if (INTEGER_TEXT.test(text)) return normalizeInteger(BigInt(text));
  return new RegoDecimal(text, parts);
}

function decimalParts(text: string): DecimalParts | undefined {
  const m = NUMBER_TEXT.exec(text);
  if (m === null) return undefined;
  const whole = m[2] ?? '';
  const fraction = m[3] ?? '';
  if (whole === '' && fraction === '') return undefined;
  const exponent = Number(m[4] ?? '0');
  if (Math.abs(exponent) > MAX_DECIMAL_EXPONENT) return undefined;
  return partsOf(m[1] === '-', whole + fraction, whole.length + exponent);
}

function partsOf(negative: boolean, raw: string, exp: number): DecimalParts {
  let start = 0;
  let end = raw.length;
  while (start < end && raw.charCodeAt(start) === 48) start++;
  while (end > start && raw.charCodeAt(end - 1) === 48) end--;
  if (start === end) return { negative, digits: '', exp: 0 };
  return { negative, digits: raw.slice(start, end), exp: exp - start };
}

/** The exact decimal value of a number. */
export function toParts(n: RegoNumber): DecimalParts {
  if (n instanceof RegoDecimal) return n.parts;
  const text = formatNumber(n);
  return decimalParts(text) ?? { negative: false, digits: '', exp: 0 };
}

/** `number` when safe, else `bigint`. */
export function normalizeInteger(n: bigint): number | bigint {
  return n >= -9007199254740991n && n <= 9007199254740991n ? Number(n) : n;
}

function formatDouble(n: number): string {
  if (Number.isSafeInteger(n)) return Object.is(n, -0) ? '0' : String(n);
  return Number.isInteger(n) ? BigInt(n).toString() : String(n);
}

/** The number's text: source text where it was kept, else the shortest exact form; integers print all digits. */
export function formatNumber(n: RegoNumber): string {
  if (typeof n === 'number') return formatDouble(n);
  return typeof n === 'bigint' ? n.toString() : n.text;
}

/** Order of two numbers by exact value: -1, 0 or 1. */
export function compareNumbers(a: RegoNumber, b: RegoNumber): number {
  if (!(a instanceof RegoDecimal) && !(b instanceof RegoDecimal)) return a < b ? -1 : a > b ? 1 : 0;
  return compareParts(toParts(a), toParts(b));
}

function signOf(p: DecimalParts): number {
  return p.digits === '' ? 0 : p.negative ? -1 : 1;
}

function compareParts(a: DecimalParts, b: DecimalParts): number {
  const sign = signOf(a);
  const other = signOf(b);
  if (sign !== other) return sign < other ? -1 : 1;
  if (sign === 0) return 0;
  if (a.exp !== b.exp) return a.exp < b.exp ? -sign : sign;
  if (a.digits === b.digits) return 0;
  return a.digits < b.digits ? -sign : sign;
}

/** A text that is the same for equal numbers and differs for others. */
export function canonicalNumber(n: RegoNumber): string {
  if (typeof n === 'number' && Number.isSafeInteger(n)) return Object.is(n, -0) ? '0' : String(n);
  const p = toParts(n);
  if (p.digits.length <= p.exp && p.exp <= 16) {
    const whole = Number(p.digits.padEnd(p.exp, '0'));
    if (Number.isSafeInteger(whole)) return whole === 0 ? '0' : p.negative ? `-${whole}` : String(whole);
  }
  if (p.digits === '') return '0';
  return `${p.negative ? '-' : ''}${p.digits}e${p.exp}`;
}

/** Whether the value is a whole number (`3.0` and `1e3` are). */
export function isIntegral(n: RegoNumber): boolean {
  if (typeof n === 'number') return Number.isInteger(n);
  return typeof n === 'bigint' || n.parts.digits.length <= n.parts.exp || n.parts.digits === '';
}

/** Whether the number is written as a plain integer (`3`, not `3.0`): what Go's json.Number calls an int. */
export function isIntegerText(n: RegoNumber): boolean {
  if (typeof n === 'number') return Number.isInteger(n);
  return typeof n === 'bigint' || INTEGER_TEXT.test(n.text);
}

/** The exact integer, or undefined for a fraction. At most about 10^6 digits (see {@link MAX_DECIMAL_EXPONENT}). */
export function toBigInt(n: RegoNumber): bigint | undefined {
  if (typeof n === 'bigint') return n;
  if (typeof n === 'number') return Number.isInteger(n) ? BigInt(n) : undefined;
  return n.toBigInt();
}

/** The value as a safe JavaScript integer, or undefined when it is a fraction or too large. */
export function toSafeInteger(n: RegoNumber): number | undefined {
  if (typeof n === 'number') return Number.isSafeInteger(n) ? n + 0 : undefined;
  if (typeof n === 'bigint' || n.parts.exp > 17) return undefined;
  const big = toBigInt(n);
  if (big === undefined) return undefined;
  const small = Number(big);
  return Number.isSafeInteger(small) ? small : undefined;
}

/** The nearest double. */
export function toDouble(n: RegoNumber): number {
  return typeof n === 'number' ? n : Number(typeof n === 'bigint' ? n : n.text);
}
