/**
 * Which role may call what: upstream's regular expressions over the request URI, made safe. They are matched by the policy
 * engine's expression machine (RE2 syntax, linear time), over the whole URI, in the form received and in decoded form; a rule that
 * names no query must match the path by itself too.
 */
import { assayError } from '@assay/bytes/findings';
import type { AclEntry } from './config.js';
import { type Matcher, matcher } from './matcher.js';

/** Longest URI that is matched; longer ones are allowed by no rule. */
const LONGEST_URI = 8192;
const ROOTS = ['^/kbs', '^/api'];

interface Rule {
  readonly role: string;
  readonly pattern: string;
  readonly matches: Matcher;
}

export class EndpointAcl {
  readonly #rules: readonly Rule[];

  /** @throws AssayError `config.file.form` for a pattern that is not anchored or does not parse */
  constructor(entries: readonly AclEntry[]) {
    this.#rules = entries.map((entry, index) => {
      const pattern = entry.allowed_endpoints;
      const why = fault(pattern);
      if (why !== undefined) throw misconfigured(index, pattern, why);
      try {
        return { role: entry.role, pattern, matches: matcher(pattern) };
      } catch (cause) {
        throw misconfigured(index, pattern, 'a regular expression', cause);
      }
    });
  }

  /** @param uri request URI as received, with its query */
  allows(role: string, uri: string): boolean {
    if (uri.length > LONGEST_URI) return false;
    const forms = formsOf(uri);
    if (forms === undefined) return false;
    return this.#rules.some((rule) => rule.role === role && forms.every((form) => covers(rule, form)));
  }

  /** Patterns of one role, for the refusal's explanation. */
  allowedTo(role: string): readonly string[] {
    return this.#rules.filter((rule) => rule.role === role).map((rule) => rule.pattern);
  }
}

interface Form {
  readonly uri: string;
  /** The URI without its query. */
  readonly path: string;
}

/**
 * Whether a rule matches a URI. A caller may add any query, and it does not change what is called: a rule that names no query must
 * match the path by itself, or one for whatever ends in `/public` would be met by `/kbs/v0/resource/a/b/secret?/public`.
 */
function covers({ pattern, matches }: Rule, { uri, path }: Form): boolean {
  return matches(uri) && (uri === path || namesQuery(pattern) || matches(path));
}

function namesQuery(pattern: string): boolean {
  return pattern.includes('\\?') || pattern.includes('[?]');
}

/**
 * The texts that must all match: the URI as received and, where percent-encoding hides something, as it will be read. A rule
 * for one repository then cannot be passed by `%2F`, and what cannot be decoded matches nothing.
 */
function formsOf(uri: string): readonly Form[] | undefined {
  // A request has no fragment (RFC 9110 section 7.1); routers cut it off, so that what a rule matched would not be what is called.
  if (hasControl(uri) || uri.includes('#')) return undefined;
  const [path = '', ...query] = uri.split('?');
  const received = { uri, path };
  if (!uri.includes('%')) return [received];
  try {
    const decoded = decodeURIComponent(path);
    return hasControl(decoded) ? undefined : [received, { uri: [decoded, ...query].join('?'), path: decoded }];
  } catch {
    return undefined;
  }
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

/** Why a pattern cannot be a rule, or undefined. */
function fault(pattern: string): string | undefined {
  if (pattern.length > 1024) return 'at most 1024 characters';
  if (!ROOTS.some((root) => pattern.startsWith(root))) return 'a pattern that starts with ^/kbs or ^/api';
  if (!pattern.endsWith('$') || endsEscaped(pattern)) return 'a pattern that ends with $';
  if (hasTopLevelAlternation(pattern))
    return 'a pattern without | outside parentheses, which would leave one side without ^ or $; write ^/kbs/(a|b)$';
  return undefined;
}

/** Whether the final `$` is an escaped one. */
function endsEscaped(pattern: string): boolean {
  const slashes = /\\*(?=\$$)/.exec(pattern)?.[0].length ?? 0;
  return slashes % 2 === 1;
}

function hasTopLevelAlternation(pattern: string): boolean {
  let depth = 0;
  let inClass = false;
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i];
    if (character === '\\') i++;
    else if (inClass) {
      if (character === ']') inClass = false;
    } else if (character === '[') {
      inClass = true;
      // A bracket that comes first in a class is a member of it.
      if (pattern[i + 1] === '^') i++;
      if (pattern[i + 1] === ']') i++;
    } else if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (character === '|' && depth === 0) return true;
  }
  return false;
}

function misconfigured(index: number, pattern: string, expected: string, cause?: unknown): Error {
  return assayError('config.file.form', {
    params: {
      file: '[admin]',
      line: `acls[${index}]`,
      key: 'allowed_endpoints',
      actual: pattern,
      expected,
    },
    actual: pattern,
    cause,
  });
}
