/** Signatures that skopeo of Debian 13 writes beside an image in a directory, and what policies say of them: the same as skopeo does. */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@assay/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeImage } from '../../packages/oci/src/testing/image.test.helper.js';
import { assay } from '../support/cli.js';
import { peersFor } from '../support/peers.js';
import { SKOPEO_13, SKOPEO_13_PEERS, skopeoCopy } from '../support/skopeo.js';

const possible = peersFor('signatures of images in directories', { ...SKOPEO_13_PEERS, gnupg: '/usr/bin/gpg-agent' });
// Short: the socket of gpg-agent lies in it.
const folder = temporaryFolder('assay-sig-');
const at = (name: string): string => join(folder, name);
const env = { GNUPGHOME: at('home'), HOME: folder };
const NAME = 'registry.example/team/app';

function run(program: string, ...args: string[]): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: 30_000 };
    execFile(program, args, options, (error, out, err) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, text: out + err });
    });
  });
}

async function done(program: string, ...args: string[]): Promise<void> {
  const { code, text } = await run(program, ...args);
  expect(code, text).toBe(0);
}

const sigstore = (more: object = {}): object => ({ type: 'sigstoreSigned', keyPath: at('acme.pub'), ...more });
const gpg = (more: object = {}): object => ({ type: 'signedBy', keyType: 'GPGKeys', keyPath: at('acme.gpg'), ...more });
const repository = { signedIdentity: { type: 'exactRepository', dockerRepository: NAME } };
const reference = (tag: string): object => ({
  signedIdentity: { type: 'exactReference', dockerReference: `${NAME}:${tag}` },
});
const accept = { type: 'insecureAcceptAnything' };

describe.skipIf(!possible)('an image in a directory', { timeout: 60_000 }, () => {
  const plain = makeImage(1, at('plain'));

  beforeAll(async () => {
    mkdirSync(env.GNUPGHOME, { mode: 0o700 });
    writeFileSync(at('password'), 'a password\n');
    for (const name of ['acme', 'other']) {
      await done(SKOPEO_13, 'generate-sigstore-key', '--output-prefix', at(name), '--passphrase-file', at('password'));
      const made = ['--quick-gen-key', `${name}@registry.example`, 'rsa2048', 'sign', 'never'];
      await done('gpg', '--batch', '--passphrase', '', ...made);
      await done('gpg', '--batch', '--output', at(`${name}.gpg`), '--export', `${name}@registry.example`);
    }
    const by = {
      sigstore: ['--sign-by-sigstore-private-key', at('acme.private'), '--sign-passphrase-file', at('password')],
      gpg: ['--sign-by', 'acme@registry.example'],
    };
    const copy = async (flags: readonly string[], from: string, to: string): Promise<void> => {
      const identity = flags.length === 0 ? [] : ['--sign-identity', `${NAME}:v1`];
      const copied = await skopeoCopy(SKOPEO_13, [...flags, ...identity, from, `dir:${at(to)}`], env);
      expect(copied, copied.err).toMatchObject({ code: 0 });
    };
    const from = `oci:${plain.folder}:v1`;
    await copy([], from, 'none');
    await copy(by.sigstore, from, 'sigstore');
    await copy(by.gpg, from, 'gpg');
    // To one signature another is added.
    await copy(by.sigstore, `dir:${at('gpg')}`, 'both');
  }, 120_000);

  afterAll(async () => {
    await run('gpgconf', '--kill', 'all');
    rmSync(folder, { recursive: true, force: true });
  });

  test('has the files that skopeo writes', () => {
    const files = (name: string) => readdirSync(at(name)).filter((file) => file.includes('signature'));
    expect(files('both').sort()).toEqual(['signature-1', 'signature-2']);
    expect(
      readFileSync(join(at('sigstore'), 'signature-1'))
        .subarray(0, 15)
        .toString(),
    ).toBe('\0sigstore-json\n');
  });

  /** Image, what `dir` has for it, and whether it is let in. */
  test.each<[string, object[], boolean]>([
    ['sigstore', [sigstore(repository)], true],
    ['sigstore', [sigstore(reference('v1'))], true],
    ['sigstore', [sigstore(reference('v2'))], false],
    ['sigstore', [sigstore()], false],
    ['sigstore', [sigstore({ signedIdentity: { type: 'matchRepository' } })], false],
    ['sigstore', [sigstore({ ...repository, keyPath: at('other.pub') })], false],
    ['sigstore', [gpg(repository)], false],
    ['gpg', [gpg(repository)], true],
    ['gpg', [gpg(reference('v1'))], true],
    ['gpg', [gpg(reference('v2'))], false],
    ['gpg', [gpg()], false],
    ['gpg', [gpg({ signedIdentity: { type: 'matchExact' } })], false],
    ['gpg', [gpg({ ...repository, keyPath: at('other.gpg') })], false],
    ['gpg', [sigstore(repository)], false],
    ['both', [gpg(repository), sigstore(repository)], true],
    ['both', [gpg(repository), sigstore(reference('v2'))], false],
    ['none', [accept], true],
    ['none', [sigstore(repository)], false],
    ['none', [gpg(repository)], false],
    ['none', [{ type: 'reject' }], false],
  ])('signed by %s, under %j: %s', async (image, requirements, letIn) => {
    const file = at('policy.json');
    writeFileSync(
      file,
      JSON.stringify({ default: [{ type: 'reject' }], transports: { dir: { [folder]: requirements } } }),
    );
    const theirs = await run(SKOPEO_13, '--policy', file, 'copy', '-q', `dir:${at(image)}`, `dir:${at('copied')}`);
    expect(theirs.code === 0, theirs.text).toBe(letIn);
    const ours = await assay(['image', 'verify', `dir:${at(image)}`, '--signature-policy', file]);
    expect(ours.code, ours.err).toBe(letIn ? 0 : 1);
    if (letIn) expect(ours.out).toContain(`scope \`dir:${folder}\``);
  });

  test('is not let in with the signatures of another', async () => {
    const other = makeImage(1, at('another'));
    const copied = await skopeoCopy(SKOPEO_13, [`oci:${other.folder}:v1`, `dir:${at('swapped')}`], env);
    expect(copied.code, copied.err).toBe(0);
    for (const file of ['signature-1', 'signature-2']) {
      writeFileSync(join(at('swapped'), file), readFileSync(join(at('both'), file)));
    }
    for (const requirement of [gpg(repository), sigstore(repository)]) {
      const file = at('swapped.json');
      writeFileSync(file, JSON.stringify({ default: [requirement] }));
      const theirs = await run(
        SKOPEO_13,
        '--policy',
        file,
        'copy',
        '-q',
        `dir:${at('swapped')}`,
        `dir:${at('copied')}`,
      );
      expect(theirs.code, theirs.text).not.toBe(0);
      const ours = await assay(['image', 'verify', `dir:${at('swapped')}`, '--signature-policy', file, '--json']);
      expect(ours.code, ours.err).toBe(1);
      expect(ours.err + ours.out).toContain('signature.digest.match');
    }
  });
});
