import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { describe, expect, test } from 'vitest';
import { fatalIssues, renderIssue } from './issues.js';
import { defaultSettings, loadConfig } from './load.js';

function file(name: string, text: string): string {
  const path = join(temporaryFolder('assay-config-'), name);
  writeFileSync(path, text);
  return path;
}

describe('an Assay configuration', () => {
  test('is complete without a file', () => {
    const { settings, issues } = loadConfig({});
    expect(issues).toEqual([]);
    expect(settings).toEqual(defaultSettings());
    expect(settings?.http.listen).toEqual(['127.0.0.1:8080']);
    expect(settings?.http.insecure_http).toBe(false);
  });

  test('takes file, then environment, then flags', () => {
    const path = file('assay.toml', '[http]\nlisten = ["127.0.0.1:1"]\nbody_limit = 4096\n[session]\ntimeout = 7\n');
    const { settings } = loadConfig({
      file: path,
      env: { ASSAY_HTTP_LISTEN: '127.0.0.1:2, 127.0.0.1:3', ASSAY_SESSION_TIMEOUT: '9', ASSAY_TOKEN: 'not a setting' },
      flags: { 'http.listen': ['127.0.0.1:4'] },
    });
    expect(settings?.http.listen).toEqual(['127.0.0.1:4']);
    expect(settings?.session.timeout).toBe(9);
    expect(settings?.http.body_limit).toBe(4096);
  });

  test.each([
    ['unknown key', '[http]\nlisen = ["x"]\n', 'assay.toml:2: `http.lisen` is not a setting; nearest is `http.listen`'],
    ['unknown section', '[htp]\na = 1\n', 'assay.toml:1: `htp` is not a setting'],
    [
      'wrong type',
      '[session]\n\ntimeout = "5"\n',
      'assay.toml:3: `session.timeout` is `"5"`; integer, 1 to 1440 is wanted',
    ],
    ['out of range', '[http]\nbody_limit = 5\n', '`http.body_limit` is `5`'],
    ['not TOML', '[http\n', 'assay.toml is does not parse'],
  ])('refuses: %s', (_what, text, message) => {
    const { settings, issues } = loadConfig({ file: file('assay.toml', text) });
    expect(settings).toBeUndefined();
    const rendered = fatalIssues(issues).map(renderIssue).join('\n');
    expect(rendered).toContain(message.replace(' is does not', ': does not'));
  });

  test('finds every issue at once', () => {
    const { issues } = loadConfig({
      file: file('a.toml', '[http]\nx = 1\n[session]\ntimeout = 0\n'),
      env: { ASSAY_NOPE: '1' },
    });
    expect(issues.map((i) => i.key).sort()).toEqual(['ASSAY_NOPE', 'http.x', 'session.timeout']);
  });

  test('says nothing of a secret setting of the wrong form', () => {
    const { issues } = loadConfig({ file: file('a.toml', '[storage]\npostgres_url = ["postgres://u:hunter2@h/d"]\n') });
    expect(issues.map(renderIssue).join()).not.toContain('hunter2');
    expect(fatalIssues(issues)).toHaveLength(1);
  });

  test('takes no gRPC token that could be guessed, and does not repeat it', () => {
    const { issues } = loadConfig({ env: { ASSAY_GRPC_TOKEN: 'fifteen-letters' } });
    expect(fatalIssues(issues).map((i) => i.key)).toEqual(['grpc.token']);
    expect(issues.map(renderIssue).join()).not.toContain('fifteen');
    expect(fatalIssues(loadConfig({ env: { ASSAY_GRPC_TOKEN: 'sixteen-letters-' } }).issues)).toEqual([]);
  });

  test('takes a proxy from the conventional variables, weaker than a file', () => {
    const env = { HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: 'localhost, .example.com,' };
    expect(loadConfig({ env }).settings?.collateral).toMatchObject({
      proxy: 'http://proxy:3128',
      no_proxy: ['localhost', '.example.com'],
    });
    expect(loadConfig({ env: { ...env, https_proxy: 'http://lower:1' } }).settings?.collateral.proxy).toBe(
      'http://lower:1',
    );
    const path = file('assay.toml', '[collateral]\nproxy = "off"\nallow_http = true\n');
    expect(loadConfig({ file: path, env }).settings?.collateral).toMatchObject({ proxy: 'off', allow_http: true });
    expect(loadConfig({ env: { ...env, ASSAY_COLLATERAL_PROXY: 'off' } }).settings?.collateral.proxy).toBe('off');
    expect(loadConfig({ env: { HTTPS_PROXY: '', NO_PROXY: 'x' } }).settings?.collateral).toMatchObject({
      no_proxy: [],
    });
    expect(loadConfig({}).settings?.collateral.proxy).toBeUndefined();
  });

  test('warns of what is insecure', () => {
    const { issues } = loadConfig({
      flags: {
        'http.insecure_http': true,
        'admin.authorization_mode': 'InsecureAllowAll',
        'attestation_token.insecure_header_jwk': true,
      },
    });
    expect(issues.filter((i) => i.id === 'config.value.insecure').map((i) => i.key)).toEqual([
      'http.insecure_http',
      'admin.authorization_mode',
      'attestation_token.insecure_header_jwk',
    ]);
  });

  test('says that a file is missing', () => {
    const { issues } = loadConfig({ file: '/nonexistent/assay.toml' });
    expect(renderIssue(issues[0] ?? { id: 'config.file.form', where: '', key: '' })).toBe(
      'assay.toml: cannot be read (ENOENT)',
    );
  });
});

