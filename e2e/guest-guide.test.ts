import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { assayFile } from './support/cli.js';

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

test('guest.md, word for word', async () => {
  const text = readFileSync(fileURLToPath(new URL('../docs/guides/guest.md', import.meta.url)), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
    .map(([, block]) => block ?? '')
    .filter((block) => !block.startsWith('npm run'));
  const [server, api] = [await freePort(), await freePort()];
  const script = blocks.join('\n').replaceAll('8080', String(server)).replaceAll('8006', String(api));
  const home = mkdtempSync(join(tmpdir(), 'guest-'));
  const bin = join(home, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'npx'), `#!/bin/sh\nshift\nexec '${process.execPath}' '${assayFile}' "$@"\n`);
  chmodSync(join(bin, 'npx'), 0o755);
  const child = spawn(
    'bash',
    ['-c', `set -e -o pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n${script}`],
    {
      cwd: home,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: `${bin}${delimiter}${process.env['PATH']}`, HOME: home, LANG: 'C.UTF-8', NO_COLOR: '1' },
    },
  );
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  rmSync(home, { recursive: true, force: true });
  expect(code, out).toBe(0);
  expect(out).toContain('{"version":"0.1.0","tee":"sample","feature":"all"}');
  expect(out).toContain('a secret{"svn":"1","report_data":"aGVsbG8="}{"token":"');
}, 300_000);
