/** docs/guides/sev-preattestation.md, word for word. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { expect, test } from 'vitest';
import { blocks, guide, shell, withFreePorts } from '../support/guides.js';

test('the guide runs as it stands', { timeout: 300_000 }, async () => {
  const home = temporaryFolder('assay-sev-guide-');
  const script = await withFreePorts(blocks(guide('sev-preattestation.md')).join('\n'), [8080, 44444]);
  const { code, out } = await shell(script, home);
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
    'Pod web: pre-attestation on, key broker 10.0.0.5:',
    ', policy 7 (NODBG, NOKS, ES)',
  ])
    expect(out).toContain(line);
});
