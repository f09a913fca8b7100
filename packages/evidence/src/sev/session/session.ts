/** Opening a launch session: keys for the firmware alone, wrapped under what it and the guest owner agree on. */
import { createCipheriv, createHmac, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { ByteReader, concatBytes, DecodeError } from '@assay/bytes';
import { ALGORITHM, USAGE } from '../certificate/constants.js';
import { encodePlatformBody, encodePlatformCertificate } from '../certificate/encode.js';
import type { AuthenticPlatform } from '../chain/chain.js';
import { KEY_SIZE, sevKdf, word } from './kdf.js';

/** Keys of one launch. Secret. */
export interface SessionKeys {
  /** Transport encryption key. */
  readonly tek: Uint8Array;
  /** Transport integrity key. */
  readonly tik: Uint8Array;
}

/** Parts of the launch blob ("session file"), 128 bytes together. */
export interface LaunchBlob {
  readonly nonce: Uint8Array;
  readonly wrapTk: Uint8Array;
  readonly wrapIv: Uint8Array;
  readonly wrapMac: Uint8Array;
  readonly policyMac: Uint8Array;
}

export interface OpenedSession extends SessionKeys {
  /** The guest owner's Diffie-Hellman certificate, 2084 bytes. */
  readonly godh: Uint8Array;
  /** 128 bytes. */
  readonly launchBlob: Uint8Array;
}

const LAUNCH_BLOB_SIZE = 128;

/**
 * Opens a session with a platform whose chain was verified.
 *
 * @param ephemeral a fresh P-384 private key, used for this session alone
 */
export function openSevSession(input: {
  readonly platform: AuthenticPlatform;
  readonly policy: number;
  readonly ephemeral: KeyObject;
  readonly random: (bytes: number) => Uint8Array;
}): OpenedSession {
  const { platform, policy, ephemeral, random } = input;
  const keys: SessionKeys = { tek: exactly(random, KEY_SIZE), tik: exactly(random, KEY_SIZE) };
  const shared = new Uint8Array(diffieHellman({ privateKey: ephemeral, publicKey: platform.pdhKey }));
  const blob = makeLaunchBlob(shared, keys, policy, { nonce: exactly(random, 16), wrapIv: exactly(random, 16) });
  shared.fill(0);
  return { ...keys, godh: guestOwnerCertificate(ephemeral), launchBlob: encodeLaunchBlob(blob) };
}

/** Key-encryption and key-integrity key of a session. @param shared X coordinate of the agreed point, big-endian */
export function wrappingKeys(
  shared: Uint8Array,
  nonce: Uint8Array,
): { readonly kek: Uint8Array; readonly kik: Uint8Array } {
  const none = new Uint8Array();
  const master = sevKdf(shared, 'sev-master-secret', nonce);
  const keys = { kek: sevKdf(master, 'sev-kek', none), kik: sevKdf(master, 'sev-kik', none) };
  master.fill(0);
  return keys;
}

/** The launch blob of given values; `openSevSession` draws them. */
export function makeLaunchBlob(
  shared: Uint8Array,
  { tek, tik }: SessionKeys,
  policy: number,
  { nonce, wrapIv }: Pick<LaunchBlob, 'nonce' | 'wrapIv'>,
): LaunchBlob {
  const { kek, kik } = wrappingKeys(shared, nonce);
  const cipher = createCipheriv('aes-128-ctr', kek, wrapIv);
  const wrapTk = new Uint8Array(Buffer.concat([cipher.update(concatBytes(tek, tik)), cipher.final()]));
  const wrapMac = hmac(kik, wrapTk);
  kek.fill(0);
  kik.fill(0);
  return { nonce, wrapTk, wrapIv, wrapMac, policyMac: hmac(tik, word(policy)) };
}

export function encodeLaunchBlob({ nonce, wrapTk, wrapIv, wrapMac, policyMac }: LaunchBlob): Uint8Array {
  return concatBytes(nonce, wrapTk, wrapIv, wrapMac, policyMac);
}

/** @throws DecodeError for another length than 128 */
export function parseLaunchBlob(bytes: Uint8Array): LaunchBlob {
  if (bytes.length !== LAUNCH_BLOB_SIZE)
    throw new DecodeError('launch blob', `${bytes.length} bytes; ${LAUNCH_BLOB_SIZE} are right`);
  const reader = new ByteReader(bytes, 'launch blob');
  return {
    nonce: reader.bytes(16, 'nonce'),
    wrapTk: reader.bytes(32, 'wrapped keys'),
    wrapIv: reader.bytes(16, 'IV'),
    wrapMac: reader.bytes(32, 'MAC of the wrapped keys'),
    policyMac: reader.bytes(32, 'MAC of the policy'),
  };
}

/** The guest owner's certificate: a PDH of API 0.0 over a P-384 key, without a signature. */
function guestOwnerCertificate(ephemeral: KeyObject): Uint8Array {
  const jwk = (ephemeral.type === 'private' ? createPublicKey(ephemeral) : ephemeral).export({ format: 'jwk' });
  if (jwk.crv !== 'P-384' || jwk.x === undefined || jwk.y === undefined) throw new TypeError('a P-384 key is wanted');
  return encodePlatformCertificate(
    encodePlatformBody({
      api: { major: 0, minor: 0 },
      usage: USAGE.PDH,
      algorithm: ALGORITHM.ECDH_SHA256,
      key: { kind: 'ec', curve: 'P-384', x: Buffer.from(jwk.x, 'base64url'), y: Buffer.from(jwk.y, 'base64url') },
    }),
  );
}

export function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', key).update(message).digest());
}

function exactly(random: (bytes: number) => Uint8Array, count: number): Uint8Array {
  const bytes = random(count);
  if (bytes.length !== count) throw new Error(`the random source gave ${bytes.length} bytes instead of ${count}`);
  return bytes;
}
