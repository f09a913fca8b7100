/** The SEV commands as a person or a pipeline calls them: what they print, and how they exit. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { expect, test } from 'vitest';
import { assay } from '../support/cli.js';

const folder = temporaryFolder('assay-sev-cli-');
const env = { HOME: folder };

const pod = (annotations: string): string =>
  `kind: Pod\nmetadata:\n  name: web\n  annotations:\n${annotations}\nspec:\n  runtimeClassName: kata-qemu-sev\n`;
const name = 'io.katacontainers.config';

test.each([
  [pod(`    ${name}.sev.policy: "7"`), 0, 'policy 7 (NODBG, NOKS, ES)'],
  [pod(`    ${name}.guest_pre_attestation.enabled: "true"`), 0, `${name}.pre_attestation.enabled`],
  [pod(`    ${name}.sev.policy: "0x7"`), 1, 'unsigned decimal'],
  [pod(`    ${name}.sev.policy: 7`), 1, 'quote it'],
  ['kind: [', 3, ''],
  ['kind: Service\n', 3, 'no pod'],
])('lint %j exits with %d', async (text, code, words) => {
  const run = await assay(['sev', 'lint', '-'], { input: text, env });
  expect(run.code, run.err).toBe(code);
  expect(run.out + run.err).toContain(words);
});

test('lint --json prints one document with the resolved settings and every finding', async () => {
  const run = await assay(['sev', 'lint', '-', '--json'], {
    input: pod(`    ${name}.pre_attestation.uri: kbs:44444\n    ${name}.guest_pre_attestation.enabled: "true"`),
    env,
  });
  expect(run.json()).toMatchObject({
    ok: true,
    pods: [{ pod: 'Pod web', runtime_class: 'kata-qemu-sev', uri: 'kbs:44444' }],
    findings: expect.arrayContaining([expect.objectContaining({ id: 'sev.annotation.name', outcome: 'warn' })]),
  });
});

test('annotate prints what lint takes, and refuses what it would not', async () => {
  const alone = await assay(['sev', 'annotate', '--uri', '10.0.0.5:44444', '--es', '--json'], { env });
  expect(alone.json()).toEqual({
    annotations: {
      [`${name}.pre_attestation.enabled`]: 'true',
      [`${name}.pre_attestation.uri`]: '10.0.0.5:44444',
      [`${name}.sev.policy`]: '7',
    },
  });
  const into = await assay(['sev', 'annotate', '--uri', 'kbs:44444', '--file', '-'], { input: pod('    a: "1"'), env });
  expect((await assay(['sev', 'lint', '-'], { input: into.out, env })).code).toBe(0);
  expect((await assay(['sev', 'annotate', '--uri', 'http://kbs'], { env })).code).toBe(2);
  expect((await assay(['sev', 'annotate', '--uri', 'kbs:1', '--policy', '0'], { env })).code).toBe(1);
});

test('measure sev prints the digest in hex and in the base64 of launch policies', async () => {
  const firmware = join(folder, 'fw');
  writeFileSync(firmware, 'firmware');
  const digest = createHash('sha256').update('firmware').digest();
  const run = await assay(['measure', 'sev', '--firmware', firmware, '--json'], { env });
  expect(run.json()).toEqual({
    mode: 'SEV',
    launch_digest: digest.toString('hex'),
    base64: digest.toString('base64'),
  });
  expect((await assay(['measure', 'sev', '--firmware', firmware, '--kernel', firmware], { env })).code).toBe(3);
  expect((await assay(['measure', 'sev', '--firmware', join(folder, 'none')], { env })).code).toBe(4);
  expect((await assay(['measure', 'sev', '--firmware', firmware, '--vcpus', '2'], { env })).code).toBe(2);
});

test('launch says that nobody answers', async () => {
  const run = await assay(['sev', 'launch', '--kbs', '127.0.0.1:1', '--digest', '00'.repeat(32)], { env });
  expect(run.code).toBe(4);
});
