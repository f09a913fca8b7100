export type SealedSecretFault =
  /** Not of the form. */
  | 'malformed'
  /** Signed with another algorithm than ES256. */
  | 'algorithm-unsupported'
  /** The signing key is not there. */
  | 'key-not-found'
  /** The signing key is not a P-256 JWK. */
  | 'key-invalid'
  | 'signature-invalid'
  | 'unsupported-version'
  /** No driver of that name here, or none that does what the secret's type needs. */
  | 'unsupported-provider'
  /** The provider did not give the secret or the key. */
  | 'provider-failed'
  /** The data do not open with the key. */
  | 'decryption-failed';

/** Why a sealed secret is not unsealed. The text never holds a part of the secret. */
export class SealedSecretError extends Error {
  override readonly name = 'SealedSecretError';
  readonly fault: SealedSecretFault;

  constructor(fault: SealedSecretFault, message: string, options?: ErrorOptions) {
    super(`sealed secret: ${message}`, options);
    this.fault = fault;
  }
}
