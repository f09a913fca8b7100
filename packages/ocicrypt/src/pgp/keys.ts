/** OpenPGP keyrings: recipients by mail address, name or fingerprint, and the private keys that open what is for them. */
import { type AssayError, assayError } from '@assay/bytes/findings';
import type { PrivateKey, PublicKey } from 'openpgp';
import { openpgp } from './library.js';

/** A key in a keyring that can be somebody's to encrypt for. */
export interface PgpPublicKey {
  /** Upper-case hex. */
  readonly fingerprint: string;
  /** `Alice <alice@example.com>` */
  readonly userIds: readonly string[];
  readonly key: PublicKey;
}

export interface PgpPrivateKey {
  /** Upper-case hex. */
  readonly fingerprint: string;
  /** Without a password now. */
  readonly key: PrivateKey;
}

const LARGEST_KEYRING = 16 * 1024 * 1024;
const LARGEST_SECRET = 1024 * 1024;
const SECRET_KEY_TAG = 5;

/**
 * Public keys, binary or armoured, as `gpg --export` writes them. Private keys in it give their public halves.
 *
 * @param file name for errors
 * @throws AssayError `image.key.form`
 */
export async function readPgpKeyring(bytes: Uint8Array, file: string): Promise<readonly PgpPublicKey[]> {
  if (bytes.length > LARGEST_KEYRING) throw unreadable(file, `${bytes.length} bytes are no keyring`);
  const { readKeys } = await openpgp();
  const input = isArmoured(bytes) ? { armoredKeys: textOf(bytes) } : { binaryKeys: bytes };
  // A keyring of years has keys that nobody reads any more: those are passed over by the library.
  const keys = await readKeys(input as Parameters<typeof readKeys>[0]).catch(() => []);
  if (keys.length === 0) throw unreadable(file, 'no OpenPGP public keys');
  return keys.map((key) => ({
    fingerprint: key.getFingerprint().toUpperCase(),
    userIds: key.getUserIDs(),
    key: key.toPublic(),
  }));
}

/**
 * The one key for a name: its mail address, its name, or its whole fingerprint. A keyring may hold a key that somebody made under another's
 * name: of several that fit, none is taken.
 *
 * @throws AssayError `image.key.recipient`
 */
export async function findPgpRecipient(
  keyring: readonly PgpPublicKey[],
  name: string,
  now: Date,
): Promise<PgpPublicKey> {
  const named = keyring.filter((one) => isNamed(one, name));
  if (named.length === 0) throw noRecipient(name, 'no key of that mail address, name or fingerprint is in the keyring');
  const usable: PgpPublicKey[] = [];
  for (const one of named) if (await canEncrypt(one, now)) usable.push(one);
  const [found] = usable;
  if (found === undefined) {
    throw noRecipient(name, `${fingerprintsOf(named)} has expired, was revoked, or has no key for encryption`);
  }
  if (usable.length > 1) throw noRecipient(name, `${usable.length} keys have that name: ${fingerprintsOf(usable)}`);
  return found;
}

/**
 * True for bytes that begin as private keys of OpenPGP do: to tell them from other keys.
 */
export function isPgpPrivateKey(bytes: Uint8Array): boolean {
  if (isArmoured(bytes)) return textOf(bytes.subarray(0, 64)).includes('-----BEGIN PGP PRIVATE KEY BLOCK-----');
  const [first = 0] = bytes;
  // RFC 9580 section 4.2: bit 7 is always set; bit 6 says where the tag is.
  if ((first & 0x80) === 0) return false;
  return ((first & 0x40) === 0 ? (first >> 2) & 0x0f : first & 0x3f) === SECRET_KEY_TAG;
}

/**
 * Private keys, binary or armoured, as `gpg --export-secret-keys` writes them.
 *
 * @param file name for errors
 * @param password opens all keys that have one
 * @throws AssayError `image.key.form`, which says nothing of the password
 */
export async function readPgpPrivateKeys(
  bytes: Uint8Array,
  file: string,
  password?: string,
): Promise<readonly PgpPrivateKey[]> {
  if (bytes.length > LARGEST_SECRET) throw unreadable(file, `${bytes.length} bytes are no key`);
  const { readPrivateKeys, decryptKey } = await openpgp();
  const input = isArmoured(bytes) ? { armoredKeys: textOf(bytes) } : { binaryKeys: bytes };
  const keys = await readPrivateKeys(input as Parameters<typeof readPrivateKeys>[0]).catch(() => []);
  if (keys.length === 0) throw unreadable(file, 'no OpenPGP private keys');
  const opened: PgpPrivateKey[] = [];
  for (const locked of keys) {
    const key =
      locked.isDecrypted() || password === undefined
        ? locked
        : await decryptKey({ privateKey: locked, passphrase: password }).catch(() => locked);
    if (key.isDecrypted()) opened.push({ fingerprint: key.getFingerprint().toUpperCase(), key });
  }
  if (opened.length === 0) {
    const why = password === undefined ? 'no password was given' : 'the password does not open it';
    throw unreadable(file, `it is encrypted, and ${why}`);
  }
  return opened;
}

function isNamed({ fingerprint, userIds }: PgpPublicKey, name: string): boolean {
  if (fingerprint === name.toUpperCase()) return true;
  return userIds.some((id) => {
    const [, own = '', address] = /^(.*?)\s*(?:<([^<>]*)>)?$/.exec(id) ?? [];
    // A user id may be an address and nothing else.
    return address === name || own === name;
  });
}

async function canEncrypt({ key }: PgpPublicKey, now: Date): Promise<boolean> {
  try {
    return (await key.getEncryptionKey(undefined, now)) !== undefined;
  } catch {
    return false;
  }
}

function fingerprintsOf(keys: readonly PgpPublicKey[]): string {
  return keys.map(({ fingerprint }) => fingerprint).join(', ');
}

function isArmoured(bytes: Uint8Array): boolean {
  return textOf(bytes.subarray(0, 64)).includes('-----BEGIN PGP ');
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function unreadable(file: string, what: string): AssayError {
  return assayError('image.key.form', { params: { file, what }, subject: file });
}

function noRecipient(name: string, what: string): AssayError {
  return assayError('image.key.recipient', { params: { recipient: name.slice(0, 120), what }, subject: name });
}
