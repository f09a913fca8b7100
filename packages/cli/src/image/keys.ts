/** Keys of `assay image`, spelled as skopeo spells them. */
import { type KeyObject, randomBytes, type X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  type AskProvider,
  findPgpRecipient,
  isPgpPrivateKey,
  jweUnwrapper,
  jweWrapper,
  type KeyUnwrapper,
  type KeyWrapper,
  type PgpPrivateKey,
  type PgpPublicKey,
  type Pkcs7Identity,
  pgpUnwrapper,
  pgpWrapper,
  pkcs7Unwrapper,
  pkcs7Wrapper,
  providerUnwrapper,
  providerWrapper,
  readCertificate,
  readPgpKeyring,
  readPgpPrivateKeys,
  readPrivateKey,
  readPublicKey,
} from '@assay/ocicrypt';
import { CliError, EXIT } from '../exit.js';
import { askingProviders, providersOf } from '../key-provider/ask.js';
import { exportKeyring, gpgUnwrapper } from './gpg.js';

const random = (length: number): Uint8Array => randomBytes(length);

/**
 * `jwe:FILE`, `pkcs7:FILE`, `pgp:NAME`: all recipients of one scheme share one wrapping. `provider:NAME[:PARAMETERS]`: each is a recipient
 * of its own, since providers look at the first of several parameters only.
 *
 * @param keyring file of OpenPGP keys; default: the keyring of gpg
 * @throws CliError; AssayError `image.key.*`
 */
export async function wrappersOf(keys: readonly string[], keyring?: string): Promise<readonly KeyWrapper[]> {
  const named = (scheme: string): string[] =>
    keys.filter((key) => key.startsWith(`${scheme}:`)).map((key) => key.slice(scheme.length + 1));
  const unknown = keys.find((key) => !/^(jwe|pkcs7|pgp|provider):./.test(key));
  if (unknown !== undefined) {
    throw new CliError(`--encryption-key ${unknown}: no such kind of key`, EXIT.usage, {
      hint: 'jwe:PUBLIC-KEY, pkcs7:CERTIFICATE, pgp:MAIL-ADDRESS or provider:NAME[:PARAMETERS]',
    });
  }
  const [jwe, pkcs7, pgp] = [named('jwe'), named('pkcs7'), named('pgp')];
  const providers = named('provider').map(parseProvider);
  const ask = providers.length === 0 ? undefined : askingThese(providers);
  const people = pgp.length === 0 ? [] : await pgpRecipients(pgp, keyring);
  return [
    ...(jwe.length === 0 ? [] : [jweWrapper(jwe.map((file) => readPublicKey(readFileSync(file), file)))]),
    ...(pkcs7.length === 0 ? [] : [pkcs7Wrapper(pkcs7.map(certificateOf), random)]),
    ...(people.length === 0 ? [] : [pgpWrapper(people, random, () => new Date())]),
    ...(ask === undefined ? [] : providers.map(({ name, parameters }) => providerWrapper(name, parameters, ask))),
  ];
}

async function pgpRecipients(names: readonly string[], file: string | undefined): Promise<readonly PgpPublicKey[]> {
  const bytes = file === undefined ? await exportKeyring() : readFileSync(file);
  const keyring = await readPgpKeyring(bytes, file ?? 'the keyring of gpg');
  return Promise.all(names.map((name) => findPgpRecipient(keyring, name, new Date())));
}

/**
 * `FILE[:PASSWORD]`, with `PASSWORD` as skopeo takes it: `file=PATH`, `fd=N`, `pass=TEXT`, or the text itself. Certificates go with the
 * key of theirs, in any order. `pgp:` asks gpg for the keys that it keeps; `provider:NAME[:PARAMETERS]` is asked last: what keys at hand
 * open needs no service.
 *
 * @throws CliError; AssayError `image.key.form`
 */