const minimalTrustee = `[http_server]
insecure_http = true
sockets = ["0.0.0.0:8080"]
payload_request_size = 3
[admin]
authorization_mode = "InsecureAllowAll"
[attestation_token]
insecure_header_jwk = true
[attestation_service]
type = "coco_as_builtin"
timeout = 10
[attestation_service.rvps_config]
type = "BuiltIn"
[attestation_service.attestation_token_broker]
duration_min = 20
[storage_backend]
storage_type = "LocalFs"
[storage_backend.backends.local_fs]
dir_path = "/opt/confidential-containers/storage"
[[plugins]]
name = "resource"
storage_backend_type = "kvstorage"
[[plugins]]
name = "Sample"
item = "value1"
`;

describe('a Trustee KBS configuration', () => {
  test('is read as it stands, and what has no effect is named', () => {
    const { settings, issues, dialect } = loadConfig({ file: file('kbs-config.toml', minimalTrustee) });
    expect(dialect).toBe('trustee');
    expect(fatalIssues(issues)).toEqual([]);
    expect(settings?.http).toMatchObject({
      insecure_http: true,
      listen: ['0.0.0.0:8080'],
      body_limit: 3 * 1024 * 1024,
    });
    expect(settings?.session.timeout).toBe(10);
    expect(settings?.attestation_service).toMatchObject({ type: 'builtin', duration: 20 });
    expect(settings?.plugins).toEqual([{ name: 'sample', item: 'value1' }]);
    const unhonoured = issues.filter((i) => i.id === 'config.key.honoured');
    expect(unhonoured.map((i) => i.key)).toEqual(['storage_backend.storage_type']);
    expect(renderIssue(unhonoured[0] ?? { id: 'config.file.form', where: '', key: '' })).toMatch(
      /^kbs-config\.toml:\d+: /,
    );
  });

  test('is read in YAML and JSON too', () => {
    const yaml = 'http_server:\n  insecure_http: true\nadmin:\n  authorization_mode: DenyAll\n';
    const json = '{"http_server":{"insecure_http":true},"admin":{"authorization_mode":"DenyAll"}}';
    for (const [name, text] of [
      ['k.yaml', yaml],
      ['k.json', json],
    ] as const) {
      const { settings, dialect } = loadConfig({ file: file(name, text) });
      expect(dialect).toBe('trustee');
      expect(settings?.admin.authorization_mode).toBe('DenyAll');
    }
  });

  test('names unknown settings, Intel Trust Authority and missing sections', () => {
    const text = '[http_server]\nnew_thing = 1\n[attestation_service]\ntype = "intel_ta"\nbase_url = "https://x"\n';
    const { issues } = loadConfig({ file: file('k.toml', text) });
    expect(issues.map((i) => `${i.id} ${i.key}`).sort()).toEqual([
      'config.file.form admin',
      'config.file.form attestation_service.type',
      'config.key.honoured attestation_service.base_url',
      'config.key.honoured http_server.new_thing',
    ]);
  });

  test.each([
    ['tls_profile = "modern"', '1.3'],
    ['tls_profile = "intermediate"', '1.2'],
    ['tls_profile = "custom"\ntls_min_version = "1.3"', '1.3'],
    ['tls_min_version = "1.3"\ntls_profile = "custom"', '1.3'],
    ['tls_min_version = "1.2"\ntls_profile = "modern"', '1.2'],
  ])('the oldest TLS version of %j is %s, in whatever order it stands', (lines, version) => {
    const text = `[http_server]\n${lines}\n[admin]\nauthorization_mode = "DenyAll"\n`;
    expect(loadConfig({ file: file('k.toml', text) }).settings?.http.tls_min_version).toBe(version);
  });

  test('maps PostgreSQL without losing the user', () => {
    const text =
      '[http_server]\n[admin]\nauthorization_mode = "DenyAll"\n[storage_backend]\nstorage_type = "postgres"\n[storage_backend.backends.postgres]\nusername = "kbs"\npassword = "p/w"\nhost = "db"\n';
    const { settings } = loadConfig({ file: file('k.toml', text) });
    expect(settings?.storage.postgres_url).toBe('postgres://kbs:p%2Fw@db:5432/postgres');
  });
});

test('variables of the command itself are no settings', () => {
  const own = ['ASSAY_TOKEN', 'ASSAY_SERVER', 'ASSAY_CONFIG_HOME', 'ASSAY_CA_FILE', 'ASSAY_DEBUG', 'ASSAY_FROM_SOURCE'];
  const { settings, issues } = loadConfig({ env: Object.fromEntries(own.map((name) => [name, '1'])) });
  expect(issues).toEqual([]);
  expect(settings).toEqual(defaultSettings());
});
