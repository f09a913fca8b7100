import { DecodeError } from '../decode-error.js';

/** UTCTime as RFC 5280 section 4.1.2.5.1 profiles it: seconds given, `Z`, years 1950 to 2049. @throws DecodeError */
export function decodeUtcTime(input: Uint8Array, offset = 0, start = 0, end = input.length): Date {
  if (!digits(input, start, end, 13)) throw new DecodeError('DER', 'UTCTime is not YYMMDDHHMMSSZ', offset);
  const year = two(input, start);
  return instant(year < 50 ? 2000 + year : 1900 + year, input, start + 2, offset);
}

/** GeneralizedTime as RFC 5280 section 4.1.2.5.2 profiles it: seconds given, no fraction, `Z`. @throws DecodeError */
export function decodeGeneralizedTime(input: Uint8Array, offset = 0, start = 0, end = input.length): Date {
  if (!digits(input, start, end, 15)) throw new DecodeError('DER', 'GeneralizedTime is not YYYYMMDDHHMMSSZ', offset);
  return instant(two(input, start) * 100 + two(input, start + 2), input, start + 4, offset);
}

/** Whether octets are of this number, digits and a `Z` at the end. CRLs have thousands of them: no text is made of them. */
function digits(input: Uint8Array, start: number, end: number, length: number): boolean {
  if (end - start !== length || input[end - 1] !== 0x5a) return false;
  for (let at = start; at < end - 1; at += 1) {
    const octet = input[at] ?? 0;
    if (octet < 0x30 || octet > 0x39) return false;
  }
  return true;
}

function two(input: Uint8Array, at: number): number {
  return ((input[at] ?? 0) - 0x30) * 10 + ((input[at + 1] ?? 0) - 0x30);
}

/** `YYYYMMDDHHMMSSZ` of a time in whole seconds. */
export function formatGeneralizedTime(time: Date): string {
  return time
    .toISOString()
    .replace(/\.\d{3}Z$/, 'Z')
    .replace(/[-:T]/g, '');
}

/** @param at where the month stands, followed by day, hour, minute, second of two digits each */
function instant(year: number, input: Uint8Array, at: number, offset: number): Date {
  const month = two(input, at);
  const day = two(input, at + 2);
  const hour = two(input, at + 4);
  const minute = two(input, at + 6);
  const second = two(input, at + 8);
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
