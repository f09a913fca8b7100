import type { JsonObject } from '@assay/bytes';

/** Where a key or secret is, as a sealed secret or an image's annotation names it. */
export interface KmsReference {
  /** Settings of the provider's client (`provider_settings`). */
  readonly settings: JsonObject;
  readonly annotations: JsonObject;
}

/**
 * A key management service as a guest uses it: by its own API, under names that somebody else chose. Apart from
 * {@link KeyManagement}, which wraps keys of this house. Drivers do what their service can.
 */
export interface KmsDriver {
  /** Decrypts what the service encrypted. @throws KmsError */
  readonly decrypt?: (ciphertext: Uint8Array, keyId: string, reference: KmsReference) => Promise<Uint8Array>;
  /** A secret that the service keeps. @throws KmsError */
  readonly getSecret?: (name: string, reference: KmsReference) => Promise<Uint8Array>;
}

/** Drivers by their name in lower case. */
export type KmsDrivers = Readonly<Record<string, KmsDriver>>;

/**
 * `settings`: what the secret or this guest's files say cannot be used; nothing was sent. `refused`: the service said no.
 * `throttled`: it said too often. `unreachable`: no answer. `answer`: an answer that is none.
 */
export type KmsFault = 'settings' | 'refused' | 'throttled' | 'unreachable' | 'answer';

/** The service refused, or could not be asked. Never holds a credential, nor what the service answered beyond the error's name. */
export class KmsError extends Error {
  override readonly name = 'KmsError';
  readonly fault: KmsFault;

  constructor(fault: KmsFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}
