/** One place writes every line about time: absolute UTC, the relation in words, the distance, and whose clock. */

/** Whose time the comparison is against. */
export type ClockName = "this server's clock" | "the document's own time" | `--at ${string}` | (string & {});

/** RFC 3339 in UTC, whole seconds unless there are milliseconds. */
export function utc(time: Date): string {
  if (Number.isNaN(time.getTime())) return 'an impossible date';
  return time.toISOString().replace('.000Z', 'Z');
}

/** `4 seconds`, `81 days`, `1 hour`: one unit, rounded down. */
export function distance(milliseconds: number): string {
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  const units: readonly (readonly [number, string])[] = [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
  ];
  for (const [size, name] of units) {
    if (seconds >= 2 * size || (seconds >= size && size === 86_400)) return counted(Math.floor(seconds / size), name);
  }
  return counted(seconds, 'second');
}

/** `ended 2025-09-01T00:00:00Z, 81 days before this server's clock`. */
export function ended(time: Date, now: Date, clock: ClockName): string {
  return `ended ${utc(time)}, ${distance(now.getTime() - time.getTime())} before ${clock}`;
}

/** `not yet valid until 2027-01-01T00:00:00Z, 41 days after this server's clock`. */
export function notYetValid(time: Date, now: Date, clock: ClockName): string {
  return `not yet valid until ${utc(time)}, ${distance(time.getTime() - now.getTime())} after ${clock}`;
}

/** `ends 2026-12-01T00:00:00Z, in 9 days`. */
export function ends(time: Date, now: Date): string {
  return `ends ${utc(time)}, in ${distance(time.getTime() - now.getTime())}`;
}

function counted(n: number, unit: string): string {
  return `${n} ${unit}${n === 1 ? '' : 's'}`;
}
