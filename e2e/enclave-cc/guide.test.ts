/** docs/guides/enclave-cc.md, word for word. */
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
  const home = mkdtempSync(join(tmpdir(), 'assay-enclave-guide-'));
  const bin = join(home, 'bin');
  mkdirSync(bin);
  const shim = `#!/bin/sh\n[ "$1" = assay ] && shift\nexec '${process.execPath}' '${assayFile}' "$@"\n`;
  writeFileSync(join(bin, 'npx'), shim);
  chmodSync(join(bin, 'npx'), 0o755);
  const text = readFileSync(fileURLToPath(new URL('../../docs/guides/enclave-cc.md', import.meta.url)), 'utf8');
  let script = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '').join('\n');
  for (const port of ['8080', '8091', '8092', '8093', '50000', '5000', '7788'])
    script = script.replaceAll(new RegExp(`\\b${port}\\b`, 'g'), String(await freePort()));
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
  rmSync(home, { recursive: true, force: true });
  expect(code, out).toBe(0);
  for (const line of [
    'wrote builds/known.sig',
    'debug        never',
    'set enclave_cc_mr_enclave = ["',
    'wrote node/cc-runtime.yaml',
    'enclave-cc.config.trust',
    'lowerdir=/opt/confidential-containers/share/enclave-cc-agent-instance/rootfs',
    'as app_v1',
    'weights that nobody may read',
    'A simulated agent enclave pulled this image.',
    'exit code 1',
    'sealed/images/app_v1/keys/sefs/lower/key.sealed',
    'the key does not open it, or it was changed',
    'opened app_v1 at app/rootfs',
    'enclave_cc_mr_enclave',
  ])
    expect(out).toContain(line);
  // Of the image that was refused there is nothing, and of the stranger's neither.
  expect(out).not.toContain('other_v1\n');
});
