/** Simple signing: the payload within an OpenPGP signed message (containers-signature). */
import { type AssayError, assayError } from '@assay/bytes/findings';
import { openpgp } from '@assay/ocicrypt';
import type { Config, PublicKey, Subkey } from 'openpgp';
import type { SignedIdentity } from './identity.js';
import {
  checkPayload,
  LARGEST_PAYLOAD,
  malformed,
  readPayload,
  SIMPLE_SIGNING_TYPE,
  type SignaturePayload,
} from './payload.js';
import type { SignedImage } from './subject.js';

/** Bytes. */
export const LARGEST_SIGNATURE = 64 * 1024;

/** Bytes of one that was compressed: its payload, and a signature. */
const LARGEST_MESSAGE = 2 * LARGEST_PAYLOAD;

const BEGIN = '-----BEGIN PGP ';
const BLOCK = /^-----BEGIN PGP /m;

export interface SimpleSigningOptions {
  readonly now: Date;
  /** A key that has expired by now; its signatures from before then. Default false. */
  readonly allowExpiredKey?: boolean;
  /** Signatures over a SHA-1 digest. Default false. */
  readonly allowSha1?: boolean;
}

export interface VerifiedSimpleSignature {
  readonly payload: SignaturePayload;
  readonly payloadBytes: Uint8Array;
  /** Upper-case hex. */
  readonly fingerprint: string;
  readonly created: Date;
  /** `SHA-512`. */
  readonly hash: string;
  readonly keyExpired: boolean;
}

/** A keyring: binary or armoured public keys. @throws AssayError `signature.policy.form` */
export async function readKeyring(bytes: Uint8Array, file: string): Promise<readonly PublicKey[]> {
  const { readKeys, config } = await openpgp();
  const armoured = Buffer.from(bytes.subarray(0, 64)).toString('latin1').includes('-----BEGIN PGP');
  // Self-signatures of old keys are over SHA-1; what counts here is the signature of the image.
  const lenient = { ...config, rejectHashAlgorithms: new Set<never>() };
  const read = (input: object): Promise<PublicKey[]> =>
    readKeys({ ...input, config: lenient } as unknown as Parameters<typeof readKeys>[0]) as Promise<PublicKey[]>;
  try {
    if (!armoured) return await read({ binaryKeys: bytes });
    // The library reads one block, and passes over others.
    const blocks = Buffer.from(bytes).toString('utf8').split(BLOCK).slice(1);
    return (await Promise.all(blocks.map((block) => read({ armoredKeys: BEGIN + block })))).flat();
  } catch {
    throw assayError('signature.policy.form', { params: { file, what: 'no OpenPGP public keys' }, subject: file });
  }
}

/**
 * @throws AssayError `signature.object.form`, `signature.key.match` (unknown signer), `signature.hash.accepted`, `signature.key.time`,
 *   `signature.digest.match`, `signature.identity.match`
 */
export async function verifySimpleSignature(
  signature: Uint8Array,
  keyring: readonly PublicKey[],
  image: SignedImage,
  identity: SignedIdentity,
  options: SimpleSigningOptions,
): Promise<VerifiedSimpleSignature> {
  if (signature.length > LARGEST_SIGNATURE) throw malformed(`it has ${signature.length} bytes`);
  const { enums, readMessage, config } = await openpgp();
  const lenient = {
    ...config,
    rejectMessageHashAlgorithms: new Set<never>(),
    rejectHashAlgorithms: new Set<never>(),
    maxDecompressedMessageSize: LARGEST_MESSAGE,
  };
  const message = await readMessage({ binaryMessage: signature, config: lenient }).catch(() => {
    throw malformed('it is no OpenPGP message');
  });
  // The message is verified at the time of its making; whether that key is still good is asked below.
  const results = await message.verify([...keyring], null as unknown as Date, lenient).catch(() => {
    throw malformed('it is no signed OpenPGP message');
  });
  const [result] = results;
  if (result === undefined || results.length !== 1) throw malformed(`it has ${results.length} signatures`);
  const signer = keyring.find((key) => key.getKeys(result.keyID).length > 0);
  if (signer === undefined) throw notByKey(`key ${result.keyID.toHex()}`, keyring.length);
  if (await isRevoked(signer, result.keyID, options.now, lenient)) throw keyTime('is by a key that was revoked');
  const valid = await result.verified.catch(() => false);
  const packet = (await result.signature).packets[0];
  if (!valid || packet?.created === null || packet?.created === undefined || packet.hashAlgorithm === null) {
    throw notByKey(`a signature that does not verify under ${signer.getFingerprint()}`, keyring.length);
  }
  const hash = hashName(enums.read(enums.hash, packet.hashAlgorithm));
  if (!options.allowSha1 && /^(SHA-1|MD5|RIPEMD)/.test(hash)) {
    throw assayError('signature.hash.accepted', { params: { actual: hash }, actual: hash });
  }
  const created = packet.created;
  const keyExpired = await isExpired(signer, result.keyID, options.now, lenient);
  if (created.getTime() > options.now.getTime() + ALLOWED_AHEAD)
    throw keyTime(`was made at ${created.toISOString()}, later than now`);
  if (packet.getExpirationTime() <= options.now) throw keyTime('has expired');
  if (keyExpired && options.allowExpiredKey !== true) throw keyTime('is by a key that has expired');
  const payloadBytes = new Uint8Array(message.getLiteralData() as Uint8Array);
  const payload = readPayload(payloadBytes, SIMPLE_SIGNING_TYPE);
  checkPayload(payload, image, identity);
  const fingerprint = signer.getFingerprint().toUpperCase();
  return { payload, payloadBytes, fingerprint, created, hash, keyExpired };
}

/** Clocks differ by minutes. */
const ALLOWED_AHEAD = 5 * 60_000;

type KeyId = Parameters<PublicKey['getKeys']>[0];

/** Subkeys that may have signed. */
function subkeysOf(key: PublicKey, id: KeyId): readonly Subkey[] {
  return key.subkeys.filter((one) => key.getKeys(id).includes(one));
}

async function isRevoked(key: PublicKey, id: KeyId, now: Date, config: Config): Promise<boolean> {
  // Whichever signature revokes it; the declaration wants one to be named.
  const any = undefined as never;
  const subkeys = subkeysOf(key, id).map((one) => one.isRevoked(any, any, now, config));
  return (await Promise.all([key.isRevoked(any, any, now, config), ...subkeys])).includes(true);
}

/** What nothing vouches for any longer has expired. */
async function isExpired(key: PublicKey, id: KeyId, now: Date, config: Config): Promise<boolean> {
  const subkeys = subkeysOf(key, id).map((one) => one.getExpirationTime(now, config));
  const ends = await Promise.all([key.getExpirationTime(undefined, config), ...subkeys]);
  return ends.some((end) => end === null || (end !== Infinity && new Date(end) <= now));
}

/** `SHA-512` for `sha512`. */
function hashName(name: string): string {
  return name.toUpperCase().replace(/^SHA(?=\d)/, 'SHA-');
}

function notByKey(found: string, keys: number): AssayError {
  return assayError('signature.key.match', { params: { n: 1, expected: `${keys} keys of the policy`, found } });
}

function keyTime(what: string): AssayError {
  return assayError('signature.key.time', { params: { what } });
}
