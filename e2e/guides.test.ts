import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { blocks, guide, shell } from './support/guides.js';
import { peersFor } from './support/peers.js';
import { freePort } from './support/ports.js';
import { swtpmPossible } from './support/swtpm.js';

const folder = temporaryFolder('assay-guide-');

test('first-server.md, word for word', async () => {
  const port = await freePort();
  const { code, out } = await shell(
    blocks(guide('first-server.md')).join('\n').replaceAll('8080', String(port)),
    folder,
  );
  expect(code, out).toBe(0);
  for (const line of [
    `logged in to http://127.0.0.1:${port} as admin, role admin`,
    'stored default/key/1, version 1, 32 bytes',
    'the guest has the secret',
    'exit code 1',
    'svn 2 is not the value of svn',
    'stopping: requests under way may finish',
  ])
    expect(out).toContain(line);
}, 120_000);

test('encrypted-images.md, word for word', async () => {
  const home = temporaryFolder('images-');
  let script = blocks(guide('encrypted-images.md')).join('\n');
  for (const port of ['8080', '50000', '8006']) script = script.replaceAll(port, String(await freePort()));
  const { code, out } = await shell(script, home);
  rmSync(home, { recursive: true, force: true });
  expect(code, out).toBe(0);
  for (const line of [
    'encrypted for provider attestation-agent',
    'weights that nobody may read',
    'none opens it; it is for provider attestation-agent',
    'exit code 1',
  ])
    expect(out).toContain(line);
}, 180_000);

test.skipIf(!peersFor('the guide of signed images', { gnupg: '/usr/bin/gpg-agent', openssl: '/usr/bin/openssl' }))(
  'signed-images.md, word for word',
  async () => {
    const home = temporaryFolder('signed-');
    const { code, out } = await shell(`${blocks(guide('signed-images.md')).join('\n')}\ngpgconf --kill all`, home);
    rmSync(home, { recursive: true, force: true });
    expect(code, out).toBe(0);
    for (const line of [
      'registry.example/team/app:v1: scope `registry.example/team`: signedBy',
      'registry.example/team/other:v1 has no OpenPGP signature',
      'scope `default` says reject',
      '/app`: sigstoreSigned',
      'has no name; matchRepo',
      'as it was',
    ])
      expect(out).toContain(line);
    expect(out.match(/exit code 1/g)).toHaveLength(4);
  },
  120_000,
);

test.skipIf(!swtpmPossible())(
  'tpm.md, word for word',
  async () => {
    const port = await freePort();
    const home = temporaryFolder('tpm-');
    const { code, out } = await shell(blocks(guide('tpm.md')).join('\n').replaceAll('8080', String(port)), home);
    rmSync(home, { recursive: true, force: true });
    expect(code, out).toBe(0);
    for (const line of [
      'manufacturer   IBM',
      'enrolled 000b',
      'swtpm-localca',
      'the TPM has the secret',
      'exit code 1',
    ])
      expect(out).toContain(line);
  },
  300_000,
);

describe('every guide', () => {
  const names = [
    'first-server.md',
    'why-was-it-refused.md',
    'from-trustee.md',
    'replicas.md',
    'writing-policies.md',
    'tpm.md',
    'encrypted-images.md',
    'signed-images.md',
  ];

  test.each(names)('%s has shell blocks that parse, and links that lead somewhere', async (name) => {
    const text = guide(name);
    for (const block of blocks(text))
      expect(
        (
          await shell(
            `: <<'EOF_OF_BLOCK'\n${block}\nEOF_OF_BLOCK\nbash -n <<'EOF_OF_BLOCK'\n${block}\nEOF_OF_BLOCK`,
            folder,
          )
        ).code,
        block,
      ).toBe(0);
    for (const [, target = ''] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (!/^https?:/.test(target))
        expect(() => readFileSync(fileURLToPath(new URL(`../docs/guides/${target}`, import.meta.url)))).not.toThrow();
    }
  });
});
