/**
 * Binary floats with a 64-bit mantissa, rounded to nearest even: the arithmetic OPA gives fractions (Go's `big.Float` at
 * its default precision). `1 / 3` therefore prints 19 digits where a double prints 16.
 */
import { type DecimalParts, numberFromText, type RegoNumber, toParts } from './number.js';

const PRECISION = 64;

/** `±mant × 2^exp`; `mant` is zero or has exactly 64 bits. */
export interface BigFloat {
  readonly negative: boolean;
  readonly mant: bigint;
  readonly exp: number;
}

function bitLength(n: bigint): number {
  const hex = n.toString(16);
  return hex.length * 4 - (Math.clz32(Number.parseInt(hex[0] as string, 16)) - 28);
}

/** Rounds `±m × 2^exp`; `sticky` tells that some non-zero bits below `m` were already dropped. */
function rounded(negative: boolean, m: bigint, exp: number, sticky: boolean): BigFloat {
  if (m === 0n) return { negative, mant: 0n, exp: 0 };
  const shift = bitLength(m) - PRECISION;
  if (shift <= 0) return { negative, mant: m << BigInt(-shift), exp: exp + shift };
  const width = BigInt(shift);
  let q = m >> width;
  const rest = m - (q << width);
  const half = 1n << (width - 1n);
  if (rest > half || (rest === half && (sticky || (q & 1n) === 1n))) q += 1n;
  if (q === 1n << BigInt(PRECISION)) return { negative, mant: q >> 1n, exp: exp + shift + 1 };
  return { negative, mant: q, exp: exp + shift };
}

function quotient(negative: boolean, num: bigint, den: bigint, exp: number): BigFloat {
  if (num === 0n) return { negative, mant: 0n, exp: 0 };
  // Two bits more than needed, so that only the remainder decides ties.
  const widen = Math.max(0, PRECISION + 2 + bitLength(den) - bitLength(num));
  const wide = num << BigInt(widen);
  const q = wide / den;
  return rounded(negative, q, exp - widen, q * den !== wide);
}

function fromParts(p: DecimalParts): BigFloat {
  if (p.digits === '') return { negative: p.negative, mant: 0n, exp: 0 };
  const scale = p.exp - p.digits.length;
  const digits = BigInt(p.digits);
  if (scale >= 0) return rounded(p.negative, digits * 10n ** BigInt(scale), 0, false);
  return quotient(p.negative, digits, 10n ** BigInt(-scale), 0);
}

/** The nearest 64-bit float. */
export function toBigFloat(n: RegoNumber): BigFloat {
  return fromParts(toParts(n));
}

export function addFloats(a: BigFloat, b: BigFloat): BigFloat {
  if (a.mant === 0n) return b;
  if (b.mant === 0n) return a;
  const [high, low] = a.exp >= b.exp ? [a, b] : [b, a];
  const gap = high.exp - low.exp;
  // Beyond this distance the smaller operand cannot change the rounded sum.
  if (gap > 2 * PRECISION + 2) return high;
  const x = high.mant << BigInt(gap);
  const sum = (high.negative ? -x : x) + (low.negative ? -low.mant : low.mant);
  return rounded(sum < 0n, sum < 0n ? -sum : sum, low.exp, false);
}

export function negateFloat(a: BigFloat): BigFloat {
  return { negative: !a.negative, mant: a.mant, exp: a.exp };
}

export function multiplyFloats(a: BigFloat, b: BigFloat): BigFloat {
  return rounded(a.negative !== b.negative, a.mant * b.mant, a.exp + b.exp, false);
}

/** `b` must not be zero. */
export function divideFloats(a: BigFloat, b: BigFloat): BigFloat {
  return quotient(a.negative !== b.negative, a.mant, b.mant, a.exp - b.exp);
}

/** The nearest integer to a fraction; halves go to the even one. */
function divideToEven(num: bigint, den: bigint): bigint {
  const q = num / den;
  const twice = 2n * (num - q * den);
  return twice > den || (twice === den && (q & 1n) === 1n) ? q + 1n : q;
}

/** The shortest decimal that rounds back to the same 64-bit float: digits without trailing zeros, `0.digits × 10^exp`. */
function shortest(f: BigFloat): { digits: string; exp: number } {
  const num0 = f.mant << BigInt(Math.max(f.exp, 0));
  const den0 = 1n << BigInt(Math.max(-f.exp, 0));
  // Decimal position of the leading digit, corrected below should the estimate be one off.
  let position = Math.floor((f.exp + PRECISION - 1) * Math.LOG10E * Math.LN2);
  const atLeast = (p: number): boolean => (p >= 0 ? num0 >= den0 * 10n ** BigInt(p) : num0 * 10n ** BigInt(-p) >= den0);
  while (!atLeast(position)) position--;
  while (atLeast(position + 1)) position++;
  const even = (f.mant & 1n) === 0n;
  const attempt = (n: number): bigint | undefined => {
    const scale = position - n + 1;
    const num = scale < 0 ? num0 * 10n ** BigInt(-scale) : num0;
    const den = scale > 0 ? den0 * 10n ** BigInt(scale) : den0;
    const nearest = divideToEven(num, den);
    const difference = nearest * den - num;
    // Half a unit in the last place is num / (2 mant).
    const distance = (difference < 0n ? -difference : difference) * 2n * f.mant;
    return distance < num || (even && distance === num) ? nearest : undefined;
  };
  let low = 1;
  let high = 21;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (attempt(middle) === undefined) low = middle + 1;
    else high = middle;
  }
  const text = (attempt(low) as bigint).toString();
  return { digits: text.replace(/0+$/, ''), exp: position + 1 + (text.length - low) };
}

/** The float as a number: whole values with all digits, fractions as Go's `%g` prints them. */
export function bigFloatToNumber(f: BigFloat): RegoNumber {
  if (f.mant === 0n) return 0;
  const { digits, exp } = shortest(f);
  const sign = f.negative ? '-' : '';
  const whole = digits.length <= exp;
  const text = whole ? digits.padEnd(exp, '0') : fraction(digits, exp);
  const n = numberFromText(sign + text);
  if (n === undefined) throw new RangeError('number is out of range');
  return n;
}

function fraction(digits: string, exp: number): string {
  const exponent = exp - 1;
  if (exponent < -4 || exponent >= 6) {
    const rest = digits.length > 1 ? `.${digits.slice(1)}` : '';
    const power = String(Math.abs(exponent)).padStart(2, '0');
    return `${digits[0] ?? '0'}${rest}e${exponent < 0 ? '-' : '+'}${power}`;
  }
  if (exp <= 0) return `0.${'0'.repeat(-exp)}${digits}`;
  return `${digits.slice(0, exp)}.${digits.slice(exp)}`;
}
