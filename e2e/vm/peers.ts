/** Programs of Debian that the virtual machine needs, and the line that brings the missing ones. */
import { existsSync } from 'node:fs';

/** What tells that a package is there. */
const PEERS: readonly (readonly [file: string, debian: string])[] = [
  ['/usr/bin/qemu-system-x86_64', 'qemu-system-x86'],
  ['/usr/share/OVMF/OVMF_CODE_4M.fd', 'ovmf'],
  ['/usr/bin/swtpm', 'swtpm'],
  ['/usr/bin/swtpm_setup', 'swtpm-tools'],
  ['/bin/busybox', 'busybox-static'],
  ['/usr/bin/dpkg-deb', 'dpkg'],
];

/** Debian packages that are missing here. */
export function missingPeers(): readonly string[] {
  return PEERS.filter(([file]) => !existsSync(file)).map(([, name]) => name);
}

/**
 * True when everything is there; otherwise says what brings it. With `CI=true` nothing may be skipped.
 *
 * @throws Error with `CI=true` when something is missing
 */
export function vmPossible(): boolean {
  const missing = missingPeers();
  if (missing.length === 0) return true;
  const text = `the virtual machine cannot start here: apt-get install ${missing.join(' ')}`;
  if (process.env['CI'] === 'true') throw new Error(text);
  process.stderr.write(`${text}\n`);
  return false;
}
