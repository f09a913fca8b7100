/** Which rule gives which trust claim: read from the object that `trust_claims` is. */
import { isTrustClaim, type TrustClaim } from '@assay/protocol';
import { parseModule, type Term } from '@assay/rego';

const cache = new Map<string, ReadonlyMap<TrustClaim, string>>();
const MOST_CACHED = 64;

/** Claim → rule name, for the entries whose value is a plain reference to a rule. */
export function claimRules(text: string): ReadonlyMap<TrustClaim, string> {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const rules = new Map<TrustClaim, string>();
  for (const rule of parseModule(text, { file: 'policy.rego', regoVersion: 'v1' }).rules) {
    const value = rule.head.value;
    if (rule.head.ref[0].name !== 'trust_claims' || value?.kind !== 'object') continue;
    for (const entry of value.entries) {
      const name = ruleName(entry.value);
      if (entry.key.kind === 'string' && isTrustClaim(entry.key.value) && name !== undefined)
        rules.set(entry.key.value, name);
    }
  }
  if (cache.size >= MOST_CACHED) cache.clear();
  cache.set(text, rules);
  return rules;
}

/** `executables`, `data.policy.executables` */
function ruleName(term: Term): string | undefined {
  if (term.kind === 'var') return term.wildcard ? undefined : term.name;
  if (term.kind !== 'ref' || term.head.kind !== 'var' || term.head.name !== 'data') return undefined;
  const [first, second] = term.path;
  return first?.kind === 'string' && first.value === 'policy' && second?.kind === 'string' ? second.value : undefined;
}
