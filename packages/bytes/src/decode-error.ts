/**
 * Input that is not the format it claims to be: thrown by every strict decoder of this repository's ground floor.
 *
 * The message names the format, the reason and, where there is one, the offset; it never repeats the input itself, which may be a secret.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  /** What was being decoded, e.g. `base64url`, `DER`, `JSON`. */
  readonly format: string;
  /** What is wrong, without format and offset. */
  readonly reason: string;
  /** Byte offset (binary formats) or UTF-16 index (texts) of the fault. */
  readonly offset: number | undefined;

  constructor(format: string, reason: string, offset?: number, options?: ErrorOptions) {
    super(offset === undefined ? `${format}: ${reason}` : `${format}: ${reason} at offset ${offset}`, options);
    this.format = format;
    this.reason = reason;
    this.offset = offset;
  }
}
