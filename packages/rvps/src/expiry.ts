import { assayError } from '@assay/bytes/findings';

const DEFAULT_MONTHS = 12;
/** The last second that RFC 3339 can write. */
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59);

/**
 * When a value ends: as asked, in whole seconds, or 12 calendar months from now with the day clamped (2024-02-29 becomes
 * 2025-02-28), as the CoCo RVPS does.
 *
 * @returns undefined for `never`.
 * @throws AssayError `rv.value.form` for a time that is past, or none.
 */
export function expiryOf(name: string, asked: number | 'never' | undefined, now: number): number | undefined {
  if (asked === 'never') return undefined;
  if (asked === undefined) return wholeSeconds(monthsLater(now, DEFAULT_MONTHS));
  if (!Number.isFinite(asked) || asked > LAST) throw wrongExpiry(name, 'an expiry that is no time');
  const expires = wholeSeconds(asked);
  if (expires < now) throw wrongExpiry(name, `an expiry of ${new Date(expires).toISOString()}`);
  return expires;
}

/** Calendar months later, in UTC; a day that the month does not have becomes its last. */
export function monthsLater(time: number, months: number): number {
  const later = new Date(time);
  const day = later.getUTCDate();
  later.setUTCDate(1);
  later.setUTCMonth(later.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(later.getUTCFullYear(), later.getUTCMonth() + 1, 0)).getUTCDate();
  later.setUTCDate(Math.min(day, lastDay));
  return later.getTime();
}

/** A value is valid at the very instant of its expiry, and ended strictly later. */
export function hasEnded(expires: number | undefined, now: number): boolean {
  return expires !== undefined && now > expires;
}

function wholeSeconds(time: number): number {
  return Math.floor(time / 1000) * 1000;
}

function wrongExpiry(name: string, actual: string): Error {
  return assayError('rv.value.form', {
    params: { name, actual, expected: 'it must lie in the future, or be `never`' },
  });
}
