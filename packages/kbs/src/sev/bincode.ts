/** A map of texts to bytes as Rust's bincode 1 writes it by default: lengths as u64, little-endian, in front of each part. */
export function encodeBincodeMap(entries: readonly (readonly [key: string, value: Uint8Array])[]): Uint8Array {
  const parts = [u64(entries.length)];
  for (const [key, value] of entries) {
    const text = Buffer.from(key, 'utf8');
    parts.push(u64(text.length), text, u64(value.length), Buffer.from(value));
  }
  return new Uint8Array(Buffer.concat(parts));
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
