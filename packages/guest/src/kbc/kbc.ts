import type { ResourceUri } from '@assay/protocol';

/**
 * A key broker client: what the guest asks for secrets. Each kind (online with attestation, files, SEV injection …) keeps
 * this contract, and one test-suite runs against all of them.
 */
export interface Kbc {
  /** Secret behind a KBS resource URI. @throws KbcError */
  getResource(uri: ResourceUri): Promise<Uint8Array>;
}

/** A client that also gets attestation tokens. */
export interface AttestingKbc extends Kbc {
  /** A valid attestation token (compact JWS), from memory or from a new handshake. @throws KbcError */
  getToken(): Promise<string>;
}
