import { Regex } from '@assay/rego';

/** Whether a whole text matches. */
export type Matcher = (text: string) => boolean;

/**
 * A matcher of RE2 syntax that takes linear time and is anchored on both sides, whatever the pattern says itself.
 *
 * @throws when the pattern does not parse
 */
export function matcher(pattern: string): Matcher {
  const machine = Regex.compile(`^(?:${pattern})$`);
  return (text) => machine.test(text);
}
