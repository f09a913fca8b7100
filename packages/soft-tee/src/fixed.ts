/** Fixed-width little-endian fields: every emulated structure is written from these, and a value that does not fit is a mistake of the caller. */
export function u8(value: number): Uint8Array {
  return unsigned(BigInt(value), 1);
}

export function u16(value: number): Uint8Array {
  return unsigned(BigInt(value), 2);
}

export function u32(value: number): Uint8Array {
  return unsigned(BigInt(value), 4);
}

export function u64(value: bigint): Uint8Array {
  return unsigned(value, 8);
}

/** Exactly `length` bytes; shorter values are refused, not padded, because a padded digest is another digest. */
export function exactly(bytes: Uint8Array, length: number, field: string): Uint8Array {
  if (bytes.length !== length) throw new RangeError(`${field} is ${bytes.length} bytes; ${length} are right`);
  return bytes;
}

/** The bytes with zeros behind them: what attesters do with report data. */
export function padded(bytes: Uint8Array, length: number, field: string): Uint8Array {
  if (bytes.length > length) throw new RangeError(`${field} is ${bytes.length} bytes; at most ${length} fit`);
  const whole = new Uint8Array(length);
  whole.set(bytes);
  return whole;
}

function unsigned(value: bigint, size: number): Uint8Array {
  if (value < 0n || value >> BigInt(8 * size) !== 0n) throw new RangeError(`${value} does not fit into ${size} bytes`);
  const bytes = new Uint8Array(size);
  for (let at = 0, rest = value; at < size; at += 1, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  return bytes;
}
