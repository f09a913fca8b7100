/** Programs of Debian that some tests need, and the line that brings the missing ones. */
import { existsSync } from 'node:fs';

/** What tells that a package is there, by its name in Debian. */
export type Peers = Readonly<Record<string, string>>;

/**
 * True when every peer is there; otherwise says what brings them.
 *
 * @throws Error with `CI=true`, where nothing may be skipped
 */
export function peersFor(what: string, peers: Peers): boolean {
  const missing = Object.entries(peers).filter(([, file]) => !existsSync(file));
  if (missing.length === 0) return true;
  const text = `${what} cannot run here, and is skipped. To run it: apt-get install ${missing.map(([name]) => name).join(' ')}`;
  if (process.env['CI'] === 'true') throw new Error(text);
  process.stderr.write(`${text}\n`);
  return false;
}
