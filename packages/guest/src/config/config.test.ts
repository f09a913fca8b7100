import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { agentConfigOf, parseAgentConfig } from './agent-config.js';
import { ConfigError } from './config-error.js';
import { AGENT_SOCKET, DATA_HUB_SOCKET, parseDataHubConfig } from './data-hub-config.js';
import { readConfigFile } from './document.js';
import { DEFAULT_IMAGE_CONFIG } from './image-config.js';
import { kbcParamsOf, kernelParameter, parseKbcParams, readKernelCommandLine } from './kbc-params.js';

const folder = temporaryFolder('config-');
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe('documents', () => {
  test('TOML, JSON and YAML say the same', async () => {
    const expected = { kbc: { name: 'cc_kbc' }, flag: true };
    expect(await readConfigFile(file('a.toml', 'flag = true\n[kbc]\nname = "cc_kbc"\n'))).toEqual(expected);
    expect(await readConfigFile(file('a.json', '{"kbc":{"name":"cc_kbc"},"flag":true}'))).toEqual(expected);
    for (const name of ['a.yaml', 'a.YML'])
      expect(await readConfigFile(file(name, 'flag: true\nkbc:\n  name: cc_kbc\n'))).toEqual(expected);
  });

  test.each([
    ['a.conf', 'flag = true', /\.conf is none/],
    ['noextension', '', /no extension/],
    ['b.toml', 'password = "secret', /TOML/],
    ['b.json', '{"password":"secret"', /JSON/],
    ['b.yaml', 'a: [secret', /YAML/],
    ['c.yaml', 'a: 1\na: 2', /YAML/],
    ['c.json', '[]', /not a table/],
    ['d.json', ' '.repeat(1024 * 1024 + 1), /larger/],
  ])('%s is refused, without its content', async (name, text, reason) => {
    const error = await readConfigFile(file(name, text)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toMatch(reason);
    expect(String(error)).not.toContain('secret');
  });

  test('a file that is not there is the system’s error', async () => {
    await expect(readConfigFile(join(folder, 'none.toml'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('the key broker client', () => {
  test('is named on the kernel’s command line, or in the environment, which wins', () => {
    const line = 'root=/dev/vda agent.aa_kbc_params=cc_kbc::http://a:8080 agent.x=y\n';
    expect(kbcParamsOf({}, line)).toEqual({ name: 'cc_kbc', uri: 'http://a:8080' });
    expect(kbcParamsOf({ AA_KBC_PARAMS: 'offline_fs_kbc::null' }, line)).toEqual({
      name: 'offline_fs_kbc',
      uri: 'null',
    });
    expect(kbcParamsOf({}, 'root=/dev/vda')).toEqual({ name: 'offline_fs_kbc', uri: '' });
    expect((['first', 'last'] as const).map((which) => kernelParameter('a.b=1 a.b=2', 'a.b', which))).toEqual([
      '1',
      '2',
    ]);
    expect(kernelParameter('xa.b=1', 'a.b', 'first')).toBeUndefined();
    // Upstream's agent and data hub take the first.
    const twice = 'agent.aa_kbc_params=cc_kbc::http://a agent.aa_kbc_params=cc_kbc::http://b';
    expect(kbcParamsOf({}, twice)).toEqual({ name: 'cc_kbc', uri: 'http://a' });
  });

  test.each(['cc_kbc', 'cc_kbc::http://[::1]:80', '', '::x', 'a::b::c'])('%j is none', (text) => {
    expect(() => parseKbcParams(text)).toThrow(ConfigError);
  });

  test('the kernel’s command line is read where there is one', async () => {
    expect(await readKernelCommandLine(join(folder, 'none'))).toBe('');
    expect((await readKernelCommandLine('/')).length).toBeGreaterThan(0);
  });
});

describe('the agent', () => {
  test('has settings for two kinds of token and the event log', () => {
    expect(
      parseAgentConfig({
        token_configs: {
          coco_as: { url: 'http://as:1' },
          kbs: { url: 'https://kbs', cert: 'PEM', tee_key_algorithm: 'RSA-OAEP-256' },
        },
        eventlog_config: { init_pcr: 16, enable_eventlog: true, eventlog_algorithm: 'sha256' },
        log: { level: 'debug' },
      }),
    ).toEqual({
      cocoAs: { url: 'http://as:1' },
      kbs: { url: 'https://kbs', cert: 'PEM', teeKeyAlgorithm: 'RSA-OAEP-256' },
      eventLog: { initPcr: 16, enabled: true },
    });
    expect(parseAgentConfig({})).toEqual({ eventLog: { initPcr: 17, enabled: false } });
    expect(parseAgentConfig({ token_configs: { kbs: { url: 'http://k', cert: ' ' } } }).kbs).toEqual({
      url: 'http://k',
      teeKeyAlgorithm: 'ECDH-ES+A256KW-P256',
    });
  });

  test.each([
    [{ token_configs: { kbs: {} } }, /kbs\.url/],
    [{ token_configs: { kbs: { url: 'ftp://x' } } }, /kbs\.url/],
    [{ token_configs: { coco_as: { url: 1 } } }, /coco_as\.url/],
    [{ token_configs: { kbs: { url: 'http://x', tee_key_algorithm: 'RSA1_5' } } }, /tee_key_algorithm/],
    [{ token_configs: { kbs: { url: 'http://x', cert: 1 } } }, /cert/],
    [{ token_configs: [] }, /token_configs/],
    [{ eventlog_config: { init_pcr: 24 } }, /init_pcr/],
    [{ eventlog_config: { init_pcr: 1.5 } }, /init_pcr/],
    [{ eventlog_config: { init_pcr: -1 } }, /init_pcr/],
    [{ eventlog_config: { enable_eventlog: 'true' } }, /enable_eventlog/],
  ])('%j is refused', (document, reason) => {
    expect(() => parseAgentConfig(document)).toThrow(reason);
  });

  test('without a file knows the broker of cc_kbc only', () => {
    expect(agentConfigOf({ name: 'cc_kbc', uri: 'http://a' }).kbs?.url).toBe('http://a');
    expect(agentConfigOf({ name: 'offline_fs_kbc', uri: '' }).kbs).toBeUndefined();
    expect(() => agentConfigOf({ name: 'cc_kbc', uri: 'nonsense' })).toThrow(ConfigError);
  });
});

describe('the data hub', () => {
  const none = { name: 'offline_fs_kbc', uri: '' };
  const bare = { env: {}, commandLine: '' };
  const path = '/run/confidential-containers/cdh/kbs/a/b.json';

  test('has defaults', () => {
    expect(parseDataHubConfig({ kbc: { name: 'cc_kbc' } }, none, bare)).toEqual({
      socket: DATA_HUB_SOCKET,
      agentSocket: AGENT_SOCKET,
      kbc: { name: 'cc_kbc', uri: '' },
      credentials: [],
      skipSealedSecretVerification: false,
      image: DEFAULT_IMAGE_CONFIG,
    });
    expect(parseDataHubConfig(undefined, none, bare).kbc).toBe(none);
  });

  test('is what the file says; the environment wins over it', () => {
    const document = {
      socket: 'unix:///s',
      aa: { aa_socket: 'unix:///a' },
      kbc: { name: 'cc_kbc', url: 'https://k', kbs_cert: 'PEM' },
      credentials: [{ resource_uri: 'kbs:///a/b/c', path }],
      skip_sealed_secret_verification: true,
      image: {},
    };
    expect(parseDataHubConfig(document, none, bare)).toMatchObject({
      socket: 'unix:///s',
      agentSocket: 'unix:///a',
      kbc: { name: 'cc_kbc', uri: 'https://k' },
      kbsCert: 'PEM',
      credentials: [{ path, uri: { segments: ['a', 'b', 'c'] } }],
      skipSealedSecretVerification: true,
    });
    const env = { AA_KBC_PARAMS: 'x::y', AA_SOCKET: 'unix:///e', KBS_CERT: 'OTHER' };
    expect(parseDataHubConfig(document, { name: 'x', uri: 'y' }, { env, commandLine: '' })).toMatchObject({
      agentSocket: 'unix:///e',
      kbc: { name: 'x', uri: 'y' },
      kbsCert: 'OTHER',
    });
  });

  test('the kernel’s command line adds credentials', () => {
    const commandLine = `cdh.kbs_resources=kbs:///a/b/c::${path},kbs:///d/e/f::${path}2`;
    expect(parseDataHubConfig(undefined, none, { env: {}, commandLine }).credentials.map((each) => each.path)).toEqual([
      path,
      `${path}2`,
    ]);
    for (const bad of ['kbs:///a/b/c', `kbs:///a/b/c::${path}::x`])
      expect(() => parseDataHubConfig(undefined, none, { env: {}, commandLine: `cdh.kbs_resources=${bad}` })).toThrow(
        ConfigError,
      );
  });

  test.each([
    '/etc/passwd',
    '/run/confidential-containers/cdh/kbs',
    '/run/confidential-containers/cdh/kbs/',
    '/run/confidential-containers/cdh/kbs-other/x',
    '/run/confidential-containers/cdh/kbs/../x',
    '/run/confidential-containers/cdh/kbs/./x',
    'run/confidential-containers/cdh/kbs/x',
  ])('a credential is not written to %s', (bad) => {
    const document = { kbc: { name: 'cc_kbc' }, credentials: [{ resource_uri: 'kbs:///a/b/c', path: bad }] };
    expect(() => parseDataHubConfig(document, none, bare)).toThrow(ConfigError);
  });

  test.each([
    [{}, /kbc\.name/],
    [{ kbc: { name: 1 } }, /kbc\.name/],
    [{ kbc: { name: 'cc_kbc' }, socket: 1 }, /socket/],
    [{ kbc: { name: 'cc_kbc' }, skip_sealed_secret_verification: 'true' }, /skip_sealed/],
    [{ kbc: { name: 'cc_kbc' }, credentials: {} }, /credentials/],
    [{ kbc: { name: 'cc_kbc' }, credentials: [{ path }] }, /credentials\[0\]/],
  ])('%j is refused', (document, reason) => {
    expect(() => parseDataHubConfig(document, none, bare)).toThrow(reason);
  });
});
