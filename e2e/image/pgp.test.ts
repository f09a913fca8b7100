/** Images for OpenPGP recipients, exchanged with Debian's skopeo and gpg. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeImage } from '../../packages/oci/src/testing/image.test.helper.js';
import { assay } from '../support/cli.js';
import { peersFor } from '../support/peers.js';

const possible = peersFor('exchange of images for OpenPGP keys', {
  skopeo: '/usr/bin/skopeo',
  gnupg: '/usr/bin/gpg-agent',
});
// Short: the socket of gpg-agent lies in it.
const folder = mkdtempSync(join(tmpdir(), 'assay-pgp-'));
const at = (name: string): string => join(folder, name);
const env = { GNUPGHOME: at('gpg'), HOME: folder };

const gpg = (...args: string[]): Buffer =>
  execFileSync('gpg', ['--batch', '--quiet', '--no-tty', ...args], { env: { ...process.env, ...env }, stdio: 'pipe' });

function skopeo(...args: string[]): void {
  const all = ['--policy', at('policy.json'), 'copy', '-q', ...args];
  execFileSync('skopeo', all, { env: { ...process.env, ...env }, stdio: 'pipe' });
}

const layersOf = (name: string): readonly string[] => {
  const index = JSON.parse(readFileSync(join(at(name), 'index.json'), 'utf8'));
  const manifest = readFileSync(join(at(name), 'blobs', index.manifests[0].digest.replace(':', '/')), 'utf8');
  return JSON.parse(manifest).layers.map(({ digest }: { digest: string }) => digest);
};

describe.skipIf(!possible)('OpenPGP', { timeout: 60_000 }, () => {
  const plain = makeImage(2, at('plain'));
  const original = layersOf('plain');

  beforeAll(() => {
    mkdirSync(env.GNUPGHOME, { mode: 0o700 });
    writeFileSync(at('policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
    writeFileSync(at('password'), 'a password\n');
    for (const [name, password] of [
      ['Alice', undefined],
      ['Bob', 'a password'],
    ] as const) {
      const protection = password === undefined ? '%no-protection' : `Passphrase: ${password}`;
      const rsa = (kind: string, usage: string): string =>
        `${kind}-Type: RSA\n${kind}-Length: 2048\n${kind}-Usage: ${usage}`;
      const address = `${name.toLowerCase()}@example.com`;
      writeFileSync(
        at('parameters'),
        [
          rsa('Key', 'sign'),
          rsa('Subkey', 'encrypt'),
          `Name-Real: ${name}`,
          `Name-Email: ${address}`,
          protection,
          'Expire-Date: 0\n',
        ].join('\n'),
      );
      gpg('--gen-key', at('parameters'));
      const unlock = ['--pinentry-mode', 'loopback', '--passphrase', password ?? ''];
      writeFileSync(at(`${name}.sec`), gpg(...unlock, '--export-secret-keys', address));
      writeFileSync(at(`${name}.asc`), gpg(...unlock, '--armor', '--export-secret-keys', address));
    }
    writeFileSync(at('ring'), gpg('--export'));
  }, 60_000);

  afterAll(() => {
    if (possible) spawnSync('gpgconf', ['--kill', 'all'], { env: { ...process.env, ...env } });
    rmSync(folder, { recursive: true, force: true });
  });

  test('skopeo encrypts for two, and we decrypt with a key file, with another that has a password, and by gpg', async () => {
    const recipients = ['alice', 'bob'].flatMap((name) => ['--encryption-key', `pgp:${name}@example.com`]);
    skopeo(...recipients, `oci:${plain.folder}:v1`, `oci:${at('theirs')}:v1`);
    expect(layersOf('theirs')).not.toEqual(original);
    for (const [name, key] of [
      ['a', at('Alice.sec')],
      ['b', `${at('Bob.asc')}:file=${at('password')}`],
      ['c', 'pgp:'],
    ] as const) {
      const args = ['image', 'decrypt', `oci:${at('theirs')}:v1`, `oci:${at(name)}:v1`, '--decryption-key', key];
      const run = await assay(args, { env });
      expect(run, run.err).toMatchObject({ code: 0 });
      expect(layersOf(name)).toEqual(original);
    }
    const wrong = `${at('Bob.sec')}:another`;
    const run = await assay([
      'image',
      'decrypt',
      `oci:${at('theirs')}:v1`,
      `oci:${at('no')}:v1`,
      '--decryption-key',
      wrong,
    ]);
    expect(run.code).toBe(3);
    expect(run.err).toContain('the password does not open it');
  });

  test.each([
    ['the keyring of gpg', []],
    ['a file of keys', ['--pgp-keyring', at('ring')]],
  ])('we encrypt for a key of %s, and skopeo decrypts', async (name, flags) => {
    const [encrypted, opened] = [`ours ${name}`, `opened ${name}`].map((one) => one.replaceAll(' ', '-')) as [
      string,
      string,
    ];
    const recipients = ['--encryption-key', 'pgp:alice@example.com', '--encryption-key', 'pgp:Bob'];
    // gpg is not to be asked where a file is named.
    const run = await assay(
      ['image', 'encrypt', `oci:${plain.folder}:v1`, `oci:${at(encrypted)}:v1`, ...recipients, ...flags],
      { env: flags.length === 0 ? env : { GNUPGHOME: at('nothing') } },
    );
    expect(run, run.err).toMatchObject({ code: 0 });
    skopeo('--decryption-key', at('Alice.sec'), `oci:${at(encrypted)}:v1`, `oci:${at(opened)}:v1`);
    expect(layersOf(opened)).toEqual(original);
  });

  test('without a key of its recipients nothing opens', async () => {
    skopeo('--encryption-key', 'pgp:alice@example.com', `oci:${plain.folder}:v1`, `oci:${at('hers')}:v1`);
    const args = ['image', 'inspect', `oci:${at('hers')}:v1`, '--decryption-key', `${at('Bob.sec')}:a password`];
    const inspected = await assay([...args, '--json'], { env });
    expect(inspected.json()).toMatchObject({
      images: [{ layers: [{ recipients: 'pgp', opens: expect.stringContaining('none opens it') }, {}] }],
    });
  });
});
