import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { beforeEach, describe, expect, test } from 'vitest';
import { renderDecryptConfig } from '../config/decrypt-config.js';
import { renderOcicryptConfig } from '../config/ocicrypt-config.js';
import { PACKAGED_SHIM_CONFIG } from '../config/shim-config.js';
import { OCCLUM_RUN } from '../names.js';
import { renderContainerdRuntime } from './containerd.js';
import { lintHost } from './host.js';
import { payloadFiles } from './payload.js';

const work = temporaryFolder("enclave payload's ");
const put = (path: string, content: string | Uint8Array, mode = 0o644): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
};

/** An archive with the one file that says that Occlum is there. */
const instance = (() => {
  const tree = join(work, 'tree');
  put(join(tree, OCCLUM_RUN), '#!/bin/sh\n', 0o755);
  return execFileSync('tar', ['-c', '-C', tree, '.']);
})();

describe('a payload', () => {
  let root = '';
  let here = '';
  let count = 0;
  const run = (call: string, env = {}): string => {
    const base = {
      PATH: `${join(work, 'bin')}${delimiter}${process.env['PATH']}`,
      NODE_ROOT: root,
      NODE_NAME: 'node-1',
      SYSTEMCTL: 'systemctl',
      ONCE: '1',
      DECRYPT_CONFIG: Buffer.from(renderDecryptConfig('provider:attestation-agent:cc_kbc::https://k', true)).toString(
        'base64',
      ),
      OCICRYPT_CONFIG: Buffer.from(renderOcicryptConfig()).toString('base64'),
    };
    return execFileSync('sh', [join(here, 'scripts/enclave-cc-deploy.sh'), call], {
      env: { ...base, ...env },
      encoding: 'utf8',
      stdio: 'pipe',
    });
  };

  beforeEach(async () => {
    count += 1;
    [root, here] = [join(work, `node ${count}`), join(work, `payload ${count}`)];
    for (const name of ['kubectl', 'systemctl']) put(join(work, 'bin', name), `#!/bin/sh\necho ${name} "$@"\n`, 0o755);
    for (const { path, content, mode } of await payloadFiles({ mode: 'hw', instance, shim: Buffer.from('shim') }))
      put(join(here, path), content, mode);
    mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
    put(join(root, 'etc/containerd/config.toml'), 'version = 2\n');
  });

  test('installs a node that the linter has nothing to say against, twice over', async () => {
    const out = run('install');
    expect(out.split('\n')).toEqual([
      'systemctl restart containerd',
      `kubectl apply -f ${join(here, 'runtime-class.yaml')}`,
      'kubectl label node node-1 --overwrite confidentialcontainers.org/enclave-cc=true',
      '',
    ]);
    const findings = await lintHost(root, 'hw');
    expect(findings.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
    const shim = join(root, 'opt/confidential-containers/bin/containerd-shim-rune-v2');
    expect(statSync(shim).mode & 0o111).toBe(0o111);
    expect(readlinkSync(join(root, 'usr/local/bin/containerd-shim-rune-v2'))).toBe(shim.slice(root.length));
    run('install');
    const runtime = readFileSync(join(root, 'etc/containerd/config.toml'), 'utf8');
    expect(runtime).toBe(`version = 2\n${renderContainerdRuntime(2)}`);
    expect(readFileSync(join(root, 'etc/containerd/config.toml.bak'), 'utf8')).toBe('version = 2\n');
  });

  test('puts the runtime where an older containerd reads it', () => {
    put(join(root, 'etc/containerd/config.toml'), '');
    run('install');
    expect(readFileSync(join(root, 'etc/containerd/config.toml'), 'utf8')).toBe(renderContainerdRuntime(1));
  });

  test('does not join its first line to the last one of containerd', () => {
    put(join(root, 'etc/containerd/config.toml'), 'version = 2');
    run('install');
    expect(readFileSync(join(root, 'etc/containerd/config.toml'), 'utf8')).toBe(
      `version = 2\n${renderContainerdRuntime(2)}`,
    );
  });

  test('is taken away again', () => {
    run('install');
    expect(run('cleanup')).toContain('enclave-cc=cleanup');
    expect(readFileSync(join(root, 'etc/containerd/config.toml'), 'utf8')).toBe('version = 2\n');
    expect(readdirSync(join(root, 'opt/confidential-containers/share'))).toEqual([]);
    expect(existsSync(join(root, 'opt/confidential-containers/bin/containerd-shim-rune-v2'))).toBe(false);
    expect(run('reset')).toContain('confidentialcontainers.org/enclave-cc-\nsystemctl restart containerd');
  });

  test('without a configuration for the agent does not go on', () => {
    for (const name of ['DECRYPT_CONFIG', 'OCICRYPT_CONFIG', 'NODE_NAME'])
      expect(() => run('install', { [name]: undefined })).toThrow(name);
    expect(readdirSync(root)).toEqual(['etc', 'usr']);
    expect(() => run('install', { DECRYPT_CONFIG: 'no base64!' })).toThrow();
    expect(() => run('other')).toThrow(/usage/);
  });

  test('has its files in order, those that run as programs', async () => {
    const files = await payloadFiles({ mode: 'sim', instance, shim: Buffer.from('shim') });
    expect(files.map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual([
      'config.json 644',
      'containerd-1.toml 644',
      'containerd-2.toml 644',
      'containerd-shim-rune-v2 755',
      'runtime-class.yaml 644',
      'scripts/enclave-cc-deploy.sh 755',
      'shim-rune-config.toml 644',
      'unified-instance.tar 644',
    ]);
    expect(PACKAGED_SHIM_CONFIG.runtimeClass).toBe('runc');
  });
});
