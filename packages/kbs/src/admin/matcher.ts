import { compile } from '@assay/rego';

/** Whether a whole text matches. */
export type Matcher = (text: string) => boolean;

const MODULE = ['package acl', 'default matches := false', 'matches if regex.match(data.pattern, input)'].join('\n');

const ENTRY = compile([{ file: 'acl.rego', text: MODULE }]).prepare('data.acl.matches');

/**
 * A matcher of RE2 syntax that takes linear time (the policy engine's expression machine) and is anchored on both sides,
 * whatever the pattern says itself.
 *
 * @throws EvaluationError when the pattern does not parse
 */
export function matcher(pattern: string): Matcher {
  const settings = { data: { pattern: `^(?:${pattern})$` }, strictBuiltinErrors: true };
  const matches: Matcher = (text) => {
    const outcome = ENTRY.evaluate(text, settings);
    return outcome.kind === 'value' && outcome.value === true;
  };
  // A pattern that does not parse fails here, not at the first request.
  matches('');
  return matches;
}
