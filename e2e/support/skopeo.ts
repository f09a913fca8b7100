/** Debian's two skopeos: that of 12, which is installed, and that of 13, which knows key providers and lies in a folder of its own. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Peers } from './peers.js';

const SKOPEO = '/usr/bin/skopeo';
export const SKOPEO_13 = fileURLToPath(
  new URL('../../node_modules/.cache/assay-debian-13/bin/skopeo', import.meta.url),
);
export const SKOPEO_13_PEERS: Peers = { 'scripts/debian-13-skopeo.sh': SKOPEO_13 };

/** Release of Debian, program, and what brings it. */
export const SKOPEOS: readonly (readonly [string, string, Peers])[] = [
  ['12', SKOPEO, { skopeo: SKOPEO }],
  ['13', SKOPEO_13, SKOPEO_13_PEERS],
];

export interface Copied {
  readonly code: number;
  readonly err: string;
}

/** `skopeo copy`, without a policy for signatures and with nothing of the user's own. Never throws. */
export function skopeoCopy(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Copied> {
  const home = { PATH: process.env['PATH'], HOME: '/nonexistent', TMPDIR: process.env['TMPDIR'], LANG: 'C.UTF-8' };
  return new Promise((resolve) => {
    const all = ['--insecure-policy', 'copy', '-q', ...args];
    execFile(program, all, { env: { ...home, ...env }, timeout: 30_000 }, (error, _, err) =>
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, err }),
    );
  });
}

/** Digests of the layers of a layout's image. */
export function layersIn(layout: string): readonly string[] {
  const read = (path: string) => JSON.parse(readFileSync(join(layout, path), 'utf8'));
  const [entry] = read('index.json').manifests;
  const { layers } = read(join('blobs', entry.digest.replace(':', '/')));
  return layers.map(({ digest }: { digest: string }) => digest);
}
