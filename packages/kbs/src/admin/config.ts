/** Administration settings, members named as in a Trustee KBS configuration (`[admin]`). */

/** One issuer of admin tokens. At least one of the two key sources is needed. */
export interface IdentityProvider {
  /** `iss` must equal this, where given. */
  readonly issuer?: string;
  /** `aud` must be or contain this, where given. */
  readonly audience?: string;
  /** PEM public key: path, `file://` or `https://`. */
  readonly public_key_uri?: string;
  /** JWK set: path, `file://`, or `https://` (also as an OpenID Connect issuer). */
  readonly jwk_set_uri?: string;
  /** PEM public keys given in place: for the key that the server made at first start. */
  readonly public_keys?: readonly string[];
}

/** One rule: tokens of `role` may call what `allowed_endpoints` matches. */
export interface AclEntry {
  readonly role: string;
  /** Regular expression over the request URI with its query; starts with `^/kbs` or `^/api` and ends with `$`. */
  readonly allowed_endpoints: string;
}

export type AdminConfig =
  | { readonly authorization_mode: 'DenyAll' }
  | { readonly authorization_mode: 'InsecureAllowAll' }
  | {
      readonly authorization_mode: 'AuthenticatedAuthorization';
      readonly authentication: { readonly bearer_jwt: { readonly identity_providers: readonly IdentityProvider[] } };
      readonly authorization: { readonly regex_acl: { readonly acls: readonly AclEntry[] } };
    };
