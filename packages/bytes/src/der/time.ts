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
  const [month, day] = [two(text, at), two(text, at + 2)];
  const [hour, minute, second] = [two(text, at + 4), two(text, at + 6), two(text, at + 8)];
  const date = new Date(0);
  // Date.UTC would move the years 0 to 99 into the 20th century.
  date.setUTCFullYear(year, month - 1, day);
  // Date carries 31 February over into March: a day that comes back different did not exist.
  const exists =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!exists) throw new DecodeError('DER', 'time names a moment that does not exist', offset);
  date.setUTCHours(hour, minute, second, 0);
  return date;
}
