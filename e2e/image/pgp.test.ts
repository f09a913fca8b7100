/** Images for OpenPGP recipients, exchanged with Debian's skopeos and gpg. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeImage } from '../../packages/oci/src/testing/image.test.helper.js';
import { assay } from '../support/cli.js';
import { peersFor } from '../support/peers.js';
import { layersIn, SKOPEOS, skopeoCopy } from '../support/skopeo.js';

const possible = peersFor('images for OpenPGP keys', { gnupg: '/usr/bin/gpg-agent' });
const skopeos = SKOPEOS.filter(([release, , peers]) =>
  peersFor(`exchange of images for OpenPGP keys with skopeo of Debian ${release}`, peers),
);
// Short: the socket of gpg-agent lies in it.
const folder = temporaryFolder('assay-pgp-');
const at = (name: string): string => join(folder, name);
const env = { GNUPGHOME: at('gpg'), HOME: folder };

const gpg = (...args: string[]): Buffer =>
  execFileSync('gpg', ['--batch', '--quiet', '--no-tty', ...args], { env: { ...process.env, ...env }, stdio: 'pipe' });

async function skopeo(program: string, ...args: string[]): Promise<void> {
  const copied = await skopeoCopy(program, args, env);
  expect(copied, copied.err).toMatchObject({ code: 0 });
}

const layersOf = (name: string): readonly string[] => layersIn(at(name));

describe.skipIf(!possible)('OpenPGP', { timeout: 60_000 }, () => {
  const plain = makeImage(2, at('plain'));
  const original = layersOf('plain');

  beforeAll(() => {
    mkdirSync(env.GNUPGHOME, { mode: 0o700 });
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

  test.each(skopeos)(
    'skopeo of Debian %s encrypts for two, and we decrypt: with a key file, with another that has a password, by gpg',
    async (release, program) => {
      const recipients = ['alice', 'bob'].flatMap((name) => ['--encryption-key', `pgp:${name}@example.com`]);
      const theirs = `theirs-${release}`;
      await skopeo(program, ...recipients, `oci:${plain.folder}:v1`, `oci:${at(theirs)}:v1`);
      expect(layersOf(theirs)).not.toEqual(original);
      for (const [name, key] of [
        [`a${release}`, at('Alice.sec')],
        [`b${release}`, `${at('Bob.asc')}:file=${at('password')}`],
        [`c${release}`, 'pgp:'],
      ] as const) {
        const args = ['image', 'decrypt', `oci:${at(theirs)}:v1`, `oci:${at(name)}:v1`, '--decryption-key', key];
        const run = await assay(args, { env });
        expect(run, run.err).toMatchObject({ code: 0 });
        expect(layersOf(name)).toEqual(original);
      }
      const wrong = `${at('Bob.sec')}:another`;
      const run = await assay([
        'image',
        'decrypt',
        `oci:${at(theirs)}:v1`,
        `oci:${at('no')}:v1`,
        '--decryption-key',
        wrong,
      ]);
      expect(run.code).toBe(3);
      expect(run.err).toContain('the password does not open it');
    },
  );

  test.skipIf(skopeos.length === 0).each([
    ['the keyring of gpg', []],
    ['a file of keys', ['--pgp-keyring', at('ring')]],
  ])('we encrypt for a key of %s, and each skopeo decrypts', async (name, flags) => {
    const encrypted = `ours ${name}`.replaceAll(' ', '-');
    const recipients = ['--encryption-key', 'pgp:alice@example.com', '--encryption-key', 'pgp:Bob'];
    // gpg is not to be asked where a file is named.
    const run = await assay(
      ['image', 'encrypt', `oci:${plain.folder}:v1`, `oci:${at(encrypted)}:v1`, ...recipients, ...flags],
      { env: flags.length === 0 ? env : { GNUPGHOME: at('nothing') } },
    );
    expect(run, run.err).toMatchObject({ code: 0 });
    for (const [release, program] of skopeos) {
      const opened = `${encrypted}-opened-${release}`;
      await skopeo(program, '--decryption-key', at('Alice.sec'), `oci:${at(encrypted)}:v1`, `oci:${at(opened)}:v1`);
      expect(layersOf(opened)).toEqual(original);
    }
  });

  test.each(skopeos)(
    'what skopeo of Debian %s encrypted opens without a key of its recipients for nobody',
    async (release, program) => {
      const hers = `hers-${release}`;
      await skopeo(
        program,
        '--encryption-key',
        'pgp:alice@example.com',
        `oci:${plain.folder}:v1`,
        `oci:${at(hers)}:v1`,
      );
      const args = ['image', 'inspect', `oci:${at(hers)}:v1`, '--decryption-key', `${at('Bob.sec')}:a password`];
      const inspected = await assay([...args, '--json'], { env });
      expect(inspected.json()).toMatchObject({
        images: [{ layers: [{ recipients: 'pgp', opens: expect.stringContaining('none opens it') }, {}] }],
      });
    },
  );
});
