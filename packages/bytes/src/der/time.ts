import { DecodeError } from '../decode-error.js';

/** UTCTime as RFC 5280 section 4.1.2.5.1 profiles it: seconds given, `Z`, years 1950 to 2049. @throws DecodeError */
export function decodeUtcTime(text: string, offset = 0): Date {
  const year = digits(text, 13) ? two(text, 0) : undefined;
  if (year === undefined) throw new DecodeError('DER', 'UTCTime is not YYMMDDHHMMSSZ', offset);
  return instant(year < 50 ? 2000 + year : 1900 + year, text, 2, offset);
}

/** GeneralizedTime as RFC 5280 section 4.1.2.5.2 profiles it: seconds given, no fraction, `Z`. @throws DecodeError */
export function decodeGeneralizedTime(text: string, offset = 0): Date {
  if (!digits(text, 15)) throw new DecodeError('DER', 'GeneralizedTime is not YYYYMMDDHHMMSSZ', offset);
  return instant(two(text, 0) * 100 + two(text, 2), text, 4, offset);
}

/** Whether a text is of this length, digits and a `Z` at the end. CRLs have thousands of them. */
function digits(text: string, length: number): boolean {
  if (text.length !== length || text.charCodeAt(length - 1) !== 0x5a) return false;
  for (let at = 0; at < length - 1; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x30 || unit > 0x39) return false;
  }
  return true;
}

function two(text: string, at: number): number {
  return (text.charCodeAt(at) - 0x30) * 10 + (text.charCodeAt(at + 1) - 0x30);
}

/** `YYYYMMDDHHMMSSZ` of a time in whole seconds. */
export function formatGeneralizedTime(time: Date): string {
  return time
    .toISOString()
    .replace(/\.\d{3}Z$/, 'Z')
    .replace(/[-:T]/g, '');
}

/** @param at where the month stands, followed by day, hour, minute, second of two digits each */
function instant(year: number, text: string, at: number, offset: number): Date {
  const month = two(text, at);
  const day = two(text, at + 2);
  const hour = two(text, at + 4);
  const minute = two(text, at + 6);
  const second = two(text, at + 8);
  // Date would carry 31 February over into March.
  const exists = day >= 1 && day <= daysOf(year, month) && hour < 24 && minute < 60 && second < 60;
  if (!exists) throw new DecodeError('DER', 'time names a moment that does not exist', offset);
  if (year >= 100) return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // Date.UTC moves the years 0 to 99 into the 20th century.
  const date = new Date(Date.UTC(2000, month - 1, 1, hour, minute, second));
  date.setUTCFullYear(year, month - 1, day);
  return date;
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Days of a month in the Gregorian calendar; 0 for a month that does not exist. */
function daysOf(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && leap ? 29 : (DAYS[month - 1] ?? 0);
}
