/** Key derivation of the TPM (TPM 2.0 Library, Part 1, section 11.4.10): KDFa is SP 800-108 in counter mode, KDFe SP 800-56A. */
import { createHash, createHmac } from 'node:crypto';
import { concatBytes, encodeUtf8 } from '@assay/bytes';
import { TpmWriter } from '../structures/marshal.js';

/** Hash algorithms that an endorsement key may have as its name algorithm. */
export type KdfHash = 'sha256' | 'sha384' | 'sha512';

/**
 * KDFa.
 *
 * @param label without the NUL that ends it
 * @param bits multiple of 8
 */
export function kdfA(
  hash: KdfHash,
  key: Uint8Array,
  label: string,
  contextU: Uint8Array,
  contextV: Uint8Array,
  bits: number,
): Uint8Array {
  const fixed = concatBytes(labelBytes(label), contextU, contextV, new TpmWriter().u32(bits).finish());
  return counted(bits, (counter) => createHmac(hash, key).update(counter).update(fixed).digest());
}

/**
 * KDFe.
 *
 * @param z x coordinate of the shared point, as long as the field
 */
export function kdfE(
  hash: KdfHash,
  z: Uint8Array,
  use: string,
  partyU: Uint8Array,
  partyV: Uint8Array,
  bits: number,
): Uint8Array {
  const fixed = concatBytes(z, labelBytes(use), partyU, partyV);
  return counted(bits, (counter) => createHash(hash).update(counter).update(fixed).digest());
}

/** Blocks of a counter that begins at 1, cut to the length that is asked for. */
function counted(bits: number, block: (counter: Uint8Array) => Uint8Array): Uint8Array {
  if (bits <= 0 || bits % 8 !== 0) throw new RangeError(`${bits} bits are no whole number of bytes`);
  const bytes = bits / 8;
  const blocks: Uint8Array[] = [];
  for (let n = 1, length = 0; length < bytes; n += 1) {
    const made = block(new TpmWriter().u32(n).finish());
    blocks.push(made);
    length += made.length;
  }
  return concatBytes(...blocks).subarray(0, bytes);
}

function labelBytes(label: string): Uint8Array {
  return encodeUtf8(`${label}\0`);
}
