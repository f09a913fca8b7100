/** Which part failed, as upstream's texts name it. */
export type PullPart = 'Image Pull' | 'Image Client' | 'Attestation Agent client';

/** An image cannot be pulled. Its text is told to the caller: never a secret. */
export class PullError extends Error {
  override readonly name = 'PullError';
  readonly part: PullPart;

  constructor(part: PullPart, message: string, options?: ErrorOptions) {
    super(message, options);
    this.part = part;
  }
}
