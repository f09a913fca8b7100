import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLayer, type Unwrapped } from '@assay/ocicrypt';
import { temporaryFolder } from '@assay/testkit';
import { generateKey } from 'openpgp';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { EXIT } from '../exit.js';
import { unwrappersOf, wrappersOf } from './keys.js';

const folder = temporaryFolder('assay-keys-');
const at = (name: string): string => join(folder, name);
const bytes = Buffer.from('options');
const { PATH } = process.env;

beforeAll(async () => {
  const { privateKey } = await generateKey({
    userIDs: [{ name: 'Alice', email: 'alice@example.com' }],
    format: 'object',
    date: new Date(Date.now() - 60_000),
  });
  writeFileSync(at('ring'), privateKey.toPublic().write());
  writeFileSync(at('alice'), privateKey.write());
  writeFileSync(at('password'), 'first line\nsecond line\n');
});
afterEach(() => {
  process.env['PATH'] = PATH;
});

/** A program in place of gpg, which is the only one on the path. */
function gpgThat(script: string): void {
  writeFileSync(at('gpg'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  process.env['PATH'] = folder;
}

const first = async (keys: readonly string[], entry: Uint8Array): Promise<Unwrapped | undefined> => {
  const annotation = 'org.opencontainers.image.enc.keys.pgp';
  const [unwrapper] = (await unwrappersOf(keys)).filter((one) => one.reads(annotation));
  return unwrapper?.unwrap(entry, annotation);
};

describe('OpenPGP', () => {
  test('a recipient by mail address out of a file, and the key of it', async () => {
    const [wrapper, ...more] = await wrappersOf(['pgp:alice@example.com'], at('ring'));
    expect([wrapper?.annotation, more]).toEqual(['org.opencontainers.image.enc.keys.pgp', []]);
    const entry = (await wrapper?.wrap(bytes)) ?? new Uint8Array(0);
    const opened = await first([at('alice')], entry);
    expect(Buffer.from(opened?.options ?? []).toString()).toBe('options');
  });

  test('out of gpg, where no file is named', async () => {
    gpgThat(`[ "$*" = "--batch --no-tty --export" ] && exec /bin/cat ${at('ring')}`);
    expect(await wrappersOf(['pgp:Alice'])).toHaveLength(1);
    await expect(wrappersOf(['pgp:Bob'])).rejects.toMatchObject({ code: 'image.key.recipient' });
  });

  test.each([
    ['has no keys', 'exit 0', 'no public keys'],
    ['fails', 'echo x; exit 2', 'no public keys'],
  ])('a gpg that %s is told', async (_, script, words) => {
    gpgThat(script);
    const error = await wrappersOf(['pgp:Alice']).catch((thrown) => thrown);
    expect(error).toMatchObject({ exit: EXIT.unreachable, message: expect.stringContaining(words) });
  });

  test('without gpg there is what brings it', async () => {
    process.env['PATH'] = at('nothing');
    await expect(wrappersOf(['pgp:Alice'])).rejects.toMatchObject({
      message: 'gpg: ENOENT',
      hint: expect.stringContaining('gnupg'),
    });
  });

  test('gpg opens what it can, on its standard input', async () => {
    gpgThat('[ "$*" = "--quiet --no-tty --decrypt" ] && exec /bin/cat');
    expect(await first(['pgp:'], bytes)).toMatchObject({ options: bytes });
    gpgThat('echo half; exit 2');
    expect(await first(['pgp:'], bytes)).toEqual({ reason: 'gpg has no key for it' });
  });

  test('gpg is not asked for entries of other schemes', async () => {
    gpgThat('exec /bin/cat');
    const all = await unwrappersOf(['pgp:']);
    expect(all.filter((one) => one.reads('org.opencontainers.image.enc.keys.jwe')).map(({ scheme }) => scheme)).toEqual(
      ['jwe'],
    );
    await expect(openLayer({}, all, 'layer 0')).rejects.toMatchObject({ code: 'image.layer.cipher' });
  });

  test.each(['pgp:', 'pkcs11:x', 'alice@example.com', ''])('`%s` is no recipient', async (key) => {
    await expect(wrappersOf([key])).rejects.toMatchObject({ exit: EXIT.usage });
  });
});
