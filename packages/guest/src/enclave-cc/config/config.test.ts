import { encodeUtf8, type JsonValue } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readDecryptConfig, renderDecryptConfig, STRICTEST_DECRYPT_CONFIG } from './decrypt-config.js';
import { formatKeyProvider, parseKeyProvider } from './key-provider.js';
import { readOcicryptConfig, renderOcicryptConfig } from './ocicrypt-config.js';
import { isLoopback, isTcpUrl, PACKAGED_SHIM_CONFIG, readShimConfig, renderShimConfig } from './shim-config.js';

const told = (findings: readonly { outcome: string; id: string; subject?: string }[]): string[] =>
  findings
    .filter(({ outcome }) => outcome !== 'pass')
    .map(({ id, subject, outcome }) => `${id.replace('enclave-cc.config.', '')} ${subject} ${outcome}`);

describe('the shim’s configuration', () => {
  const text = renderShimConfig(PACKAGED_SHIM_CONFIG);

  test('is written as it is read', () => {
    const { config, findings } = readShimConfig(text, 'f');
    expect(config).toEqual(PACKAGED_SHIM_CONFIG);
    expect(told(findings)).toEqual([]);
  });

  test('names file, key and remedy of all that is wrong with it', () => {
    const { config, findings } = readShimConfig(
      'log_level = "loud"\nruntime_clas = "runc"\n[containerd]\nagent_url = 7\n',
      'dir/f',
    );
    expect(config).toBeUndefined();
    expect(told(findings)).toEqual([
      'key dir/f runtime_clas warn',
      'present dir/f runtime_class fail',
      'value dir/f log_level fail',
      'present dir/f containerd.agent_container_instance fail',
      'present dir/f containerd.agent_container_root_dir fail',
      'value dir/f containerd.agent_url fail',
      'present dir/f containerd.boot_container_instance fail',
    ]);
    expect(findings[0]).toMatchObject({ remedy: 'Write runtime_class in dir/f, if that is meant.' });
    expect(findings[2]).toMatchObject({
      title: 'log_level of f is "loud"',
      remedy: 'Set log_level in dir/f to one of trace, debug, info, warn, error, fatal, panic.',
    });
  });

  const [, agentLine = ''] = /^(agent_url = .*)$/m.exec(text) ?? [];
  test.each<[string, string, string[], boolean]>([
    ['no TOML', 'x = [', ['form f fail'], false],
    [
      'no table',
      text.replace('[containerd]', 'containerd = 1\n[other]'),
      ['key f other warn', 'value f containerd fail'],
      false,
    ],
    ['another scheme', text.replace('tcp://', 'vsock://'), ['value f containerd.agent_url fail'], false],
    ['no port', text.replace(':7788', ''), ['value f containerd.agent_url fail'], false],
    ['port 0', text.replace(':7788', ':0'), ['value f containerd.agent_url fail'], false],
    ['port 65536', text.replace(':7788', ':65536'), ['value f containerd.agent_url fail'], false],
    ['another machine', text.replace('127.0.0.1', '10.0.0.1'), ['value f containerd.agent_url warn'], true],
    ['a relative folder', text.replace('"/run/', '"run/'), ['value f containerd.agent_container_root_dir fail'], false],
    [
      'a folder that parts options',
      text.replace('"/run/', '"/run,x/'),
      ['value f containerd.agent_container_root_dir fail'],
      false,
    ],
    ['an empty runtime', text.replace('"runc"', '""'), ['value f runtime_class fail'], false],
    ['no table of containerd', text.slice(0, text.indexOf('[containerd]')), ['present f containerd fail'], false],
    ['an unknown key', text.replace(agentLine, `${agentLine}\nqwertz = 1`), ['key f containerd.qwertz warn'], true],
  ])('with %s', (_, changed, expected, usable) => {
    expect(changed).not.toBe(text);
    const { config, findings } = readShimConfig(changed, 'f');
    const rest = expected[0]?.includes('f containerd fail') || expected[1]?.includes('f containerd fail');
    expect(told(findings).slice(0, expected.length)).toEqual(expected);
    if (rest !== true) expect(told(findings)).toHaveLength(expected.length);
    expect(config !== undefined).toBe(usable);
  });

  test('knows which addresses are of this machine', () => {
    expect(
      ['unix:///x', 'tcp://127.0.0.1:1', 'tcp://127.1.2.3:1', 'tcp://localhost:1', 'tcp://[::1]:1'].every(isLoopback),
    ).toBe(true);
    expect(
      ['tcp://0.0.0.0:1', 'tcp://10.0.0.1:1', 'tcp://127.0.0.1.example:1', 'tcp://localhost.x:1'].some(isLoopback),
    ).toBe(false);
    expect(['tcp://a.b-c:1', 'tcp://[fe80::1]:65535'].every(isTcpUrl)).toBe(true);
    expect(['tcp://', 'tcp://a', 'tcp://a:b', 'http://a:1', 'tcp://a:1/x', 'tcp:// :1'].some(isTcpUrl)).toBe(false);
  });

  test('fuzz: what is usable is read again as it was; nothing else throws', () => {
    const line = fc.constantFrom(
      ...text.split('\n'),
      '[containerd]',
      'agent_url = ""',
      'runtime_class = 1',
      '[[containerd]]',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(line).map((lines) => lines.join('\n')),
        ),
        (changed) => {
          const { config, findings } = readShimConfig(changed, 'f');
          expect(config === undefined).toBe(findings.some(({ outcome }) => outcome === 'fail'));
          if (config !== undefined) expect(readShimConfig(renderShimConfig(config), 'f').config).toEqual(config);
        },
      ),
      { numRuns: fuzzRuns(300) },
    );
  });
});

