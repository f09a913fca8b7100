/** docs/guides/enclave-cc.md, word for word. */
import { rmSync } from 'node:fs';
import { temporaryFolder } from '@assay/testkit';
import { expect, test } from 'vitest';
import { blocks, guide, shell, withFreePorts } from '../support/guides.js';

test('the guide runs as it stands', { timeout: 300_000 }, async () => {
  const home = temporaryFolder('assay-enclave-guide-');
  const script = await withFreePorts(
    blocks(guide('enclave-cc.md')).join('\n'),
    [8080, 8091, 8092, 8093, 50000, 5000, 7788],
  );
  const { code, out } = await shell(script, home);
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
