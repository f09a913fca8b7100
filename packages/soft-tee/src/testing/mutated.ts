import fc from 'fast-check';

/**
 * Bytes with a few changes: octets set, a piece cut out, a piece doubled. Never the bytes themselves.
 *
 * @param within offsets that octets are changed at; without it all, and pieces too
 */
export function mutated(
  original: Uint8Array,
  within?: readonly (readonly [from: number, to: number])[],
): fc.Arbitrary<Uint8Array> {
  const place =
    within === undefined
      ? fc.nat(original.length - 1)
      : fc.oneof(...within.map(([from, to]) => fc.integer({ min: from, max: to - 1 })));
  const octets = fc
    .array(fc.tuple(place, fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const bytes = Uint8Array.from(original);
      for (const [at, difference] of changes) bytes[at] = (bytes[at] ?? 0) ^ difference;
      return bytes;
    });
  const piece = fc.tuple(place, fc.integer({ min: 1, max: 64 }));
  const cut = piece.map(([at, length]) =>
    Uint8Array.from([...original.subarray(0, at), ...original.subarray(at + length)]),
  );
  const doubled = piece.map(([at, length]) =>
    Uint8Array.from([...original.subarray(0, at + length), ...original.subarray(at)]),
  );
  const any = within === undefined ? [cut, doubled, fc.uint8Array({ maxLength: 2048 })] : [];
  return fc.oneof({ weight: 6, arbitrary: octets }, ...any).filter((bytes) => Buffer.compare(bytes, original) !== 0);
}
