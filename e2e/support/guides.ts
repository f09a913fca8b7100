/** Guides, read and done word for word. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assayFile } from './cli.js';
import { freePort } from './ports.js';

/** Text of a guide. */
export function guide(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../docs/guides/${name}`, import.meta.url)), 'utf8');
}

/** Blocks of a guide that a reader pastes into a shell, in order. */
export function blocks(text: string): string[] {
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');
}

/** A script with free ports in place of its own. */
export async function withFreePorts(script: string, ports: readonly number[]): Promise<string> {
  let result = script;
  for (const port of ports) result = result.replaceAll(new RegExp(`\\b${port}\\b`, 'g'), String(await freePort()));
  return result;
}

/** Runs a script with `npx assay` as the command of this checkout; what it leaves running in the background is ended. */
export async function shell(script: string, home: string): Promise<{ code: number | null; out: string }> {
  const bin = join(home, 'bin');
  mkdirSync(bin, { recursive: true });
  const shim = `#!/bin/sh\n[ "$1" = assay ] && shift\nexec '${process.execPath}' '${assayFile}' "$@"\n`;
  writeFileSync(join(bin, 'npx'), shim);
  chmodSync(join(bin, 'npx'), 0o755);
  const whole = `set -e -o pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n${script}`;
  const child = spawn('bash', ['-c', whole], {
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: `${bin}${delimiter}${process.env['PATH']}`,
      HOME: home,
      TMPDIR: tmpdir(),
      LANG: 'C.UTF-8',
      NO_COLOR: '1',
    },
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
  }
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, out };
}
