/**
 * The attestation call of an emulated ultravisor: it opens a request with the machine's host key and measures the guest.
 *
 * Written from the layout of the request alone, not from the code that makes requests: what the one writes the other must read.
 */
import { createDecipheriv, createECDH, createHash, createHmac, type ECDH } from 'node:crypto';
import { concatBytes } from '@assay/bytes';
import { be32, type SeImage, tags } from './image.js';

/** An emulated IBM Z. */
export interface SeMachine {
  readonly id: string;
  /** Private host key on P-521, 66 bytes. */
  readonly hostKey: Uint8Array;
}

/** A guest that runs on it. */
export interface SeGuest {
  readonly image: SeImage;
  /** 16 bytes. */
  readonly configUid: Uint8Array;
  /** Hash of the host key that the image was opened with; default: the machine's. */
  readonly imageHostKeyHash?: Uint8Array;
}

export interface SeAnswer {
  readonly measurement: Uint8Array;
  readonly additionalData: Uint8Array;
  readonly configUid: Uint8Array;
}

/** Why the ultravisor refuses a call. */
export class UltravisorError extends Error {}

/** SHA-256 of x and y of the host key in fields of 80 bytes. */
export function hostKeyHash(machine: SeMachine): Uint8Array {
  return new Uint8Array(
    createHash('sha256')
      .update(coordinates(publicPoint(machine)))
      .digest(),
  );
}

/** `04 ‖ x ‖ y` */
export function publicPoint({ hostKey }: SeMachine): Uint8Array {
  const ecdh = createECDH('secp521r1');
  ecdh.setPrivateKey(hostKey);
  return new Uint8Array(ecdh.getPublicKey());
}

/** Retrieve Attestation Measurement. @throws UltravisorError */
export function attest(machine: SeMachine, guest: SeGuest, request: Uint8Array, userData: Uint8Array): SeAnswer {
  if (userData.length > 256) throw new UltravisorError('user data are longer than 256 bytes');
  const { flags, measurementKey, nonce } = open(machine, request);
  const imageHash = guest.imageHostKeyHash ?? hostKeyHash(machine);
  const additionalData = concatBytes(
    ...(flags.imageHash ? [imageHash] : []),
    ...(flags.hostHash ? [hostKeyHash(machine)] : []),
  );
  const items = concatBytes(
    tags(guest.image),
    guest.configUid,
    Uint8Array.of(userData.length >> 8, userData.length & 0xff, 0, 0),
    be32(additionalData.length),
    userData,
    nonce,
    additionalData,
  );
  const measurement = new Uint8Array(createHmac('sha512', measurementKey).update(items).digest());
  return { measurement, additionalData, configUid: guest.configUid };
}

interface OpenRequest {
  readonly flags: { readonly imageHash: boolean; readonly hostHash: boolean };
  readonly measurementKey: Uint8Array;
  readonly nonce: Uint8Array;
}

/** Reads the request at its fixed places, unwraps the protection key from this machine's slot, and opens the encrypted part. */
function open(machine: SeMachine, request: Uint8Array): OpenRequest {
  const view = new DataView(request.buffer, request.byteOffset, request.length);
  if (request.length < 64 + 160 + 80 + 16 || request.subarray(0, 8).some((byte) => byte !== 0)) {
    throw new UltravisorError('this is no attestation request');
  }
  if (view.getUint32(8) !== 0x0100) throw new UltravisorError('unknown version of the request');
  if (view.getUint32(12) !== request.length) throw new UltravisorError('the request is not as long as it says');
  const slots = request[39] ?? 0;
  const encrypted = view.getUint32(44);
  const end = 224 + 80 * slots;
  if (end + encrypted + 16 !== request.length)
    throw new UltravisorError('slots and encrypted part are not the request');
  const word = view.getBigUint64(48);
  const has = (bit: bigint): boolean => (word >> (63n - bit)) % 2n === 1n;
  if (!has(1n) || encrypted !== 80 || view.getUint32(56) !== 1)
    throw new UltravisorError('unknown kind of measurement');

  const wanted = Buffer.from(hostKeyHash(machine));
  const at = Array.from({ length: slots }, (_, index) => 224 + 80 * index).find((start) =>
    wanted.equals(request.subarray(start, start + 32)),
  );
  if (at === undefined) throw new UltravisorError('no slot of the request is for this machine');
  const ecdh = createECDH('secp521r1');
  ecdh.setPrivateKey(machine.hostKey);
  const customer = concatBytes(
    Uint8Array.of(4),
    request.subarray(64 + 14, 64 + 80),
    request.subarray(144 + 14, 144 + 80),
  );
  const shared = secretWith(ecdh, customer);
  const wrapping = createHash('sha256')
    .update(shared)
    .update(Uint8Array.of(0, 0, 0, 1))
    .digest();
  const slot = request.subarray(at + 32, at + 80);
  const protection = gcm(wrapping, new Uint8Array(12), undefined, slot.subarray(0, 32), slot.subarray(32));
  const secret = gcm(
    protection,
    request.subarray(16, 28),
    request.subarray(0, end),
    request.subarray(end, end + encrypted),
    request.subarray(end + encrypted),
  );
  return {
    flags: { imageHash: has(2n), hostHash: has(3n) },
    measurementKey: secret.subarray(0, 64),
    nonce: secret.subarray(64),
  };
}

function secretWith(ecdh: ECDH, point: Uint8Array): Uint8Array {
  try {
    return new Uint8Array(ecdh.computeSecret(point));
  } catch {
    throw new UltravisorError('the public key of the request is no point of the curve');
  }
}

function gcm(
  key: Uint8Array,
  iv: Uint8Array,
  authenticated: Uint8Array | undefined,
  text: Uint8Array,
  tag: Uint8Array,
): Uint8Array {
  const decipher = createDecipheriv('aes-256-gcm', key, iv);
  decipher.setAuthTag(tag);
  if (authenticated !== undefined) decipher.setAAD(authenticated);
  try {
    return new Uint8Array(Buffer.concat([decipher.update(text), decipher.final()]));
  } catch {
    throw new UltravisorError('the request does not open');
  }
}

function coordinates(point: Uint8Array): Uint8Array {
  const gap = new Uint8Array(14);
  return concatBytes(gap, point.subarray(1, 67), gap, point.subarray(67));
}
