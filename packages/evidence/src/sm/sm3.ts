/** SM3 (GB/T 32905-2016) and HMAC over it: from OpenSSL where it has SM3, from `hash-wasm` in builds without. */
import { createHash, getHashes } from 'node:crypto';

/** Digest size in bytes. */
export const SM3_SIZE = 32;
const BLOCK_SIZE = 64;

/** Digest of the parts in order. */
export type Sm3 = (...parts: readonly Uint8Array[]) => Uint8Array;

const byOpenssl: Sm3 = (...parts) => {
  const hash = createHash('sm3');
  for (const part of parts) hash.update(part);
  return Uint8Array.from(hash.digest());
};

/** SM3 without OpenSSL. The module is only loaded by whoever calls this. */
export async function sm3OfLibrary(): Promise<Sm3> {
  const { createSM3 } = await import('hash-wasm');
  const hasher = await createSM3();
  return (...parts) => {
    hasher.init();
    for (const part of parts) hasher.update(part);
    return Uint8Array.from(hasher.digest('binary'));
  };
}

/** Official builds of Node have SM3; some distributors build OpenSSL without. */
export const sm3: Sm3 = getHashes().includes('sm3') ? byOpenssl : await sm3OfLibrary();

/** HMAC-SM3 (RFC 2104 with blocks of 64 bytes) of the parts in order. */
export function hmacSm3(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const block = new Uint8Array(BLOCK_SIZE);
  block.set(key.length > BLOCK_SIZE ? sm3(key) : key);
  const inner = sm3(
    block.map((byte) => byte ^ 0x36),
    ...parts,
  );
  return sm3(
    block.map((byte) => byte ^ 0x5c),
    inner,
  );
}
