/** `WWW-Authenticate` of a registry (RFC 9110 section 11.6.1, and the token scheme of the distribution project). */

export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const LONGEST_HEADER = 8192;

/** The first challenge of a header that names a scheme which is known; undefined when there is none. */
export function readChallenge(header: string | null): Challenge | undefined {
  if (header === null || header.length > LONGEST_HEADER) return undefined;
  const found = /(?:^|,\s*)(Bearer|Basic)(?=\s|$)/i.exec(header);
  if (found === null) return undefined;
  const [, scheme = ''] = found;
  const parameters = new Map<string, string>();
  const rest = header.slice(found.index + found[0].length);
  for (const [, name = '', quoted, plain] of rest.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)) {
    const value = quoted === undefined ? (plain ?? '') : quoted.replaceAll(/\\(.)/g, '$1');
    if (!parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), value);
  }
  return { scheme: scheme.toLowerCase(), parameters };
}