describe('the decrypt configuration', () => {
  const provider = 'provider:attestation-agent:cc_kbc::http://127.0.0.1:8080';
  const read = (value: JsonValue | string) =>
    readDecryptConfig(encodeUtf8(typeof value === 'string' ? value : JSON.stringify(value)), 'f');

  test('is written as it is read', () => {
    for (const validate of [true, false]) {
      const { config } = read(renderDecryptConfig(provider, validate));
      expect(config).toEqual({
        keyProvider: { kbc: 'cc_kbc', uri: 'http://127.0.0.1:8080' },
        securityValidate: validate,
      });
    }
    expect(read(renderDecryptConfig(undefined, true)).config).toEqual(STRICTEST_DECRYPT_CONFIG);
  });

  test.each<[string, JsonValue | string, boolean, string[]]>([
    ['is empty', {}, true, ['value f key_provider warn']],
    ['has nulls', { key_provider: null, security_validate: null }, true, ['value f key_provider warn']],
    [
      'asks for no signatures',
      { key_provider: provider, security_validate: false },
      false,
      ['trust f security_validate warn'],
    ],
    [
      'asks for no signatures, without a broker',
      { security_validate: false },
      false,
      ['trust f security_validate warn', 'value f key_provider warn'],
    ],
    [
      'has a key that nothing reads',
      { key_provider: provider, security_valdate: false },
      true,
      ['key f security_valdate warn'],
    ],
    ['is no JSON', '{', true, ['form f fail']],
    ['is empty text', '', true, ['form f fail']],
    ['is a list', [], true, ['form f fail']],
    ['says a thing twice', '{"security_validate":true,"security_validate":false}', true, ['form f fail']],
    [
      'has a text for a truth',
      { key_provider: provider, security_validate: 'false' },
      true,
      ['value f security_validate fail'],
    ],
    ['has a number for a provider', { key_provider: 1, security_validate: false }, true, ['value f key_provider fail']],
    ['is too large', `{"key_provider":"${'x'.repeat(65536)}"}`, true, ['form f fail']],
  ])('that %s', (_, value, validate, expected) => {
    const { config, findings } = read(value);
    expect(told(findings)).toEqual(expected);
    expect(config.securityValidate).toBe(validate);
    // What is refused is the strictest there is, whatever else stands in the file.
    if (findings.some(({ outcome }) => outcome === 'fail')) expect(config).toEqual(STRICTEST_DECRYPT_CONFIG);
  });

  test.each<[string, string[], string | undefined]>([
    ['provider:attestation-agent:sample_kbc::127.0.0.1:1', ['trust f key_provider warn'], 'sample_kbc'],
    ['provider:attestation-agent:eaa_kbc::127.0.0.1:1', ['value f key_provider fail'], undefined],
    ['provider:attestation-agent:cc_kbc::127.0.0.1:8080', ['value f key_provider fail'], undefined],
    ['provider:attestation-agent:cc_kbc::ftp://x', ['value f key_provider fail'], undefined],
    ['provider:attestation-agent:cc_kbc::http://[::1]:1', ['value f key_provider fail'], undefined],
    ['provider:attestation-agent:cc_kbc', ['value f key_provider fail'], undefined],
    ['provider:other:cc_kbc::http://x', ['value f key_provider fail'], undefined],
    ['attestation-agent:cc_kbc::http://x', ['value f key_provider fail'], undefined],
    ['', ['value f key_provider fail'], undefined],
  ])('with the provider %j', (text, expected, kbc) => {
    const { config, findings } = read({ key_provider: text });
    expect(told(findings)).toEqual(expected);
    expect(config.keyProvider?.kbc).toBe(kbc);
    expect(config.securityValidate).toBe(true);
  });

  test.each([
    '',
    'provider:attestation-agent:',
    'provider:attestation-agent:::http://x',
    'provider:attestation-agent:cc_kbc::',
    'provider:attestation-agent:a::b::c',
    'x:cc_kbc::http://x',
  ])('the provider %j is none', (text) => {
    expect(() => parseKeyProvider(text)).toThrow('KBC::URI');
  });

  test('fuzz: whatever bytes it has, signatures are asked for unless it plainly says no', () => {
    const value = fc.record(
      {
        key_provider: fc.oneof(fc.string(), fc.constant(provider), fc.jsonValue()),
        security_validate: fc.oneof(fc.boolean(), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      value.map((each) => encodeUtf8(JSON.stringify(each))),
    );
    fc.assert(
      fc.property(bytes, (each) => {
        const { config } = readDecryptConfig(each, 'f');
        if (!config.securityValidate)
          expect(JSON.parse(Buffer.from(each).toString())).toHaveProperty('security_validate', false);
        if (config.keyProvider !== undefined)
          expect(parseKeyProvider(formatKeyProvider(config.keyProvider))).toEqual(config.keyProvider);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});

describe('the ocicrypt configuration', () => {
  test.each<[string, string, boolean, boolean, string[]]>([
    ['as it is written', renderOcicryptConfig(), true, true, []],
    ['no JSON', '{', false, false, ['form f fail']],
    ['no providers', '{}', false, false, ['form f fail']],
    ['none for images', '{"key-providers":{}}', true, false, ['present f key-providers.attestation-agent fail']],
    [
      'another process',
      '{"key-providers":{"attestation-agent":{"grpc":"127.0.0.1:50000"}}}',
      true,
      false,
      ['value f key-providers.attestation-agent fail'],
    ],
    [
      'another built-in one',
      '{"key-providers":{"attestation-agent":{"native":"other"}}}',
      true,
      false,
      ['value f key-providers.attestation-agent.native fail'],
    ],
    [
      'one more',
      '{"key-providers":{"attestation-agent":{"native":"attestation-agent"},"other":{"native":"x"}}}',
      true,
      true,
      ['key f key-providers.other warn'],
    ],
  ])('with %s', (_, text, parses, native, expected) => {
    const reading = readOcicryptConfig(encodeUtf8(text), 'f');
    expect([reading.providers !== undefined, reading.native, told(reading.findings)]).toEqual([
      parses,
      native,
      expected,
    ]);
  });

  test('fuzz: no bytes make it throw', () => {
    const value = fc.record({ 'key-providers': fc.jsonValue() }).map((each) => encodeUtf8(JSON.stringify(each)));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), value), (bytes) => {
        const { native, providers } = readOcicryptConfig(bytes, 'f');
        if (native) expect(providers?.get('attestation-agent')?.kind).toBe('native');
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});
