/** The SEV firmware in software: LAUNCH_START, LAUNCH_MEASURE and LAUNCH_SECRET with the firmware's own checks. */
import { createDecipheriv, createHmac, diffieHellman } from 'node:crypto';
import { concatBytes, constantTimeEqual } from '@assay/bytes';
import {
  type LaunchBlob,
  launchMeasure,
  packetMac,
  parseLaunchBlob,
  parsePacketHeader,
  parsePlatformCertificate,
  publicKeyOf,
  type SessionKeys,
  USAGE,
  wrappingKeys,
} from '@assay/evidence/sev';
import type { SevPlatform } from './platform.js';

/** Status codes of the SEV API. */
export type SevStatus = 'POLICY_FAILURE' | 'INVALID_CERTIFICATE' | 'BAD_MEASUREMENT' | 'INVALID_GUEST_STATE';

/** A command that the firmware refused. */
export class SevFirmwareError extends Error {
  override readonly name = 'SevFirmwareError';
  readonly status: SevStatus;

  constructor(status: SevStatus) {
    super(`firmware answered ${status}`);
    this.status = status;
  }
}

/** The firmware of one platform. */
export class EmulatedSevFirmware {
  readonly #platform: SevPlatform;
  readonly #random: (bytes: number) => Uint8Array;

  constructor(platform: SevPlatform, random: (bytes: number) => Uint8Array) {
    this.#platform = platform;
    this.#random = random;
  }

  get version(): SevPlatform['version'] {
    return this.#platform.version;
  }

  /**
   * LAUNCH_START: unwraps the session's keys and accepts the guest policy.
   *
   * @param godh certificate of the guest owner
   * @param session launch blob
   * @throws SevFirmwareError `INVALID_CERTIFICATE`, `BAD_MEASUREMENT`, `POLICY_FAILURE`
   */
  launchStart(policy: number, godh: Uint8Array, session: Uint8Array): EmulatedSevGuest {
    const certificate = parsePlatformCertificate(godh);
    const owner = publicKeyOf(certificate.key);
    if (owner === undefined || certificate.usage !== USAGE.PDH) throw new SevFirmwareError('INVALID_CERTIFICATE');
    const blob = parseLaunchBlob(session);
    const shared = diffieHellman({ privateKey: this.#platform.pdhKey, publicKey: owner });
    const keys = unwrap(new Uint8Array(shared), blob);
    const wanted = createHmac('sha256', keys.tik).update(u32(policy)).digest();
    if (!constantTimeEqual(wanted, blob.policyMac)) throw new SevFirmwareError('POLICY_FAILURE');
    const { major, minor } = this.version;
    const least = { major: (policy >>> 16) & 0xff, minor: policy >>> 24 };
    if (major < least.major || (major === least.major && minor < least.minor))
      throw new SevFirmwareError('POLICY_FAILURE');
    return new EmulatedSevGuest(keys, policy, this.version, this.#random);
  }
}

/** A guest that is being launched. */
export class EmulatedSevGuest {
  readonly #keys: SessionKeys;
  readonly #policy: number;
  readonly #version: SevPlatform['version'];
  readonly #random: (bytes: number) => Uint8Array;
  #measure: Uint8Array | undefined;

  constructor(
    keys: SessionKeys,
    policy: number,
    version: SevPlatform['version'],
    random: (bytes: number) => Uint8Array,
  ) {
    this.#keys = keys;
    this.#policy = policy;
    this.#version = version;
    this.#random = random;
  }

  /** LAUNCH_MEASURE: 32 bytes of HMAC and 16 of nonce. @param digest SHA-256 of what was really launched */
  measure(digest: Uint8Array): Uint8Array {
    const mnonce = this.#random(16);
    const { major, minor, build } = this.#version;
    const claims = { digest, policy: this.#policy, api: { major, minor }, build };
    this.#measure = launchMeasure(this.#keys.tik, claims, mnonce);
    return concatBytes(this.#measure, mnonce);
  }

  /**
   * LAUNCH_SECRET: checks the MAC, then decrypts into guest memory.
   *
   * @returns what stands in guest memory afterwards
   * @throws SevFirmwareError `BAD_MEASUREMENT` (nothing is written then), `INVALID_GUEST_STATE` before the measurement
   */
  injectSecret(header: Uint8Array, data: Uint8Array): Uint8Array {
    if (this.#measure === undefined) throw new SevFirmwareError('INVALID_GUEST_STATE');
    const { flags, iv, mac } = parsePacketHeader(header);
    const wanted = packetMac(this.#keys.tik, { flags, iv }, data, this.#measure);
    if (!constantTimeEqual(wanted, mac)) throw new SevFirmwareError('BAD_MEASUREMENT');
    const decipher = createDecipheriv('aes-128-ctr', this.#keys.tek, iv);
    return new Uint8Array(Buffer.concat([decipher.update(data), decipher.final()]));
  }
}

function unwrap(shared: Uint8Array, { nonce, wrapTk, wrapIv, wrapMac }: LaunchBlob): SessionKeys {
  const { kek, kik } = wrappingKeys(shared, nonce);
  if (!constantTimeEqual(createHmac('sha256', kik).update(wrapTk).digest(), wrapMac))
    throw new SevFirmwareError('BAD_MEASUREMENT');
  const decipher = createDecipheriv('aes-128-ctr', kek, wrapIv);
  const keys = new Uint8Array(Buffer.concat([decipher.update(wrapTk), decipher.final()]));
  return { tek: keys.slice(0, 16), tik: keys.slice(16) };
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
