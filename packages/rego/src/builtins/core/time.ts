/** `time.*`: moments are integer nanoseconds since the Unix epoch within 64 bits. */
import { isArray, isIntegral, isNumber, normalizeInteger, toBigInt, typeName, type Value } from '../../value/index.js';
import { intOperand, operand, stringOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, failure, operandError, T, wrongType } from '../types.js';
import {
  type Civil,
  civilAt,
  daysFromCivil,
  daysInMonth,
  localToSeconds,
  nsOf,
  splitNs,
  weekdayOf,
  type Zone,
  zoneNamed,
} from './civil.js';
import { parseDuration } from './duration.js';
import { chargeText } from './strings.js';
import { DAYS, formatLayout, NAMED_LAYOUTS, namesZone } from './time-layout.js';
import { parseLayout } from './time-parse.js';

interface TimeOperand {
  readonly ns: bigint;
  readonly zone: Zone;
  readonly layout: string | undefined;
}

const RFC3339 = '2006-01-02T15:04:05Z07:00';
const RFC3339_NANO = '2006-01-02T15:04:05.999999999Z07:00';
const LIMIT = 2n ** 63n;

const TIME_KINDS = 'either number (ns) or [number (ns), string (tz)]';

/** All time operands are called the first, whatever their place. */
function wrongTime(value: Value, want: string, ctx: BuiltinContext, whole = value): Error {
  return ctx.mode === 'regorus' ? operandError(1, 'time', typeName(whole), whole) : wrongType(1, want, value);
}

/** `ns`, `[ns]`, `[ns, zone]` or `[ns, zone, layout]`. */
function timeOperand(args: readonly Value[], pos: number, ctx: BuiltinContext): TimeOperand {
  const v = operand(args, pos);
  const [moment, zone = 'UTC', layout] = isArray(v) ? v : [v];
  if (moment === undefined || (!isArray(v) && !isNumber(v))) throw wrongTime(v, TIME_KINDS, ctx);
  if (!isNumber(moment)) throw wrongTime(moment, 'number', ctx, v);
  const ns = isIntegral(moment) ? toBigInt(moment) : undefined;
  if (ns === undefined || ns < -LIMIT || ns >= LIMIT) throw failure('timestamp too big');
  if (typeof zone !== 'string') throw wrongTime(zone, 'string', ctx, v);
  if (layout !== undefined && typeof layout !== 'string') {
    if (ctx.mode === 'regorus') throw operandError(3, 'time', typeName(layout), layout);
    throw wrongType(1, 'string', layout);
  }
  return { ns, zone: zoneNamed(zone), layout };
}

function civilOperand(args: readonly Value[], ctx: BuiltinContext): Civil {
  const t = timeOperand(args, 1, ctx);
  return civilAt(t.ns, t.zone);
}

function format(args: readonly Value[], ctx: BuiltinContext): Value {
  const { ns, zone, layout = RFC3339_NANO } = timeOperand(args, 1, ctx);
  let shape = NAMED_LAYOUTS.get(layout) ?? layout;
  chargeText(ctx, shape.length * 2);
  // regorus prints fractions in groups of three digits.
  if (ctx.mode === 'regorus' && shape === RFC3339_NANO) shape = groupedNano(splitNs(ns).nanosecond);
  return formatLayout(civilAt(ns, zone, namesZone(shape)), shape);
}

function groupedNano(nanosecond: number): string {
  if (nanosecond === 0) return RFC3339;
  const digits = nanosecond % 1_000_000 === 0 ? 3 : nanosecond % 1_000 === 0 ? 6 : 9;
  return RFC3339.replace('Z07', `.${'0'.repeat(digits)}Z07`);
}

function parseNs(args: readonly Value[], ctx: BuiltinContext): Value {
  const layout = stringOperand(args, 1);
  const value = stringOperand(args, 2);
  ctx.budget.step((layout.length + value.length) >> 2);
  if (layout.length + value.length > 10_000) throw failure('parsing time: text is too long');
  return normalizeInteger(parseLayout(NAMED_LAYOUTS.get(layout) ?? layout, value));
}

