import { describe, expect, test } from 'vitest';
import { ConfigError } from './config-error.js';
import { DEFAULT_IMAGE_CONFIG, parseImageConfig } from './image-config.js';

const of = (image: Parameters<typeof parseImageConfig>[0], env = {}) =>
  parseImageConfig({ image: image ?? {} }, env, '');

describe('[image]', () => {
  test('has defaults, and ignores the command line where it is there', () => {
    expect(parseImageConfig({ image: {} }, {}, 'agent.https_proxy=http://p:1')).toEqual(DEFAULT_IMAGE_CONFIG);
    expect(DEFAULT_IMAGE_CONFIG).toMatchObject({ concurrency: 3, workDir: '/run/kata-containers/image/' });
  });

  test('is read', () => {
    const pem = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----';
    expect(
      of({
        work_dir: '/w',
        image_security_policy: '{}',
        sigstore_config_uri: 'file:///s',
        authenticated_registry_credentials_uri: 'kbs:///a/b/c',
        registry_configuration_uri: '/r',
        max_concurrent_layer_downloads_per_image: 7,
        image_pull_proxy: { https_proxy: 'http://p:1', no_proxy: 'a,b' },
        extra_root_certificates: [pem],
        encrypted_layer_cache: '/c',
        encrypted_layer_cache_mib: 3,
      }),
    ).toEqual({
      workDir: '/w',
      policy: { text: '{}' },
      sigstore: { uri: 'file:///s' },
      credentialsUri: 'kbs:///a/b/c',
      registries: { uri: '/r' },
      concurrency: 7,
      proxy: { https: 'http://p:1', none: 'a,b' },
      extraRoots: [pem],
      layerCache: { folder: '/c', maxBytes: 3 * 1024 * 1024 },
    });
    expect(of({ encrypted_layer_cache: '/c' }).layerCache).toEqual({ folder: '/c', maxBytes: 2 ** 31 });
  });

  test('a URI wins over a text, but for registries', () => {
    const both = {
      image_security_policy: 'p',
      image_security_policy_uri: '/p',
      sigstore_config: 's',
      sigstore_config_uri: '/s',
      registry_config: 'r',
      registry_configuration_uri: '/r',
    };
    expect(of(both)).toMatchObject({ policy: { uri: '/p' }, sigstore: { uri: '/s' }, registries: { text: 'r' } });
  });

  test('has registries in tables, too', () => {
    const registry_config = { registry: [{ prefix: 'r.example', blocked: true }] };
    expect(of({ registry_config, registry_configuration_uri: '/r' }).registries).toEqual({ table: registry_config });
  });

  test.each([
    [{ registry_config: [] }, /registry_config must be a table/],
    [{ work_dir: 'relative' }, /work_dir/],
    [{ encrypted_layer_cache: 'relative' }, /encrypted_layer_cache must be an absolute path/],
    [{ encrypted_layer_cache_mib: 1 }, /which is missing/],
    [{ encrypted_layer_cache: '/c', encrypted_layer_cache_mib: 0 }, /at least 1/],
    [{ encrypted_layer_cache: '/c', encrypted_layer_cache_mib: 1.5 }, /whole number/],
    [{ image_securty_policy: '{}' }, /image_securty_policy is not known/],
    [{ image_security_policy: 1 }, /image_security_policy/],
    [{ max_concurrent_layer_downloads_per_image: 0 }, /at least 1/],
    [{ max_concurrent_layer_downloads_per_image: 65 }, /max_concurrent/],
    [{ image_pull_proxy: 'http://p:1' }, /image_pull_proxy/],
    [{ image_pull_proxy: { https_proxy: 'p:1' } }, /prox/],
    [{ image_pull_proxy: { http_proxy: 'socks5://p:1' } }, /prox/],
    [{ extra_root_certificates: 'x' }, /extra_root/],
    [{ extra_root_certificates: ['x'] }, /extra_root/],
  ])('%j is refused', (image, reason) => {
    expect(() => of(image)).toThrow(ConfigError);
    expect(() => of(image)).toThrow(reason);
  });

  test('a password in a proxy is not told', () => {
    expect(() => of({ image_pull_proxy: { https_proxy: 'ftp://user:hunter2@p' } })).not.toThrow(/hunter2/);
    expect(() => of({ image_pull_proxy: { https_proxy: 'ftp://user:hunter2@p' } })).toThrow(ConfigError);
  });

  test('without a file, or a section in it, is that of the kernel’s command line; a policy only where signatures are wanted', () => {
    const line = 'agent.http_proxy=http://p:1 agent.image_registry_auth=kbs:///a/b/c agent.image_policy_file=/p';
    expect(parseImageConfig(undefined, {}, line)).toEqual({
      ...DEFAULT_IMAGE_CONFIG,
      proxy: { http: 'http://p:1' },
      credentialsUri: 'kbs:///a/b/c',
    });
    const wanted = `${line} agent.enable_signature_verification=true`;
    expect(() => parseImageConfig({}, {}, 'agent.enable_signature_verification=true')).toThrow(/image_policy_file/);
    // As upstream: a file that says nothing of images leaves them to the command line.
    for (const document of [undefined, {}, { image: null }, { kbc: { name: 'cc_kbc' } }])
      expect(parseImageConfig(document, {}, wanted).policy).toEqual({ uri: '/p' });
  });

  test('the environment names other credentials', () => {
    const env = { CDH_DEFAULT_IMAGE_AUTHENTICATED_REGISTRY_CREDENTIALS: '/c' };
    expect(of({ authenticated_registry_credentials_uri: '/d' }, env).credentialsUri).toBe('/c');
  });
});
