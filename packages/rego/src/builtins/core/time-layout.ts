/** Go's reference-time layouts (`Mon Jan 2 15:04:05 MST 2006`): their elements, and formatting by them. */
import { type Civil, daysFromCivil, weekdayOf } from './civil.js';

export const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

export const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;

export const NAMED_LAYOUTS: ReadonlyMap<string, string> = new Map([
  ['ANSIC', 'Mon Jan _2 15:04:05 2006'],
  ['UnixDate', 'Mon Jan _2 15:04:05 MST 2006'],
  ['RubyDate', 'Mon Jan 02 15:04:05 -0700 2006'],
  ['RFC822', '02 Jan 06 15:04 MST'],
  ['RFC822Z', '02 Jan 06 15:04 -0700'],
  ['RFC850', 'Monday, 02-Jan-06 15:04:05 MST'],
  ['RFC1123', 'Mon, 02 Jan 2006 15:04:05 MST'],
  ['RFC1123Z', 'Mon, 02 Jan 2006 15:04:05 -0700'],
  ['RFC3339', '2006-01-02T15:04:05Z07:00'],
  ['RFC3339Nano', '2006-01-02T15:04:05.999999999Z07:00'],
]);

/** Alternatives in the order of their length where one begins another; short names must not run on in lower case. */
const ELEMENT = new RegExp(
  [
    'January',
    'Jan(?![a-z])',
    'Monday',
    'Mon(?![a-z])',
    'MST',
    '2006',
    '15',
    '002',
    '__2',
    '_2(?!006)',
    '0[1-6]',
    'PM',
    'pm',
    'Z07:00:00',
    'Z070000',
    'Z07:00',
    'Z0700',
    'Z07',
    '-07:00:00',
    '-070000',
    '-07:00',
    '-0700',
    '-07',
    '[.,](?:0+|9+)(?![0-9])',
    '[1-5]',
  ].join('|'),
  'g',
);

export interface Piece {
  readonly literal: string;
  readonly element: string | undefined;
}

/** Layouts are few and used often; the bound keeps a policy from filling the memory with made-up ones. */
const split = new Map<string, readonly Piece[]>();
const MAX_REMEMBERED = 64;

/** The layout's elements, each with the text before it. */
export function pieces(layout: string): readonly Piece[] {
  const known = split.get(layout);
  if (known !== undefined) return known;
  const out: Piece[] = [];
  let at = 0;
  for (const m of layout.matchAll(ELEMENT)) {
    out.push({ literal: layout.slice(at, m.index), element: m[0] });
    at = m.index + m[0].length;
  }
  out.push({ literal: layout.slice(at), element: undefined });
  if (split.size < MAX_REMEMBERED) split.set(layout, out);
  return out;
}

const two = (n: number): string => String(n).padStart(2, '0');

function offsetText(offset: number, element: string): string {
  if (element.startsWith('Z') && offset === 0) return 'Z';
  const size = Math.abs(offset);
  const parts = [two(Math.floor(size / 3_600))];
  const digits = element.replace(/[^0-9]/g, '').length;
  if (digits >= 4) parts.push(two(Math.floor((size % 3_600) / 60)));
  if (digits >= 6) parts.push(two(size % 60));
  return `${offset < 0 ? '-' : '+'}${parts.join(element.includes(':') ? ':' : '')}`;
}

function fractionText(nanosecond: number, element: string): string {
  const digits = String(nanosecond)
    .padStart(9, '0')
    .slice(0, element.length - 1);
  const padded = digits.padEnd(element.length - 1, '0');
  if (element[1] === '0') return element[0] + padded;
  const trimmed = padded.replace(/0+$/, '');
  return trimmed === '' ? '' : element[0] + trimmed;
}

function elementText(element: string, c: Civil): string {
  const days = daysFromCivil(c.year, c.month, c.day);
  const yearDay = days - daysFromCivil(c.year, 1, 1) + 1;
  const hour12 = c.hour % 12 === 0 ? 12 : c.hour % 12;
  switch (element) {
    case 'January':
      return MONTHS[c.month - 1] ?? '';
    case 'Jan':
      return (MONTHS[c.month - 1] ?? '').slice(0, 3);
    case '1':
      return String(c.month);
    case '01':
      return two(c.month);
    case 'Monday':
      return DAYS[weekdayOf(days)] ?? '';
    case 'Mon':
      return (DAYS[weekdayOf(days)] ?? '').slice(0, 3);
    case '2':
      return String(c.day);
    case '_2':
      return String(c.day).padStart(2);
    case '02':
      return two(c.day);
    case '__2':
      return String(yearDay).padStart(3);
    case '002':
      return String(yearDay).padStart(3, '0');
    case '15':
      return two(c.hour);
    case '3':
      return String(hour12);
    case '03':
      return two(hour12);
    case '4':
      return String(c.minute);
    case '04':
      return two(c.minute);
    case '5':
      return String(c.second);
    case '05':
      return two(c.second);
    case '2006':
      return c.year < 0 ? `-${String(-c.year).padStart(4, '0')}` : String(c.year).padStart(4, '0');
    case '06':
      return two(((c.year % 100) + 100) % 100);
    case 'PM':
      return c.hour >= 12 ? 'PM' : 'AM';
    case 'pm':
      return c.hour >= 12 ? 'pm' : 'am';
    case 'MST':
      return c.zone;
    default:
      return element.startsWith('Z') || element.startsWith('-')
        ? offsetText(c.offset, element)
        : fractionText(c.nanosecond, element);
  }
}

/** The time as the layout shows it. */
export function formatLayout(c: Civil, layout: string): string {
  return pieces(layout)
    .map(({ literal, element }) => literal + (element === undefined ? '' : elementText(element, c)))
    .join('');
}

/** Whether formatting needs the zone's abbreviation. */
export function namesZone(layout: string): boolean {
  return pieces(layout).some((piece) => piece.element === 'MST');
}
