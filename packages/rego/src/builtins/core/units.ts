/** `units.parse` and `units.parse_bytes`: resource amounts with decimal and binary units. */
import { normalizeInteger, numberFromText, type Value } from '../../value/index.js';
import { stringOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, failure, T } from '../types.js';

/** An exact fraction; `den` is positive. */
interface Rational {
  readonly num: bigint;
  readonly den: bigint;
}

const LETTERS = 'kmgtpe';

function powers(base: bigint, suffix: string, letters: string): [string, Rational][] {
  return [...letters].map((letter, i) => [`${letter}${suffix}`, { num: base ** BigInt(i + 1), den: 1n }]);
}

const ONE: Rational = { num: 1n, den: 1n };

/** Keyed with the first letter as written (milli against mega), the rest in lower case. */
const UNITS: ReadonlyMap<string, Rational> = new Map([
  ['', ONE],
  ['m', { num: 1n, den: 1_000n }],
  ...powers(1_000n, '', LETTERS).filter(([name]) => name !== 'm'),
  ...powers(1_000n, '', LETTERS).map(([name, value]): [string, Rational] => [name.toUpperCase(), value]),
  ...powers(1_024n, 'i', LETTERS),
  ...powers(1_024n, 'i', LETTERS).map(([name, value]): [string, Rational] => [`${name[0]?.toUpperCase()}i`, value]),
]);

function byteUnits(letters: string): ReadonlyMap<string, Rational> {
  return new Map([
    ['', ONE],
    ...powers(1_000n, '', letters),
    ...powers(1_000n, 'b', letters),
    ...powers(1_024n, 'i', letters),
    ...powers(1_024n, 'ib', letters),
  ]);
}

const BYTE_UNITS = byteUnits(LETTERS);
/** regorus also knows zetta, yotta, ronna and quetta. */
const WIDE_BYTE_UNITS = byteUnits(`${LETTERS}zyrq`);

const AMOUNT = /^[+-]?[0-9.]+(?:[eE][+-]?\d{1,6}(?![0-9]))?/;
const DECIMAL = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/;

function rational(text: string): Rational | undefined {
  const m = DECIMAL.exec(text);
  if (m === null || `${m[2] ?? ''}${m[3] ?? ''}` === '') return undefined;
  const digits = BigInt(`${m[2] ?? ''}${m[3] ?? ''}`);
  const scale = Number(m[4] ?? '0') - (m[3] ?? '').length;
  const num = m[1] === '-' ? -digits : digits;
  return scale >= 0 ? { num: num * 10n ** BigInt(scale), den: 1n } : { num, den: 10n ** BigInt(-scale) };
}

interface Wording {
  readonly amount: string;
  readonly unit: string;
}

function parse(
  args: readonly Value[],
  ctx: BuiltinContext,
  units: ReadonlyMap<string, Rational>,
  fold: (unit: string) => string,
  words: Wording,
): Rational {
  const text = stringOperand(args, 1).replaceAll('"', '');
  if (text.includes(' ')) throw failure('spaces not allowed in resource strings');
  const amount = text.length <= 2_000 ? (AMOUNT.exec(text)?.[0] ?? '') : '';
  if (amount === '') throw failure(`no ${words.amount} provided`);
  // An exponent of six digits makes a number of a million digits.
  ctx.budget.alloc(1_000_000 >> (/[eE].?\d{5}/.test(amount) ? 4 : 16));
  const n = rational(amount);
  if (n === undefined) throw failure(`could not parse ${words.amount} to a number`);
  const name = text.slice(amount.length);
  const unit = units.get(fold(name));
  if (unit === undefined) throw failure(`${words.unit} ${name} not recognized`);
  return { num: n.num * unit.num, den: n.den * unit.den };
}

/** Whole values as integers, others with ten decimals, halves away from zero. */
function toValue({ num, den }: Rational): Value {
  if (num % den === 0n) return normalizeInteger(num / den);
  const magnitude = num < 0n ? -num : num;
  const scaled = (magnitude * 10n ** 10n * 2n + den) / (2n * den);
  const digits = scaled.toString().padStart(11, '0');
  const text = `${num < 0n ? '-' : ''}${digits.slice(0, -10)}.${digits.slice(-10)}`;
  return numberFromText(text) ?? 0;
}

export const unitBuiltins: readonly Builtin[] = [
  {
    name: 'units.parse',
    args: [T.string],
    result: T.number,
    impl: (args, ctx) => {
      const fold = (unit: string): string => unit.slice(0, 1) + unit.slice(1).toLowerCase();
      return toValue(parse(args, ctx, UNITS, fold, { amount: 'amount', unit: 'unit' }));
    },
  },
  {
    name: 'units.parse_bytes',
    args: [T.string],
    result: T.number,
    impl: (args, ctx) => {
      const units = ctx.mode === 'regorus' ? WIDE_BYTE_UNITS : BYTE_UNITS;
      const fold = (unit: string): string => unit.toLowerCase();
      const { num, den } = parse(args, ctx, units, fold, { amount: 'byte amount', unit: 'byte unit' });
      return normalizeInteger(num / den);
    },
  },
];
