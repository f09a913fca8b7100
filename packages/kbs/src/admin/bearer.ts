/** The credentials of `Authorization: Bearer <token>` (RFC 6750), or undefined. The scheme's case does not count. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(header ?? '')?.[1];
}
