/** docs/guides/sev-preattestation.md, word for word. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { assayFile } from '../support/cli.js';

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

test('the guide runs as it stands', { timeout: 300_000 }, async () => {
  const home = mkdtempSync(join(tmpdir(), 'assay-sev-guide-'));
  const bin = join(home, 'bin');
  mkdirSync(bin);
  const shim = `#!/bin/sh\n[ "$1" = assay ] && shift\nexec '${process.execPath}' '${assayFile}' "$@"\n`;
  writeFileSync(join(bin, 'npx'), shim);
  chmodSync(join(bin, 'npx'), 0o755);
  const text = readFileSync(fileURLToPath(new URL('../../docs/guides/sev-preattestation.md', import.meta.url)), 'utf8');
  const script = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
    .map(([, block]) => block ?? '')
    .join('\n')
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${await freePort()}`)
    .replaceAll('127.0.0.1:44444', `127.0.0.1:${await freePort()}`);
  const child = spawn(
    'bash',
    ['-c', `set -e -o pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n${script}`],
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
  const key = readFileSync(join(home, 'key.bin')).toString('base64');
  rmSync(home, { recursive: true, force: true });
  expect(code, out).toBe(0);
  for (const line of [
    'sev.emulated_ark',
    'stored default/keyset/KEYSET-1, version 1',
    'for allowed_digests of a launch policy: ',
    'set launch policy of default',
    'injected e6f5a162-d67f-4750-a67c-5d065f2a9910, ',
    `{"default/key/key_id1":"${key}"}`,
    'Policy validation failed: fw digest not valid',
    'exit code 1',
    'Pod web: pre-attestation on, key broker 10.0.0.5:44444, policy 7 (NODBG, NOKS, ES)',
  ])
    expect(out).toContain(line);
});
