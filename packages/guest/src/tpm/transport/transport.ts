/** How commands reach a TPM. One command is under way at a time; the caller sees to that. */
export interface TpmTransport {
  /** What it is, for errors: `/dev/tpmrm0`, `tcp:127.0.0.1:2321`. */
  readonly name: string;
  /**
   * Sends one whole command and reads one whole response.
   *
   * @throws TpmError `transport`; the transport is of no use afterwards
   */
  transmit(command: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Milliseconds that a TPM may take for one command: making an RSA key takes a slow chip up to two minutes. */
export const DEFAULT_TIMEOUT_MS = 180_000;

/** Size of the header of every response: tag, size, response code. */
export const HEADER_SIZE = 10;
