import type { JsonObject } from '@assay/bytes';

/** Where a key or secret is, as a sealed secret or an image's annotation names it. */
export interface KmsReference {
  /** Settings of the provider's client. */
  readonly settings: JsonObject;
  readonly annotations: JsonObject;
}

/** A key management service as the guest uses it. Drivers do what their service can. */
export interface KmsDriver {
  /** Decrypts what the service encrypted. */
  readonly decrypt?: (ciphertext: Uint8Array, keyId: string, reference: KmsReference) => Promise<Uint8Array>;
  /** A secret that the service keeps. */
  readonly getSecret?: (name: string, reference: KmsReference) => Promise<Uint8Array>;
}

/** Drivers by their name in lower case. */
export type KmsDrivers = Readonly<Record<string, KmsDriver>>;

/** The service refused, or could not be asked. Never holds a credential or an answer. */
export class KmsError extends Error {
  override readonly name = 'KmsError';
}
