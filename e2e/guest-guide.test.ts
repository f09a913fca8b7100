import { rmSync } from 'node:fs';
import { temporaryFolder } from '@assay/testkit';
import { expect, test } from 'vitest';
import { blocks, guide, shell, withFreePorts } from './support/guides.js';

test('guest.md, word for word', async () => {
  const script = blocks(guide('guest.md')).filter((block) => !block.startsWith('npm run'));
  const home = temporaryFolder('guest-');
  const { code, out } = await shell(await withFreePorts(script.join('\n'), [8080, 8006]), home);
  rmSync(home, { recursive: true, force: true });
  expect(code, out).toBe(0);
  expect(out).toContain('{"version":"0.1.0","tee":"sample","feature":"all"}');
  expect(out).toContain('a secret{"svn":"1","report_data":"aGVsbG8="}{"token":"');
}, 300_000);
