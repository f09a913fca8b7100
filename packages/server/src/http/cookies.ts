/** Largest `Cookie` header that is looked at, in characters. */
const longest = 8192;

/**
 * Value of a cookie, RFC 6265 section 5.4: the first pair of that name.
 *
 * Quotes are not taken off and nothing is percent-decoded: the session id is compared as it stands.
 */
export function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined || header.length > longest) return undefined;
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
