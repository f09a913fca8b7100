/** One GET, or one POST where there is something to send. */
export interface TransportRequest {
  readonly url: URL;
  /** Sent with POST; its type stands in `headers`. */
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** From the first byte sent to the last byte read. */
  readonly timeoutMs: number;
  /** Largest body. */
  readonly maxBytes: number;
}

export interface TransportAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export type TransportFault = 'name' | 'connection' | 'tls' | 'timeout' | 'too-large' | 'incomplete' | 'not-allowed';

/** No usable answer. The message is for the owner and holds nothing of the URL's query. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly fault: TransportFault;

  constructor(fault: TransportFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/** Sends one request. Redirections are answers, not followed. @throws TransportError */
export type Transport = (request: TransportRequest) => Promise<TransportAnswer>;
