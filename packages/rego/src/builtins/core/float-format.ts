/** Doubles in Go's `%e`, `%f`, `%g`, `%b` and `%x` forms, exactly rounded (halves to even). */

interface Digits {
  readonly negative: boolean;
  /** Decimal digits; the value is `0.digits × 10^point`. */
  readonly digits: string;
  readonly point: number;
}

const view = new DataView(new ArrayBuffer(8));

/** `±mant × 2^exp` of a finite double. */
function binaryParts(x: number): { negative: boolean; mant: bigint; exp: number } {
  view.setFloat64(0, x);
  const bits = view.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const mant = biased === 0 ? fraction : fraction | (1n << 52n);
  return { negative: bits >> 63n === 1n, mant, exp: Math.max(biased, 1) - 1075 };
}

/** Every decimal digit of the double. */
function exact(x: number): Digits {
  const { negative, mant, exp } = binaryParts(x);
  if (mant === 0n) return { negative, digits: '', point: 0 };
  const scaled = exp >= 0 ? mant << BigInt(exp) : mant * 5n ** BigInt(-exp);
  const text = scaled.toString();
  return { negative, digits: text.replace(/0+$/, ''), point: text.length + Math.min(exp, 0) };
}

/** The shortest digits that read back as the same double. */
function shortest(x: number): Digits {
  const [mantissa = '0', power = '0'] = Math.abs(x).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const negative = x < 0 || Object.is(x, -0);
  return x === 0 ? { negative, digits: '', point: 0 } : { negative, digits, point: Number(power) + 1 };
}

/** Keeps `n` digits (maybe none or fewer than none), rounding halves to even. */
function round(d: Digits, n: number): Digits {
  if (n >= d.digits.length) return d;
  if (n < 0) return { ...d, digits: '', point: 0 };
  const kept = d.digits.slice(0, n);
  const next = d.digits.charCodeAt(n) - 48;
  const half = next === 5 && d.digits.length === n + 1;
  const odd = n > 0 && (kept.charCodeAt(n - 1) & 1) === 1;
  if (next < 5 || (half && !odd)) {
    const digits = kept.replace(/0+$/, '');
    return { ...d, digits, point: digits === '' ? 0 : d.point };
  }
  const up = (BigInt(`0${kept}`) + 1n).toString();
  const point = up.length > kept.length ? d.point + 1 : d.point;
  return { ...d, digits: up.replace(/0+$/, ''), point };
}

function exponentForm(d: Digits, precision: number, letter: string): string {
  const first = d.digits[0] ?? '0';
  const rest = precision > 0 ? `.${d.digits.slice(1, precision + 1).padEnd(precision, '0')}` : '';
  const power = d.digits === '' ? 0 : d.point - 1;
  return `${first}${rest}${letter}${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

function plainForm(d: Digits, precision: number): string {
  const whole = d.point > 0 ? d.digits.slice(0, d.point).padEnd(d.point, '0') : '0';
  if (precision <= 0) return whole;
  const fraction = d.point >= 0 ? d.digits.slice(d.point) : '0'.repeat(-d.point) + d.digits;
  return `${whole}.${fraction.slice(0, precision).padEnd(precision, '0')}`;
}

function general(x: number, precision: number | undefined, letter: string): string {
  const wanted = precision === 0 ? 1 : precision;
  const d = wanted === undefined ? shortest(x) : round(exact(x), wanted);
  let digits = wanted ?? d.digits.length;
  let limit = wanted === undefined ? 6 : digits;
  if (wanted !== undefined && limit > d.digits.length && d.digits.length >= d.point) limit = d.digits.length;
  const exponent = d.point - 1;
  if (exponent < -4 || exponent >= limit) {
    digits = Math.min(digits, Math.max(d.digits.length, 1));
    return exponentForm(d, digits - 1, letter);
  }
  if (digits > d.point) digits = d.digits.length;
  return plainForm(d, Math.max(digits - d.point, 0));
}

function hexForm(x: number, precision: number | undefined, upper: boolean): string {
  let { mant, exp } = binaryParts(x);
  let power = 0;
  if (mant !== 0n) {
    while (mant < 1n << 60n) {
      mant <<= 1n;
      exp--;
    }
    while (mant >= 1n << 61n) {
      mant >>= 1n;
      exp++;
    }
    if (precision !== undefined && precision < 15) {
      const drop = BigInt(60 - precision * 4);
      const unit = 1n << drop;
      const rest = mant & (unit - 1n);
      mant -= rest;
      if (rest > unit / 2n || (rest === unit / 2n && (mant & unit) !== 0n)) mant += unit;
      if (mant >= 1n << 61n) {
        mant >>= 1n;
        exp++;
      }
    }
    power = exp + 60;
  }
  let fraction = (mant & ((1n << 60n) - 1n)).toString(16).padStart(15, '0');
  fraction =
    precision === undefined ? fraction.replace(/0+$/, '') : fraction.slice(0, precision).padEnd(precision, '0');
  const head = mant === 0n ? '0' : '1';
  const tail = `p${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  const text = `0x${head}${fraction === '' ? '' : `.${fraction}`}${tail}`;
  return upper ? text.toUpperCase() : text;
}

/**
 * A finite double as Go's `strconv.FormatFloat` writes it, with its sign when negative.
 * @param precision undefined: as many digits as identify the double.
 */
export function formatFloat(x: number, verb: string, precision: number | undefined): string {
  const negative = x < 0 || Object.is(x, -0);
  return (negative ? '-' : '') + unsigned(x, verb, precision);
}

function unsigned(x: number, verb: string, precision: number | undefined): string {
  switch (verb) {
    case 'e':
    case 'E': {
      const d = precision === undefined ? shortest(x) : round(exact(x), precision + 1);
      return exponentForm(d, precision ?? Math.max(d.digits.length - 1, 0), verb);
    }
    case 'f':
    case 'F': {
      const all = precision === undefined ? shortest(x) : exact(x);
      const d = precision === undefined ? all : round(all, all.point + precision);
      return plainForm(d, precision ?? Math.max(d.digits.length - d.point, 0));
    }
    case 'b': {
      const { mant, exp } = binaryParts(x);
      return `${mant}p${exp < 0 ? '-' : '+'}${Math.abs(exp)}`;
    }
    case 'x':
    case 'X':
      return hexForm(x, precision, verb === 'X');
    default:
      return general(x, precision, verb === 'G' ? 'E' : 'e');
  }
}
