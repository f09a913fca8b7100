/** `assay enclave-cc`, `assay measure sgx`, `assay emulate enclave`: exit codes, and what is printed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { assay } from '../support/cli.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = temporaryFolder('assay-enclave-cli-');
const at = (name: string): string => join(folder, name);
const file = (name: string, text: string | Uint8Array): string => {
  writeFileSync(at(name), text);
  return at(name);
};
const run = (...args: string[]) => assay(args);

describe('assay enclave-cc', () => {
  test('renders what it takes for good', async () => {
    expect(await run('enclave-cc', 'render', 'all', '--out', at('hw'))).toMatchObject({ code: 0 });
    const lint = await run(
      ...['enclave-cc', 'lint', '--json', '--shim-config', at('hw/config.toml'), '--pod', at('hw/pod.yaml')],
      ...['--decrypt-config', at('hw/decrypt_config.conf'), '--ocicrypt-config', at('hw/ocicrypt.conf')],
      ...['--agent-bundle', at('hw/config.json'), '--occlum', at('hw/Occlum.json')],
    );
    expect([lint.code, lint.json()]).toMatchObject([0, { ok: true }]);
    expect(
      (lint.json() as { findings: { outcome: string }[] }).findings.every(({ outcome }) => outcome === 'pass'),
    ).toBe(true);
    // The same files are wrong for the other mode.
    const sim = await run('enclave-cc', 'lint', '--mode', 'sim', '--json', '--agent-bundle', at('hw/config.json'));
    expect([sim.code, sim.json()]).toMatchObject([1, { ok: false }]);
  });

  test('renders one file to standard output, with its own values', async () => {
    const shim = file('shim.toml', readFileSync(at('hw/config.toml'), 'utf8').replace('7788', '7789'));
    const bundle = await run('enclave-cc', 'render', 'agent-bundle', '--shim-config', shim);
    expect(JSON.parse(bundle.out).process.args).toContain('tcp://127.0.0.1:7789');
    const pod = await run(
      'enclave-cc',
      'render',
      'pod',
      '--image',
      'r.example/x:v1',
      '--command',
      '/bin/a --b',
      '--json',
    );
    const { files } = pod.json() as { files: Record<string, string> };
    expect(files['pod.yaml']).toMatch(/image: r\.example\/x:v1[\s\S]*- \/bin\/a\n\s+- --b/);
  });

  test.each([
    [['lint', '--occlum', '/nowhere/x'], 4, 'no such file'],
    [['boot', 'app_v1', '--rootfs', '/x', '--out', '/nowhere/y'], 4, 'no such file'],
  ])('%j ends with %i', async (args, code, text) => {
    const result = await run('enclave-cc', ...args);
    expect([result.code, result.err]).toEqual([code, expect.stringContaining(text)]);
  });

  test('plans a sandbox, and a container in it', async () => {
    const agentId = 'ab'.repeat(32);
    const annotations = (type: string) => ({
      'io.kubernetes.cri.container-type': type,
      'io.kubernetes.cri.sandbox-namespace': 'default',
      'io.kubernetes.cri.image-name': 'r.example/app:v1',
    });
    const flags = ['--id', 'c1', '--bundle', '/b', '--agent-id', agentId, '--json'];
    const sandbox = file('sandbox.json', JSON.stringify({ annotations: annotations('sandbox') }));
    const made = await run('enclave-cc', 'plan', 'create', sandbox, ...flags);
    expect(made.json()).toMatchObject({ agent_id: agentId });
    const container = file('container.json', JSON.stringify({ annotations: annotations('container') }));
    const within = await run('enclave-cc', 'plan', 'create', container, ...flags);
    expect(within.json()).toMatchObject({ spec: { root: { path: 'rootfs' } } });
    const none = await run('enclave-cc', 'plan', 'create', file('none.json', '{}'), ...flags);
    expect([none.code, none.err]).toEqual([3, expect.stringContaining('unknown container type in annotation')]);
    const cleanup = await run('enclave-cc', 'plan', 'call', 'cleanup', 'c1', '--agent-id', agentId, '--bundle', '/b');
    expect(cleanup.out).toContain(`rm -r /run/containerd/agent-enclave/${agentId}`);
  });

  test('warns of what the host decides, and names file, key and remedy', async () => {
    const lax = file(
      'lax.conf',
      '{"key_provider":"provider:attestation-agent:sample_kbc::x","security_valdate":false}',
    );
    const lint = await run('enclave-cc', 'lint', '--decrypt-config', lax);
    expect(lint.code).toBe(0);
    expect(lint.out).toContain('key_provider of lax.conf leaves trust to the host: keys of sample_kbc are public');
    expect(lint.out).toContain(`Write security_validate in ${lax}, if that is meant.`);
  });
});

test('a payload is put together, as a folder and as an image', async () => {
  const flags = ['--instance', file('instance.tar', ''), '--shim', file('shim', 'shim'), '--mode', 'sim', '--json'];
  const folder = await run('enclave-cc', 'payload', ...flags, '--out', at('payload'));
  expect([folder.code, folder.json()]).toMatchObject([
    0,
    { files: expect.arrayContaining(['scripts/enclave-cc-deploy.sh']) },
  ]);
  expect(readFileSync(at('payload/containerd-shim-rune-v2'), 'utf8')).toBe('shim');
  const image = await run('enclave-cc', 'payload', ...flags, '--out', `oci:${at('image')}:sim`);
  const { digest } = image.json() as { digest: string };
  expect((await run('image', 'inspect', `oci:${at('image')}:sim`, '--json')).out).toContain(digest);
  expect(await run('enclave-cc', 'payload', ...flags, '--instance', '/nowhere/x', '--out', at('x'))).toMatchObject({
    code: 4,
  });
});

describe('builds', () => {
  beforeAll(async () => {
    for (const args of [['one'], ['debug', '--debug', '--isv-svn', '9']])
      expect(await run('emulate', 'enclave', ...args, '--out', at('builds'))).toMatchObject({ code: 0 });
  }, 60_000);

  test('are measured', async () => {
    const measured = await run(
      'measure',
      'sgx',
      '--sigstruct',
      at('builds/one.sig'),
      '--sgxs',
      at('builds/one.sgxs'),
      '--json',
    );
    expect([measured.code, measured.json()]).toMatchObject([0, { verdict: 'accept', isv_svn: 1, debug: 'never' }]);
    const { mr_enclave } = measured.json() as { mr_enclave: string };
    expect((await run('measure', 'sgx', '--sgxs', at('builds/one.sgxs'))).out).toBe(`${mr_enclave}\n`);
    const debug = await run('measure', 'sgx', '--sigstruct', at('builds/debug.sig'), '--json');
    expect(debug.json()).toMatchObject({ isv_svn: 9, debug: 'always' });
  });

  test('that are not as signed are refused', async () => {
    const other = await run(
      'measure',
      'sgx',
      '--sigstruct',
      at('builds/one.sig'),
      '--sgxs',
      at('builds/debug.sgxs'),
      '--json',
    );
    expect([other.code, other.json()]).toMatchObject([1, { verdict: 'reject' }]);
    const bytes = readFileSync(at('builds/one.sig'));
    bytes[960] = (bytes[960] ?? 0) ^ 1;
    const values = await run('enclave-cc', 'reference-values', '--sigstruct', file('changed.sig', bytes));
    expect([values.code, values.out]).toEqual([1, '']);
    expect(values.err).toContain('the signature of the SIGSTRUCT does not fit its content');
    expect(await run('measure', 'sgx', '--sgxs', at('builds/one.sig'))).toMatchObject({ code: 3 });
    expect(await run('measure', 'sgx')).toMatchObject({ code: 2 });
  });

  test('become reference values, and a message', async () => {
    const args = [
      'enclave-cc',
      'reference-values',
      '--sigstruct',
      at('builds/one.sig'),
      '--sigstruct',
      at('builds/debug.sig'),
    ];
    const values = await run(...args, '--json');
    expect(values.json()).toMatchObject({
      registered: false,
      reference_values: { enclave_cc_minimum_isv_svn: 1, enclave_cc_isv_prod_id: ['0100'] },
    });
    expect(values.err).toContain('may be launched in debug');
    const message = (await run(...args, '--message', '--json')).json() as { type: string; payload: string };
    expect(JSON.parse(Buffer.from(message.payload, 'base64').toString())).toEqual(
      (values.json() as { reference_values: object }).reference_values,
    );
  });
});
