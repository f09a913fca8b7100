/** Schemes that wrap the private options of a layer for its recipients. */

/** Annotations of a layer's descriptor that hold wrapped options: one or more base64 texts, joined with commas. */
export const KEY_ANNOTATION = {
  jwe: 'org.opencontainers.image.enc.keys.jwe',
  pkcs7: 'org.opencontainers.image.enc.keys.pkcs7',
  pgp: 'org.opencontainers.image.enc.keys.pgp',
  pkcs11: 'org.opencontainers.image.enc.keys.pkcs11',
  /** The provider's name follows. */
  provider: 'org.opencontainers.image.enc.keys.provider.',
} as const;

export type KeyScheme = keyof typeof KEY_ANNOTATION;

/** Wraps options for all recipients of one scheme. */
export interface KeyWrapper {
  /** Name of the annotation. */
  readonly annotation: string;
  /** @returns one entry of the annotation */
  wrap(options: Uint8Array): Promise<Uint8Array>;
}

/** How an entry was opened, for people and logs: names, never key material. */
export type OpenedWith = { readonly [fact: string]: string | number };

/** What came of an entry: its options, or why this unwrapper does not open it. */
export type Unwrapped =
  | { readonly options: Uint8Array; readonly with: OpenedWith }
  | { readonly options?: undefined; readonly reason: string };

/** Opens entries of one scheme, with the keys that it was made of. */
export interface KeyUnwrapper {
  readonly scheme: KeyScheme;
  /** Keys (or providers) that it has. */
  readonly keys: number;
  /** True for an annotation that it can try. */
  reads(annotation: string): boolean;
  /** Never throws for what an entry holds. May throw AssayError when a service that it asks is out. */
  unwrap(entry: Uint8Array, annotation: string): Promise<Unwrapped>;
}
