/** Reading times by Go's layouts. */
import { failure } from '../types.js';
import { daysFromCivil, daysInMonth, fixedZone, nsOf, UTC, type Zone } from './civil.js';
import { DAYS, MONTHS, type Piece, pieces } from './time-layout.js';

interface Fields {
  year: number;
  month: number | undefined;
  day: number | undefined;
  yearDay: number | undefined;
  hour: number;
  minute: number;
  second: number;
  nanosecond: number;
  afternoon: boolean | undefined;
  zone: Zone | undefined;
}

/** Reads one value text against a layout. */
class LayoutParser {
  readonly #layout: string;
  readonly #value: string;
  #rest: string;
  readonly #f: Fields = {
    year: 0,
    month: undefined,
    day: undefined,
    yearDay: undefined,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    afternoon: undefined,
    zone: undefined,
  };

  constructor(layout: string, value: string) {
    this.#layout = layout;
    this.#value = value;
    this.#rest = value;
  }

  parse(): bigint {
    const list = pieces(this.#layout);
    list.forEach(({ literal, element }, i) => {
      this.#literal(literal);
      if (element !== undefined) this.#element(element, list[i + 1]);
    });
    if (this.#rest !== '') throw this.#error(`extra text: ${JSON.stringify(this.#rest)}`);
    return this.#moment();
  }

  #error(what: string): Error {
    return failure(`parsing time ${JSON.stringify(this.#value)}: ${what}`);
  }

  #mismatch(part: string): Error {
    const place = `${JSON.stringify(this.#value)} as ${JSON.stringify(this.#layout)}`;
    return failure(`parsing time ${place}: cannot parse ${JSON.stringify(this.#rest)} as ${JSON.stringify(part)}`);
  }

  /** Runs of spaces match runs of spaces of any length. */
  #literal(literal: string): void {
    for (let left = literal; left !== ''; ) {
      if (left.startsWith(' ')) {
        if (this.#rest !== '' && !this.#rest.startsWith(' ')) throw this.#mismatch(literal);
        left = left.replace(/^ +/, '');
        this.#rest = this.#rest.replace(/^ +/, '');
      } else {
        if (this.#rest[0] !== left[0]) throw this.#mismatch(literal);
        left = left.slice(1);
        this.#rest = this.#rest.slice(1);
      }
    }
  }

  #take(pattern: RegExp, element: string): string {
    const m = pattern.exec(this.#rest);
    if (m === null) throw this.#mismatch(element);
    this.#rest = this.#rest.slice(m[0].length);
    return m[0];
  }

  #number(element: string, pattern: RegExp, low: number, high: number, what: string): number {
    const n = Number(this.#take(pattern, element));
    if (n < low || n > high) throw this.#error(`${what} out of range`);
    return n;
  }

  #name(element: string, names: readonly string[], length: number | undefined): number {
    const lower = this.#rest.toLowerCase();
    const at = names.findIndex((name) => lower.startsWith(name.slice(0, length).toLowerCase()));
    if (at < 0) throw this.#mismatch(element);
    this.#rest = this.#rest.slice((names[at] ?? '').slice(0, length).length);
    return at;
  }

  #element(element: string, next: Piece | undefined): void {
    const f = this.#f;
    const one = /^\d\d?/;
    const fixed = /^\d\d/;
    switch (element) {
      case 'January':
        f.month = this.#name(element, MONTHS, undefined) + 1;
        break;
      case 'Jan':
        f.month = this.#name(element, MONTHS, 3) + 1;
        break;
      case '1':
      case '01':
        f.month = this.#number(element, element === '01' ? fixed : one, 1, 12, 'month');
        break;
      case 'Monday':
        this.#name(element, DAYS, undefined);
        break;
      case 'Mon':
        this.#name(element, DAYS, 3);
        break;
      case '2':
      case '_2':
      case '02':
        if (element === '_2') this.#rest = this.#rest.replace(/^ /, '');
        f.day = this.#number(element, element === '02' ? fixed : one, 0, 99, 'day');
        break;
      case '__2':
      case '002':
        f.yearDay = Number(this.#take(element === '002' ? /^\d{3}/ : /^ {0,2}\d{1,3}/, element).trim());
        break;
      case '15':
        f.hour = this.#number(element, one, 0, 23, 'hour');
        break;
      case '3':
      case '03':
        f.hour = this.#number(element, element === '03' ? fixed : one, 0, 12, 'hour');
        break;
      case '4':
      case '04':
        f.minute = this.#number(element, element === '04' ? fixed : one, 0, 59, 'minute');
        break;
      case '5':
      case '05':
        f.second = this.#number(element, element === '05' ? fixed : one, 0, 59, 'second');
        this.#implicitFraction(next);
        break;
      case '2006':
        f.year = Number(this.#take(/^\d{4}/, element));
        break;
      case '06': {
        const n = Number(this.#take(fixed, element));
        f.year = n >= 69 ? 1900 + n : 2000 + n;
        break;
      }
      case 'PM':
      case 'pm': {
        const text = this.#take(element === 'PM' ? /^[AP]M/ : /^[ap]m/, element);
        f.afternoon = text.toUpperCase() === 'PM';
        break;
      }
      case 'MST':
        f.zone = this.#abbreviation();
        break;
      default:
        if (element.startsWith('Z') || element.startsWith('-')) f.zone = this.#offset(element);
        else this.#fraction(element);
    }
  }

  /** A fraction may follow the seconds although the layout has none. */
  #implicitFraction(next: Piece | undefined): void {
    const expected = next?.literal === '' && /^[.,]/.test(next.element ?? '');
    if (!expected && /^[.,]\d/.test(this.#rest)) this.#setFraction(this.#take(/^[.,]\d+/, '.'));
  }

  #fraction(element: string): void {
    if (element[1] === '9') {
      const m = /^[.,]\d+/.exec(this.#rest);
      if (m !== null) this.#setFraction(this.#take(/^[.,]\d+/, element));
      return;
    }
    this.#setFraction(this.#take(new RegExp(`^[.,]\\d{${element.length - 1}}`), element));
  }

  #setFraction(text: string): void {
    this.#f.nanosecond = Number(text.slice(1, 10).padEnd(9, '0'));
  }

  #offset(element: string): Zone {
    if (element.startsWith('Z') && this.#rest.startsWith('Z')) {
      this.#rest = this.#rest.slice(1);
      return UTC;
    }
    const digits = element.replace(/[^0-9]/g, '').length;
    const colon = element.includes(':') ? ':' : '';
    const pattern = new RegExp(
      `^[+-]\\d\\d${digits >= 4 ? `${colon}\\d\\d` : ''}${digits >= 6 ? `${colon}\\d\\d` : ''}`,
    );
    const text = this.#take(pattern, element);
    const numbers = (text.match(/\d\d/g) ?? []).map(Number);
    const [hours = 0, minutes = 0, seconds = 0] = numbers;
    if (hours > 24) throw this.#error('time zone offset hour out of range');
    if (minutes > 60) throw this.#error('time zone offset minute out of range');
    if (seconds > 60) throw this.#error('time zone offset second out of range');
    const size = hours * 3_600 + minutes * 60 + seconds;
    return fixedZone(text.startsWith('-') ? -size : size);
  }

  /** Abbreviations count as offset zero, whatever they say (`GMT+3`): Go only keeps their name. */
  #abbreviation(): Zone {
    if (this.#rest.startsWith('UTC')) {
      this.#rest = this.#rest.slice(3);
      return UTC;
    }
    const hours = '[+-]0*(?:1?\\d|2[0-3])(?!\\d)';
    const names = `ChST|MeST|GMT(?:${hours})?|[A-Z]{4}T|[A-Z]{3}T|WITA|[A-Z]{3}(?![A-Z])|${hours}`;
    return fixedZone(0, this.#take(new RegExp(`^(?:${names})`), 'MST'));
  }

  #moment(): bigint {
    const f = this.#f;
    let { hour } = f;
    if (f.afternoon === true && hour < 12) hour += 12;
    else if (f.afternoon === false && hour === 12) hour = 0;
    const { month, day } = this.#date();
    const local = daysFromCivil(f.year, month, day) * 86_400 + hour * 3_600 + f.minute * 60 + f.second;
    return nsOf(local - (f.zone ?? UTC).offsetAt(local), f.nanosecond);
  }

  #date(): { month: number; day: number } {
    const f = this.#f;
    if (f.yearDay !== undefined && (f.month === undefined || f.day === undefined)) {
      const days = daysFromCivil(f.year + 1, 1, 1) - daysFromCivil(f.year, 1, 1);
      if (f.yearDay < 1 || f.yearDay > days) throw this.#error('day-of-year out of range');
      return { month: 1, day: f.yearDay };
    }
    const month = f.month ?? 1;
    const day = f.day ?? 1;
    if (day < 1 || day > daysInMonth(f.year, month)) throw this.#error('day out of range');
    return { month, day };
  }
}

/**
 * Nanoseconds since the epoch of a text in the given layout; fields that the layout lacks take Go's zero values.
 * @throws BuiltinError
 */
export function parseLayout(layout: string, value: string): bigint {
  return new LayoutParser(layout, value).parse();
}
