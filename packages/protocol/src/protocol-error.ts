/** Ids of the error register that this package raises; the services add audience, status and remedy. */
export type ProtocolErrorCode =
  | 'request.body.form'
  | 'request.version.served'
  | 'request.tee.known'
  | 'request.key.supported'
  | 'evidence.json.form'
  | 'binding.init-data.form'
  | 'resource.name.form'
  | 'response.body.form'
  | 'response.jwe.opened'
  | 'token.form.valid'
  | 'token.algorithm.allowed'
  | 'token.issuer.trust'
  | 'token.signature.valid'
  | 'token.time.left'
  | 'token.claim.match'
  | 'token.key.present';

export interface ProtocolErrorDetails extends ErrorOptions {
  /** JSON pointer (RFC 6901) of the faulty member in the message; absent when the message as a whole is meant. */
  readonly path?: string;
  readonly expected?: string;
  /** What was found, in words or a short public value: never a secret, never attacker-sized. */
  readonly actual?: string;
}

/** A message that breaks the protocol. The text says what was wrong and where; it holds nothing secret. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: ProtocolErrorCode;
  readonly path: string | undefined;
  readonly expected: string | undefined;
  readonly actual: string | undefined;

  constructor(code: ProtocolErrorCode, message: string, details: ProtocolErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.path = details.path;
    this.expected = details.expected;
    this.actual = details.actual;
  }
}

/** A peer's text made safe for a message: printable, at most 40 characters. */
export function quoteBriefly(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, '?');
  return printable.length > 40 ? `"${printable.slice(0, 37)}..."` : `"${printable}"`;
}