export async function unwrappersOf(keys: readonly string[]): Promise<readonly KeyUnwrapper[]> {
  const certificates: X509Certificate[] = [];
  const privateKeys: KeyObject[] = [];
  const pgpKeys: PgpPrivateKey[] = [];
  const providers = keys.filter(isProvider).map((key) => parseProvider(key.slice('provider:'.length)));
  for (const one of keys.filter((key) => !isProvider(key) && key !== GPG)) {
    const { file, password } = parseKey(one);
    const bytes = readFileSync(file);
    const certificate = readCertificate(bytes);
    if (certificate !== undefined) certificates.push(certificate);
    else if (isPgpPrivateKey(bytes)) pgpKeys.push(...(await readPgpPrivateKeys(bytes, file, password)));
    else privateKeys.push(readPrivateKey(bytes, file, password));
  }
  const identities: Pkcs7Identity[] = certificates.flatMap((certificate) => {
    const key = privateKeys.find((candidate) => certificate.checkPrivateKey(candidate));
    return key === undefined ? [] : [{ certificate, key }];
  });
  return [
    jweUnwrapper(privateKeys),
    ...(identities.length === 0 ? [] : [pkcs7Unwrapper(identities, random)]),
    ...(pgpKeys.length === 0 ? [] : [pgpUnwrapper(pgpKeys)]),
    ...(keys.includes(GPG) ? [gpgUnwrapper()] : []),
    ...(providers.length === 0 ? [] : [providerUnwrapper(parametersByName(providers), askingThese(providers))]),
  ];
}

/** In place of a file: whatever gpg can open. */
const GPG = 'pgp:';

interface NamedProvider {
  readonly name: string;
  readonly parameters: string | undefined;
}

const isProvider = (key: string): boolean => key.startsWith('provider:');

function parseProvider(text: string): NamedProvider {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const parameters = colon < 0 || colon === text.length - 1 ? undefined : text.slice(colon + 1);
  if (name === '') {
    throw new CliError('a key provider without a name', EXIT.usage, { hint: 'provider:NAME[:PARAMETERS]' });
  }
  return { name, parameters };
}

/** One that is not configured is told before any layer is read. */
function askingThese(providers: readonly NamedProvider[]): AskProvider {
  const configured = providersOf(process.env);
  const missing = providers.find(({ name }) => !configured.has(name));
  if (missing !== undefined) {
    throw new CliError(`key provider ${missing.name}: OCICRYPT_KEYPROVIDER_CONFIG has none of that name`, EXIT.usage, {
      hint: `it has: ${[...configured.keys()].join(', ') || 'none'}`,
    });
  }
  return askingProviders(configured);
}

function parametersByName(providers: readonly NamedProvider[]): ReadonlyMap<string, string | undefined> {
  const byName = new Map(providers.map(({ name, parameters }) => [name, parameters]));
  if (byName.size < providers.length) {
    throw new CliError('--decryption-key names a key provider twice', EXIT.usage, { hint: 'name each one once' });
  }
  return byName;
}

function certificateOf(file: string): X509Certificate {
  const certificate = readCertificate(readFileSync(file));
  if (certificate === undefined) throw new CliError(`${file}: no certificate in PEM or DER`, EXIT.malformed);
  if (certificate.publicKey.asymmetricKeyType !== 'rsa') {
    throw new CliError(`${file}: PKCS#7 wants a certificate of an RSA key`, EXIT.malformed, {
      hint: 'EC keys are recipients by jwe:PUBLIC-KEY',
    });
  }
  return certificate;
}

function parseKey(text: string): { readonly file: string; readonly password?: string } {
  const colon = text.indexOf(':');
  if (colon < 0) return { file: text };
  const given = text.slice(colon + 1);
  return { file: text.slice(0, colon), password: passwordOf(given) };
}

function passwordOf(given: string): string {
  const [, kind, value = ''] = /^(file|fd|pass)=(.*)$/s.exec(given) ?? [];
  if (kind === 'file') return firstLine(readFileSync(value, 'utf8'));
  if (kind === 'fd') return firstLine(readFileSync(Number(value), 'utf8'));
  return kind === 'pass' ? value : given;
}

function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? '';
}
