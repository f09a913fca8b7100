import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '@assay/bytes';
import type { FindingDraft } from '@assay/bytes/findings';
import { tomlToJson } from '@assay/protocol';
import { temporaryFolder } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readDecryptConfig } from '../config/decrypt-config.js';
import { readOcicryptConfig } from '../config/ocicrypt-config.js';
import { PACKAGED_SHIM_CONFIG, readShimConfig } from '../config/shim-config.js';
import { type EnclaveMode, OCCLUM_RUN, RUNTIME_CLASS, RUNTIME_TYPE, SHIM_CONFIG_FILE } from '../names.js';
import { attestationPolicy, RESOURCE_POLICY } from '../policy/policies.js';
import { agentBundleConfig, lintAgentBundle } from './agent-bundle.js';
import { lintContainerdConfig, renderContainerdRuntime } from './containerd.js';
import { lintHost } from './host.js';
import { installStepInWords, planInstall, planUninstall, RESET_PLAN } from './install-plan.js';
import { ccRuntime, samplePod } from './kubernetes.js';
import { lintOcclumConfig, occlumConfig } from './occlum.js';
import { lintPodSpec } from './pod.js';
import { FILE_KINDS, renderFile } from './render.js';

const MODES: readonly EnclaveMode[] = ['hw', 'sim'];
const kept = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../../../deploy/enclave-cc/${path}`, import.meta.url)), 'utf8');
/** Ids and subjects of what does not hold, `key: outcome`. */
const told = (findings: readonly FindingDraft[]): string[] =>
  findings
    .filter(({ outcome }) => outcome !== 'pass')
    .map(({ subject = '', outcome }) => `${subject.slice(subject.indexOf(' ') + 1)}: ${outcome}`);
const choice = (mode: EnclaveMode) => ({ mode, kbs: 'https://kbs.example:8080', release: 'v0.9.1' });

describe.each(MODES)('the samples of mode %s', (mode) => {
  test('are what is rendered', async () => {
    const rendered = await Promise.all(FILE_KINDS.map((kind) => renderFile(kind, choice(mode))));
    const files = readdirSync(fileURLToPath(new URL(`../../../../../deploy/enclave-cc/${mode}`, import.meta.url)));
    expect(files.length).toBeGreaterThan(5);
    for (const name of files)
      expect(kept(`${mode}/${name}`), name).toBe(rendered.find((file) => file.name === name)?.text);
  });

  test('have names that the rest of the house knows', () => {
    expect(parse(kept(`${mode}/runtime-class.yaml`))).toEqual({
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name: 'enclave-cc' },
      handler: 'enclave-cc',
    });
    const pod = parse(kept(`${mode}/pod.yaml`));
    expect(pod.spec.runtimeClassName).toBe(RUNTIME_CLASS);
    expect(pod.spec.containers[0].command[0]).toBe(OCCLUM_RUN);
    expect(told(lintPodSpec(pod.spec, 'Pod x', mode))).toEqual([]);
    const runtimes = tomlToJson(kept(`${mode}/containerd.toml`)) as Record<string, never>;
    expect(runtimes).toEqual({
      plugins: {
        'io.containerd.grpc.v1.cri': {
          containerd: { runtimes: { 'enclave-cc': { runtime_type: RUNTIME_TYPE, cri_handler: 'cc' } } },
        },
      },
    });
    expect(readShimConfig(kept(`${mode}/config.toml`), 'config.toml').config).toEqual(PACKAGED_SHIM_CONFIG);
  });

  test('have a CcRuntime whose texts are texts in YAML 1.1, and whose files an agent takes', () => {
    const text = kept(`${mode}/cc-runtime.yaml`);
    const resource = parse(text, { version: '1.1' });
    expect(resource).toEqual(ccRuntime(choice(mode)));
    const { config } = resource.spec;
    expect(resource.spec.runtimeName).toBe('enclave-cc');
    expect(config.payloadImage).toContain(`enclave-cc-${mode.toUpperCase()}-cc-kbc-`);
    const value = (name: string): Uint8Array =>
      Buffer.from(config.environmentVariables.find((each: { name: string }) => each.name === name).value, 'base64');
    expect(readDecryptConfig(value('DECRYPT_CONFIG'), 'x').config).toEqual({
      keyProvider: { kbc: 'cc_kbc', uri: 'https://kbs.example:8080' },
      securityValidate: true,
    });
    expect(readOcicryptConfig(value('OCICRYPT_CONFIG'), 'x').native).toBe(true);
    for (const { name, value: text } of config.environmentVariables)
      if (text !== undefined) expect(typeof text, name).toBe('string');
    // Each mount has its volume.
    expect(config.installerVolumeMounts.map(({ name }: { name: string }) => name).sort()).toEqual(
      config.installerVolumes.map(({ name }: { name: string }) => name).sort(),
    );
  });
});

test('the policies beside the samples are those of the code', () => {
  expect(kept('attestation.rego')).toBe(attestationPolicy());
  expect(kept('resource.rego')).toBe(RESOURCE_POLICY);
});

describe('containerd', () => {
  test.each([1, 2] as const)('of version %i has the runtime under the plugin that it reads', (version) => {
    const text = `version = ${version}\n${renderContainerdRuntime(version)}`;
    expect(told(lintContainerdConfig(text, 'f'))).toEqual([]);
    const other = version === 1 ? 2 : 1;
    const [finding] = lintContainerdConfig(`version = ${other}\n${renderContainerdRuntime(version)}`, 'f');
    expect(finding).toMatchObject({ outcome: 'fail', remedy: expect.stringContaining('does not read') });
  });

  test.each([
    ['x = [', 'enclave-cc.config.form'],
    ['version = 3\n', 'enclave-cc.config.value'],
    ['version = 2\n', 'enclave-cc.config.present'],
    [`version = 2\n${renderContainerdRuntime().replace('"cc"', '"kata"')}`, 'enclave-cc.config.value'],
    [`version = 2\n${renderContainerdRuntime().replace('rune', 'runc')}`, 'enclave-cc.config.value'],
    [`version = 2\n${renderContainerdRuntime().replace(/ {2}cri_handler.*\n/, '')}`, 'enclave-cc.config.present'],
  ])('with %j is refused', (text, id) => {
    const failed = lintContainerdConfig(text, 'f').filter(({ outcome }) => outcome === 'fail');
    expect(failed.map((finding) => finding.id)).toEqual([id]);
  });
});

describe('the agent’s bundle', () => {
  test.each(MODES)('of mode %s is as the linter wants it', (mode) => {
    expect(told(lintAgentBundle(agentBundleConfig(mode), 'f', mode))).toEqual([]);
  });

  const hw = agentBundleConfig('hw') as { process: JsonObject; linux: JsonObject; mounts: JsonObject[] };
  const withProcess = (change: JsonObject): JsonObject => ({ ...hw, process: { ...hw.process, ...change } });
  const withLinux = (change: JsonObject): JsonObject => ({ ...hw, linux: { ...hw.linux, ...change } });
  const env = (...texts: string[]): JsonObject => withProcess({ env: texts });
  test.each<[string, JsonObject, string[]]>([
    ['another program', withProcess({ args: ['/bin/sh', '-l', 'tcp://127.0.0.1:1'] }), ['process.args: fail']],
    ['no address', withProcess({ args: [OCCLUM_RUN, '/bin/enclave-agent'] }), ['process.args -l: warn']],
    [
      'an address for everybody',
      withProcess({ args: [OCCLUM_RUN, '/bin/enclave-agent', '-l', 'tcp://0.0.0.0:7788'] }),
      ['process.args -l: warn'],
    ],
    ['no role', env('OCCLUM_RELEASE_ENCLAVE=1', 'SGX_AESM_ADDR=1'), ['process.env.ENCLAVE_AGENT: fail']],
    [
      'simulation',
      env('ENCLAVE_AGENT=1', 'OCCLUM_RELEASE_ENCLAVE=0', 'SGX_AESM_ADDR=1'),
      ['process.env.OCCLUM_RELEASE_ENCLAVE: fail'],
    ],
    ['no AESM address', env('ENCLAVE_AGENT=TRUE', 'OCCLUM_RELEASE_ENCLAVE=1'), ['process.env.SGX_AESM_ADDR: fail']],
    ['privileges to gain', withProcess({ noNewPrivileges: false }), ['process.noNewPrivileges: warn']],
    ['a network of its own', withLinux({ namespaces: [{ type: 'network' }] }), ['linux.namespaces: fail']],
    ['no device', withLinux({ devices: [] }), ['linux.devices /dev/sgx_enclave: fail']],
    [
      'another device',
      withLinux({ devices: [{ path: '/dev/sgx_enclave', type: 'c', major: 10, minor: 126 }] }),
      ['linux.devices /dev/sgx_enclave: fail'],
    ],
    ['no AESM', { ...hw, mounts: [] }, ['mounts /var/run/aesmd: fail']],
  ])('with %s is told', (_, config, expected) => {
    expect(told(lintAgentBundle(config, 'f', 'hw'))).toEqual(expected);
  });
});

describe('Occlum.json', () => {
  test.each(MODES)('of mode %s is as the linter wants it, and keeps what else is there', (mode) => {
    const base = {
      feature: { amx: 0 },
      metadata: { product_id: 3, debuggable: mode === 'hw' },
      env: { default: ['OCCLUM=yes', 'LD_LIBRARY_PATH=/x'], untrusted: [] },
      mount: [{ target: '/host', type: 'hostfs', source: '.' }],
    };
    const config = occlumConfig(base, mode);
    expect(told(lintOcclumConfig(config, 'f', mode))).toEqual([]);
    expect(config).toMatchObject({ feature: { amx: 0 }, metadata: { product_id: 3, debuggable: mode === 'sim' } });
    expect(occlumConfig(config, mode)).toEqual(config);
  });

  const good = occlumConfig({}, 'hw');
  test.each<[string, JsonObject, string[]]>([
    ['a debuggable enclave', { ...good, metadata: { debuggable: true } }, ['metadata.debuggable: fail']],
    ['nothing about debugging', { ...good, metadata: {} }, ['metadata.debuggable: fail']],
    ['more entry points', { ...good, entry_points: ['/bin/enclave-agent', '/bin'] }, ['entry_points: fail']],
    ['no entry point', { ...good, entry_points: [] }, ['entry_points: fail']],
    [
      'other limits',
      { ...good, resource_limits: {} },
      [
        'resource_limits.user_space_size: warn',
        'resource_limits.kernel_space_heap_size: warn',
        'resource_limits.kernel_space_stack_size: warn',
        'resource_limits.max_num_of_threads: warn',
      ],
    ],
    ['no role of the host', { ...good, env: { untrusted: [] } }, ['env.untrusted: fail']],
    ['more of the host', { ...good, env: { untrusted: ['ENCLAVE_AGENT', 'KEY'] } }, ['env.untrusted: warn']],
    ['no configuration', { ...good, mount: [] }, ['mount /etc/: fail']],
    ['another one', { ...good, mount: [{ target: '/etc', type: 'sefs', source: '/configs' }] }, ['mount /etc/: fail']],
    [
      'keys of the host',
      { ...good, mount: [...(good['mount'] as JsonObject[]), { target: '/keys/', type: 'hostfs', source: '/keys' }] },
      ['mount /keys/: warn'],
    ],
  ])('with %s is told', (_, config, expected) => {
    expect(told(lintOcclumConfig(config, 'f', 'hw'))).toEqual(expected);
  });
});

describe('a pod', () => {
  const spec = (samplePod({ mode: 'hw', image: 'r.example/a:v1', command: ['/bin/a'] }) as { spec: JsonObject }).spec;
  const [container] = spec['containers'] as [JsonObject];
  const withContainer = (...changes: JsonObject[]): JsonObject => ({
    ...spec,
    containers: changes.map((change) => ({ ...container, ...change })),
  });
  test.each<[string, JsonObject, string[]]>([
    ['another runtime class', { ...spec, runtimeClassName: 'kata' }, ['x runtimeClassName: fail']],
    ['no container', { ...spec, containers: [] }, ['x containers: fail']],
    ['a program on the host', withContainer({ command: ['/bin/a'] }), ['x app.command: fail']],
    ['another folder', withContainer({ workingDir: '/' }), ['x app.workingDir: fail']],
    [
      'simulation',
      withContainer({ env: [{ name: 'OCCLUM_RELEASE_ENCLAVE', value: '0' }] }),
      ['x app.env.OCCLUM_RELEASE_ENCLAVE: fail'],
    ],
    ['no mode', withContainer({ env: [] }), ['x app.env.OCCLUM_RELEASE_ENCLAVE: fail']],
    [
      'the role of the agent',
      withContainer({
        env: [
          { name: 'OCCLUM_RELEASE_ENCLAVE', value: '1' },
          { name: 'ENCLAVE_AGENT', value: 'true' },
        ],
      }),
      ['x app.env.ENCLAVE_AGENT: fail'],
    ],
    ['no memory of enclaves', withContainer({ resources: {} }), ['x app.resources.limits."sgx.intel.com/epc": fail']],
    ['an image without a name', withContainer({ image: 'r.example/' }), ['x r.example/: fail']],
    [
      'an image by digest',
      withContainer({ image: `r.example/a@sha256:${'0'.repeat(64)}` }),
      [`x r.example/a@sha256:${'0'.repeat(64)}: fail`],
    ],
    [
      'two images of one name',
      withContainer({ image: 'r.example/a:v1' }, { image: 'other.example/a:v1' }),
      ['x other.example/a:v1: fail'],
    ],
    ['one image twice', withContainer({}, {}), []],
  ])('with %s is told', (_, changed, expected) => {
    expect(told(lintPodSpec(changed, 'Pod x', 'hw'))).toEqual(expected);
  });
});

describe('a node', () => {
  const root = temporaryFolder('enclave-node-');
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const agent = '/opt/confidential-containers/share/enclave-cc-agent-instance';
  const boot = '/opt/confidential-containers/share/enclave-cc-boot-instance';

  test('without an installation lacks everything', async () => {
    const findings = await lintHost(root, 'hw');
    expect(findings.map(({ id, outcome }) => [id, outcome])).toEqual(
      Array(3).fill(['enclave-cc.config.present', 'fail']),
    );
    expect(findings[0]).toMatchObject({ remedy: expect.stringContaining(SHIM_CONFIG_FILE) });
  });

  test('is checked file by file', async () => {
    const text = async (kind: (typeof FILE_KINDS)[number]) => (await renderFile(kind, choice('hw'))).text;
    put(SHIM_CONFIG_FILE, await text('shim-config'));
    put('/etc/containerd/config.toml', `version = 2\n${await text('containerd')}`);
    mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
    symlinkSync('/opt/confidential-containers/bin/x', join(root, 'usr/local/bin/containerd-shim-rune-v2'));
    put(`${agent}/config.json`, await text('agent-bundle'));
    put(`${agent}/rootfs/configs/decrypt_config.conf`, await text('decrypt-config'));
    put(`${agent}/rootfs/configs/ocicrypt.conf`, await text('ocicrypt-config'));
    put(`${agent}/rootfs${OCCLUM_RUN}`, '');
    put(`${boot}/rootfs${OCCLUM_RUN}`, '');
    expect(told(await lintHost(root, 'hw'))).toEqual([]);
    rmSync(join(root, `${boot}/rootfs${OCCLUM_RUN}`));
    put(`${agent}/config.json`, '[]');
    put(`${agent}/rootfs/configs/ocicrypt.conf`, '{');
    expect((await lintHost(root, 'hw')).filter(({ outcome }) => outcome === 'fail').map(({ id }) => id)).toEqual([
      'enclave-cc.config.form',
      'enclave-cc.config.form',
      'enclave-cc.config.present',
    ]);
    put(SHIM_CONFIG_FILE, ' '.repeat(4 * 1024 * 1024 + 1));
    const [finding] = await lintHost(root, 'hw');
    expect(finding).toMatchObject({ id: 'enclave-cc.config.form', title: expect.stringContaining('larger than') });
    rmSync(join(root, SHIM_CONFIG_FILE));
    mkdirSync(join(root, SHIM_CONFIG_FILE));
    await expect(lintHost(root, 'hw')).rejects.toMatchObject({ code: 'EISDIR' });
    rmSync(join(root, SHIM_CONFIG_FILE), { recursive: true });
    rmSync(join(root, 'usr/local/bin'), { recursive: true });
    symlinkSync('bin', join(root, 'usr/local/bin'));
    await expect(lintHost(root, 'hw')).rejects.toMatchObject({ code: 'ELOOP' });
  });
});

describe('installing', () => {
  test('fills both instances from one archive, and makes the folder that upstream’s script forgets', () => {
    const words = planInstall(PACKAGED_SHIM_CONFIG).map(installStepInWords);
    expect(words.filter((line) => line.startsWith('tar -xf unified-instance.tar'))).toEqual([
      `tar -xf unified-instance.tar -C ${agentRoot()}`,
      `tar -xf unified-instance.tar -C ${agentRoot().replace('agent', 'boot')}`,
    ]);
    const at = (part: string): number => words.findIndex((line) => line.includes(part));
    expect(at('mkdir -p /etc/enclave-cc')).toBeGreaterThan(-1);
    expect(at('mkdir -p /etc/enclave-cc')).toBeLessThan(at('shim-rune-config.toml'));
    expect(at('cp -n /etc/containerd/config.toml')).toBeLessThan(at('>> /etc/containerd/config.toml'));
    expect(words.at(-1)).toBe('kubectl label node $NODE_NAME --overwrite confidentialcontainers.org/enclave-cc=true');
  });

  test('is undone', () => {
    const words = planUninstall(PACKAGED_SHIM_CONFIG).map(installStepInWords);
    expect(words[0]).toContain('cp /etc/containerd/config.toml.bak /etc/containerd/config.toml');
    expect(words).toContain('kubectl label node $NODE_NAME --overwrite confidentialcontainers.org/enclave-cc=cleanup');
    expect(words.filter((line) => line.startsWith('rm -rf '))).toEqual([
      `rm -rf ${agentRoot().replace('/rootfs', '')}`,
      `rm -rf ${agentRoot().replace('/rootfs', '').replace('agent', 'boot')}`,
      'rm -rf /run/containerd/agent-enclave',
      'rm -rf /opt/confidential-containers/bin/containerd-shim-rune-v2',
    ]);
    expect(RESET_PLAN.map(installStepInWords)).toEqual([
      'kubectl label node $NODE_NAME --overwrite confidentialcontainers.org/enclave-cc-',
      'systemctl restart containerd',
    ]);
  });
});

function agentRoot(): string {
  return `${PACKAGED_SHIM_CONFIG.agentInstance}rootfs`;
}