function parseRfc3339(args: readonly Value[]): Value {
  const value = stringOperand(args, 1);
  if (value.length > 1_000) throw failure('parsing time: text is too long');
  return normalizeInteger(parseLayout(RFC3339, value));
}

/** Wall-clock arithmetic in the operand's zone; fields out of range carry over as in Go. */
function addDate(args: readonly Value[], ctx: BuiltinContext): Value | undefined {
  const { ns, zone } = timeOperand(args, 1, ctx);
  const c = civilAt(ns, zone);
  const years = intOperand(args, 2);
  const months = intOperand(args, 3);
  const days = intOperand(args, 4);
  try {
    if (Math.max(Math.abs(years), Math.abs(months), Math.abs(days)) > 1e9) {
      throw failure('time outside of valid range');
    }
    const date = daysFromCivil(c.year + years, c.month + months, c.day + days);
    const local = date * 86_400 + c.hour * 3_600 + c.minute * 60 + c.second;
    if (Math.abs(local) > 1e11) throw failure('time outside of valid range');
    return normalizeInteger(nsOf(localToSeconds(local, zone), c.nanosecond));
  } catch (error) {
    if (ctx.mode === 'regorus') return undefined;
    throw error;
  }
}

/** Fields of the span from the earlier to the later moment, both in the first operand's zone. */
function diff(args: readonly Value[], ctx: BuiltinContext): Value {
  const a = timeOperand(args, 1, ctx);
  const b = timeOperand(args, 2, ctx);
  const [early, late] = a.ns <= b.ns ? [a.ns, b.ns] : [b.ns, a.ns];
  const x = civilAt(early, a.zone);
  const y = civilAt(late, a.zone);
  let [years, months, days] = [y.year - x.year, y.month - x.month, y.day - x.day];
  let [hours, minutes, seconds] = [y.hour - x.hour, y.minute - x.minute, y.second - x.second];
  if (seconds < 0) {
    seconds += 60;
    minutes--;
  }
  if (minutes < 0) {
    minutes += 60;
    hours--;
  }
  if (hours < 0) {
    hours += 24;
    days--;
  }
  if (days < 0) {
    days += daysInMonth(x.year, x.month);
    months--;
  }
  if (months < 0) {
    months += 12;
    years--;
  }
  return [years, months, days, hours, minutes, seconds];
}

const TIME = T.union(T.number, T.array(T.any));
const numbers = (n: number) => T.tuple(...Array.from({ length: n }, () => T.number));

export const timeBuiltins: readonly Builtin[] = [
  {
    name: 'time.now_ns',
    args: [],
    result: T.number,
    nondeterministic: true,
    impl: (_, ctx) => normalizeInteger(ctx.now),
  },
  { name: 'time.parse_ns', args: [T.string, T.string], result: T.number, impl: parseNs },
  { name: 'time.parse_rfc3339_ns', args: [T.string], result: T.number, impl: parseRfc3339 },
  {
    name: 'time.parse_duration_ns',
    args: [T.string],
    result: T.number,
    impl: (args) => normalizeInteger(parseDuration(stringOperand(args, 1))),
  },
  {
    name: 'time.date',
    args: [TIME],
    result: numbers(3),
    impl: (args, ctx) => {
      const c = civilOperand(args, ctx);
      return [c.year, c.month, c.day];
    },
  },
  {
    name: 'time.clock',
    args: [TIME],
    result: numbers(3),
    impl: (args, ctx) => {
      const c = civilOperand(args, ctx);
      return [c.hour, c.minute, c.second];
    },
  },
  {
    name: 'time.weekday',
    args: [TIME],
    result: T.string,
    impl: (args, ctx) => {
      const c = civilOperand(args, ctx);
      return DAYS[weekdayOf(daysFromCivil(c.year, c.month, c.day))] ?? '';
    },
  },
  { name: 'time.format', args: [TIME], result: T.string, impl: format },
  { name: 'time.add_date', args: [TIME, T.number, T.number, T.number], result: T.number, impl: addDate },
  { name: 'time.diff', args: [TIME, TIME], result: numbers(6), impl: diff },
];
