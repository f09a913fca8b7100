/**
 * Key management: something that wraps small keys under a key-encryption key (KEK) it does not give away.
 * Back ends differ in where the KEK lives; the envelope (`seal`, `open`) is the same over all of them.
 *
 * Errors are `AssayError`s: `kms.backend.answers` (not reachable; try again), `kms.backend.allows` (refused),
 * `kms.key.present` (the KEK named in the wrapped key is not there), `kms.key.unwraps` (the KEK is there, but the
 * bytes do not authenticate under it in this context). No error carries key material, plaintext or ciphertext.
 */
export interface KeyManagement {
  /** Name of the back end, for messages: `builtin`, `vault` … */
  readonly id: string;

  /**
   * Wraps a data-encryption key under the current KEK.
   *
   * @param dek 16 to 64 bytes.
   * @param context Bound to the result: unwrapping needs the same bytes. At most 4096 bytes.
   * @returns opaque bytes, at most 4096, which name the KEK they need.
   */
  wrap(dek: Uint8Array, context: Uint8Array): Promise<Uint8Array>;

  /** Inverse of `wrap`, under whichever KEK the bytes name. */
  unwrap(wrapped: Uint8Array, context: Uint8Array): Promise<Uint8Array>;

  /** Wraps and unwraps a throw-away key. Never throws. */
  health(): Promise<KeyManagementHealth>;
}

export interface KeyManagementHealth {
  readonly ok: boolean;
  /** Id of the KEK that `wrap` uses now. */
  readonly currentKey?: string;
  /** One line for the owner, without secrets. */
  readonly detail: string;
}

/** Source of `length` fresh random bytes; cryptographically strong outside tests. */
export type RandomBytes = (length: number) => Uint8Array;
