/** Go durations: `1h2m3.5s`, `-1.5h`, `300ms`, `2us`, `7µs`, `1ns`. */
import { failure } from '../types.js';

const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);

const TERM = /(\d*)(?:\.(\d*))?([^\d.]*)/y;
const MAX = 2n ** 63n;

/** Nanoseconds, within 64 bits. */
export function parseDuration(text: string): bigint {
  const invalid = failure(`time: invalid duration ${JSON.stringify(text.slice(0, 200))}`);
  const negative = text.startsWith('-');
  const body = text.replace(/^[+-]/, '');
  if (body === '0') return 0n;
  if (body === '' || text.length > 1_000) throw invalid;
  let total = 0n;
  TERM.lastIndex = 0;
  while (TERM.lastIndex < body.length) {
    const m = TERM.exec(body);
    const whole = m?.[1] ?? '';
    const fraction = m?.[2] ?? '';
    if (m === null || m[0] === '' || whole + fraction === '') throw invalid;
    const name = m[3] ?? '';
    if (name === '') throw failure(`time: missing unit in duration ${JSON.stringify(text)}`);
    const unit = UNITS.get(name);
    if (unit === undefined) {
      throw failure(`time: unknown unit ${JSON.stringify(name)} in duration ${JSON.stringify(text)}`);
    }
    total += BigInt(whole === '' ? 0 : whole) * unit;
    if (fraction !== '') total += (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length);
    if (total > MAX) throw invalid;
  }
  if (!negative && total === MAX) throw invalid;
  return negative ? -total : total;
}
