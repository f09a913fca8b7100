/** How a key broker client reaches its broker: given from outside, so that a client runs over TLS, RA-TLS or in a test. */
export type Transport = (request: TransportRequest) => Promise<TransportAnswer>;

export interface TransportRequest {
  readonly method: 'GET' | 'POST';
  /** Path with query, below the broker's URL: `/kbs/v0/auth`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface TransportAnswer {
  readonly status: number;
  /** `Set-Cookie` headers as received. */
  readonly setCookie: readonly string[];
  readonly body: Uint8Array;
  /** Header `assay-attempt`, where the broker gave one. */
  readonly attempt?: string;
}
