import { DecodeError } from '../decode-error.js';

const UTC_TIME = /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;
const GENERALIZED_TIME = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;

/** UTCTime as RFC 5280 section 4.1.2.5.1 profiles it: seconds given, `Z`, years 1950 to 2049. @throws DecodeError */
export function decodeUtcTime(text: string, offset = 0): Date {
  const parts = UTC_TIME.exec(text)?.slice(1).map(Number);
  if (parts === undefined) throw new DecodeError('DER', 'UTCTime is not YYMMDDHHMMSSZ', offset);
  const [year = 0, ...others] = parts;
  return instant([year < 50 ? 2000 + year : 1900 + year, ...others], offset);
}

/** GeneralizedTime as RFC 5280 section 4.1.2.5.2 profiles it: seconds given, no fraction, `Z`. @throws DecodeError */
export function decodeGeneralizedTime(text: string, offset = 0): Date {
  const parts = GENERALIZED_TIME.exec(text)?.slice(1).map(Number);
  if (parts === undefined) throw new DecodeError('DER', 'GeneralizedTime is not YYYYMMDDHHMMSSZ', offset);
  return instant(parts, offset);
}

/** `YYYYMMDDHHMMSSZ` of a time in whole seconds. */
export function formatGeneralizedTime(time: Date): string {
  return time
    .toISOString()
    .replace(/\.\d{3}Z$/, 'Z')
    .replace(/[-:T]/g, '');
}

function instant(parts: readonly number[], offset: number): Date {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const date = new Date(0);
  // Date.UTC would move the years 0 to 99 into the 20th century.
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, 0);
  // Date carries 31 February over into March: a time that comes back different did not exist.
  const same =
    date.getUTCFullYear() === year &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  if (!same) throw new DecodeError('DER', 'time names a moment that does not exist', offset);
  return date;
}
