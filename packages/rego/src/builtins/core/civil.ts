/** The proleptic Gregorian calendar, and offsets of time zones. */
import { failure } from '../types.js';

/** Wall-clock fields; `month` counts from 1, `offset` is seconds east of Greenwich. */
export interface Civil {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly nanosecond: number;
  readonly offset: number;
  /** Abbreviation of the zone (`UTC`, `CEST`). */
  readonly zone: string;
}

/** Days since 1970-01-01 of a date whose month and day may lie outside their ranges. */
export function daysFromCivil(year: number, month: number, day: number): number {
  const months = year * 12 + (month - 1);
  const y = Math.floor(months / 12);
  const m = months - y * 12;
  // Years begin in March here, so that the leap day is the last one.
  const shifted = m < 2 ? y - 1 : y;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * ((m + 10) % 12) + 2) / 5);
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468 + (day - 1);
}

export function civilFromDays(days: number): { year: number; month: number; day: number } {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const mp = Math.floor((5 * dayOfYear + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return { year, month, day: dayOfYear - Math.floor((153 * mp + 2) / 5) + 1 };
}

export function daysInMonth(year: number, month: number): number {
  return daysFromCivil(year, month + 1, 1) - daysFromCivil(year, month, 1);
}

/** 0 is Sunday. */
export function weekdayOf(days: number): number {
  return (((days + 4) % 7) + 7) % 7;
}

/** A place's clock: offsets and abbreviations for moments in seconds since the epoch. */
export interface Zone {
  readonly name: string;
  offsetAt(seconds: number): number;
  abbreviationAt(seconds: number): string;
}

export const UTC: Zone = { name: 'UTC', offsetAt: () => 0, abbreviationAt: () => 'UTC' };

/** Locales whose English or native usage knows abbreviations of zones near them. */
const LOCALES = ['en-US', 'en-GB', 'en-AU', 'en-IN', 'en-CA', 'en-ZA', 'en-NZ', 'ja-JP'];

class IntlZone implements Zone {
  readonly name: string;
  readonly #clock: Intl.DateTimeFormat;
  /** One per locale, made when a name is first asked for: making them is slow. */
  #names: readonly Intl.DateTimeFormat[] | undefined;

  constructor(name: string) {
    this.name = name;
    this.#clock = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  offsetAt(seconds: number): number {
    const field: Record<string, string> = {};
    for (const part of this.#clock.formatToParts(new Date(seconds * 1_000))) field[part.type] = part.value;
    const number = (name: string): number => Number(field[name] ?? '0');
    const year = field['era'] === 'BC' ? 1 - number('year') : number('year');
    const days = daysFromCivil(year, number('month'), number('day'));
    return days * 86_400 + number('hour') * 3_600 + number('minute') * 60 + number('second') - seconds;
  }

  abbreviationAt(seconds: number): string {
    const offset = this.offsetAt(seconds);
    // Intl knows no names for most moments before 1970; the same offset bears the same name later.
    for (const moment of [seconds, ...MODERN]) {
      const name = this.offsetAt(moment) === offset ? this.#nameAt(moment) : undefined;
      if (name !== undefined) return name;
    }
    // Before standard time, clocks showed local mean time, hardly ever a multiple of a quarter of an hour.
    return offset % 900 === 0 ? numericZone(offset) : 'LMT';
  }

  #nameAt(seconds: number): string | undefined {
    const date = new Date(seconds * 1_000);
    this.#names ??= LOCALES.map(
      (locale) => new Intl.DateTimeFormat(locale, { timeZone: this.name, timeZoneName: 'short' }),
    );
    for (const format of this.#names) {
      const text = format.formatToParts(date).find((part) => part.type === 'timeZoneName')?.value ?? '';
      if (/^[A-Z]{3,4}$/.test(text) && !INVENTED.has(text)) return text;
    }
    return undefined;
  }
}

/** A winter and a summer day of 2000, in seconds. */
const MODERN = [947_894_400, 963_619_200];

/** Names that Intl has and the zone database does not. */
const INVENTED = new Set(['LHST', 'LHDT']);

/** `+0530`, or `+05` for whole hours: what the zone database writes where no abbreviation is in use. */
function numericZone(offset: number): string {
  const minutes = Math.floor(Math.abs(offset) / 60);
  const hours = String(Math.floor(minutes / 60)).padStart(2, '0');
  const rest = minutes % 60;
  return `${offset < 0 ? '-' : '+'}${hours}${rest === 0 ? '' : String(rest).padStart(2, '0')}`;
}

const known = new Map<string, Zone>([
  ['', UTC],
  ['UTC', UTC],
]);

/** @throws BuiltinError for a name the IANA database does not have. */
export function zoneNamed(name: string): Zone {
  const cached = known.get(name);
  if (cached !== undefined) return cached;
  // Intl also takes offsets (`+05:30`) and ignores case; Go takes names of files.
  if (name !== 'Local' && !/^[A-Z][A-Za-z0-9_+\-/]*$/.test(name)) throw failure(`unknown time zone ${name}`);
  try {
    const zone = new IntlZone(name === 'Local' ? new Intl.DateTimeFormat().resolvedOptions().timeZone : name);
    known.set(name, zone);
    return zone;
  } catch {
    throw failure(`unknown time zone ${name}`);
  }
}

/** A zone of one constant offset. */
export function fixedZone(offset: number, abbreviation = ''): Zone {
  return { name: abbreviation, offsetAt: () => offset, abbreviationAt: () => abbreviation || numericZone(offset) };
}

const BILLION = 1_000_000_000n;

/** Splits nanoseconds since the epoch into whole seconds (rounded down) and the rest. */
export function splitNs(ns: bigint): { seconds: number; nanosecond: number } {
  let seconds = ns / BILLION;
  let rest = ns % BILLION;
  if (rest < 0n) {
    rest += BILLION;
    seconds -= 1n;
  }
  return { seconds: Number(seconds), nanosecond: Number(rest) };
}

/** The wall clock of a zone at a moment. */
export function civilAt(ns: bigint, zone: Zone, withName = false): Civil {
  const { seconds, nanosecond } = splitNs(ns);
  const offset = zone.offsetAt(seconds);
  const local = seconds + offset;
  const days = Math.floor(local / 86_400);
  const second = local - days * 86_400;
  return {
    ...civilFromDays(days),
    hour: Math.floor(second / 3_600),
    minute: Math.floor((second % 3_600) / 60),
    second: second % 60,
    nanosecond,
    offset,
    zone: withName ? zone.abbreviationAt(seconds) : '',
  };
}

const MIN_NS = -(2n ** 63n);
const MAX_NS = 2n ** 63n - 1n;

/** Nanoseconds of a moment given in seconds; must fit 64 bits. */
export function nsOf(seconds: number, nanosecond: number): bigint {
  if (!(Math.abs(seconds) < 1e12)) throw failure('time outside of valid range');
  const ns = BigInt(seconds) * BILLION + BigInt(nanosecond);
  if (ns < MIN_NS || ns > MAX_NS) throw failure('time outside of valid range');
  return ns;
}

/** Seconds since the epoch at which a zone's clock shows the given local seconds; in gaps and overlaps as Go decides. */
export function localToSeconds(local: number, zone: Zone): number {
  const first = zone.offsetAt(local);
  const second = zone.offsetAt(local - first);
  return local - (second === first ? first : second);
}
