/** Programs of Debian that some tests need, and the line that brings the missing ones. */
import { existsSync } from 'node:fs';

/** What tells that a package is there, by its name in Debian; or by the script of this repository that brings it: `scripts/NAME.sh`. */
export type Peers = Readonly<Record<string, string>>;

/**
 * True when every peer is there; otherwise says what brings them.
 *
 * @throws Error with `CI=true`, where nothing may be skipped
 */
export function peersFor(what: string, peers: Peers): boolean {
  const missing = Object.entries(peers).filter(([, file]) => !existsSync(file));
  if (missing.length === 0) return true;
  const names = missing.map(([name]) => name);
  const packages = names.filter((name) => !name.endsWith('.sh'));
  const install = packages.length === 0 ? [] : [`apt-get install ${packages.join(' ')}`];
  const lines = [...install, ...names.filter((name) => name.endsWith('.sh'))];
  const text = `${what} cannot run here, and is skipped. To run it: ${lines.join('; ')}`;
  if (process.env['CI'] === 'true') throw new Error(text);
  process.stderr.write(`${text}\n`);
  return false;
}
