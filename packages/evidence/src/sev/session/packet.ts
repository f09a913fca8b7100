/** LAUNCH_SECRET: a secret that only the firmware of this launch can open and place. */
import { createCipheriv } from 'node:crypto';
import { ByteReader, concatBytes, DecodeError } from '@assay/bytes';
import type { AuthenticLaunch } from '../launch/measure.js';
import { word } from './kdf.js';
import { hmac, type SessionKeys } from './session.js';

/** Header of a packet, 52 bytes. */
export interface PacketHeader {
  /** Bit 0: compressed; always 0 here. */
  readonly flags: number;
  readonly iv: Uint8Array;
  readonly mac: Uint8Array;
}

/** What goes to the firmware (QEMU: `sev-inject-launch-secret`). */
export interface SecretPacket {
  readonly header: Uint8Array;
  readonly data: Uint8Array;
}

const HEADER_SIZE = 52;
/** Most bytes that one launch secret may have. */
export const LARGEST_SECRET = 16 * 1024;

/**
 * Encrypts a secret table for the launch that was measured.
 *
 * @param table a multiple of 16 bytes, at most {@link LARGEST_SECRET}
 * @param iv 16 fresh random bytes
 */
export function sealSecret(
  { tek, tik }: SessionKeys,
  launch: Pick<AuthenticLaunch, 'measure'>,
  table: Uint8Array,
  iv: Uint8Array,
): SecretPacket {
  if (table.length === 0 || table.length % 16 !== 0 || table.length > LARGEST_SECRET)
    throw new RangeError(`secret of ${table.length} bytes`);
  const cipher = createCipheriv('aes-128-ctr', tek, iv);
  const data = new Uint8Array(Buffer.concat([cipher.update(table), cipher.final()]));
  const mac = packetMac(tik, { flags: 0, iv }, data, launch.measure);
  return { header: concatBytes(word(0), iv, mac), data };
}

/** HMAC-SHA256 over 0x01 ‖ flags ‖ IV ‖ plain length ‖ cipher length ‖ ciphertext ‖ measure. */
export function packetMac(
  tik: Uint8Array,
  { flags, iv }: Pick<PacketHeader, 'flags' | 'iv'>,
  data: Uint8Array,
  measure: Uint8Array,
): Uint8Array {
  const lengths = [word(data.length), word(data.length)];
  return hmac(tik, concatBytes(Uint8Array.of(0x01), word(flags), iv, ...lengths, data, measure));
}

/** @throws DecodeError for another length than 52 */
export function parsePacketHeader(bytes: Uint8Array): PacketHeader {
  if (bytes.length !== HEADER_SIZE)
    throw new DecodeError('secret header', `${bytes.length} bytes; ${HEADER_SIZE} are right`);
  const reader = new ByteReader(bytes, 'secret header');
  return { flags: reader.u32le('flags'), iv: reader.bytes(16, 'IV'), mac: reader.bytes(32, 'MAC') };
}
