/** Settings of `[attestation_token]`, members named as in a Trustee KBS configuration. */
export interface TokenTrustConfig {
  /** JWK sets: path, `file://`, or `https://` (also as an OpenID Connect issuer). */
  readonly trusted_jwk_sets?: readonly string[];
  /** PEM files whose certificates are trust anchors (self-signed) or intermediates for a token's `jwk.x5c`. */
  readonly trusted_certs_paths?: readonly string[];
  /** RFC 6901 pointers to the guest's key in the claims, tried before the built-in ones. */
  readonly extra_teekey_paths?: readonly string[];
  /** Believes the key that a token itself brings: anybody can then issue tokens. For tests only, and warned of. */
  readonly insecure_header_jwk?: boolean;
  /** Seconds between refreshes of `https://` JWK sets; default 300. */
  readonly refresh_seconds?: number;
}
