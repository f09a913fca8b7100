import { concatBytes, encodeUtf8 } from '@assay/bytes';
import { exactly } from '../fixed.js';

/** An emulated image, as far as the ultravisor measures it. */
export interface SeImage {
  readonly pageListDigest: Uint8Array;
  readonly addressListDigest: Uint8Array;
  readonly tweakListDigest: Uint8Array;
  readonly tag: Uint8Array;
}

/** Big-endian numbers. */
export function be32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/** Header of an image (`hdr.bin`): 640 bytes with one key slot. What is secret in it is noise here. */
export function imageHeader(image: SeImage, noise: (length: number) => Uint8Array): Uint8Array {
  const [slots, encrypted] = [1, 128];
  const size = 416 + 80 * slots + encrypted + 16;
  return concatBytes(
    encodeUtf8('IBMSecEx'),
    be32(0x100),
    be32(size),
    noise(12),
    be32(0),
    be32(0),
    be32(slots),
    be32(0),
    be32(encrypted),
    be32(0),
    be32(64),
    be32(0),
    be32(0),
    noise(160),
    tags(image).subarray(0, 192),
    noise(80 * slots + encrypted),
    exactly(image.tag, 16, 'tag'),
  );
}

/** Digests and tag, 208 bytes: what attestation covers. */
export function tags(image: SeImage): Uint8Array {
  return concatBytes(
    exactly(image.pageListDigest, 64, 'page list digest'),
    exactly(image.addressListDigest, 64, 'address list digest'),
    exactly(image.tweakListDigest, 64, 'tweak list digest'),
    exactly(image.tag, 16, 'tag'),
  );
}
