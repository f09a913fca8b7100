/** Names that the caller of a policy relies on: its package, its rules, the trust claims. */
import type { Module, ObjectTerm, Rule, Term } from '../../ast/types.js';
import type { CheckFinding, Purpose } from './finding.js';

/** The claims of an AR4SI trustworthiness vector. */
export const TRUST_CLAIMS: readonly string[] = [
  'instance-identity',
  'configuration',
  'executables',
  'file-system',
  'hardware',
  'runtime-opaque',
  'storage-opaque',
  'sourced-data',
];

const RULES: Readonly<Record<Purpose, { readonly required: string; readonly known: readonly string[] }>> = {
  attestation: { required: 'trust_claims', known: ['trust_claims', 'extensions'] },
  resource: { required: 'allow', known: ['allow'] },
};

export function checkNames(module: Module, purpose: Purpose): CheckFinding[] {
  const found: CheckFinding[] = [];
  const path = module.package.path.join('.');
  if (path !== 'policy') {
    found.push({
      code: 'package-name',
      severity: 'error',
      message: `package ${path} is never asked: the service evaluates package policy`,
      remedy: 'write `package policy`',
      loc: module.package.loc,
    });
  }
  const { required, known } = RULES[purpose];
  const names = new Set(module.rules.map((rule) => rule.head.ref[0].name));
  for (const rule of module.rules) {
    const { name } = rule.head.ref[0];
    const meant = known.includes(name) ? undefined : known.find((k) => !names.has(k) && isNear(name, k));
    if (meant === undefined) continue;
    found.push({
      code: 'misnamed-rule',
      severity: 'error',
      message: `rule ${name} is never asked; did you mean ${meant}?`,
      remedy: `rename it to ${meant}`,
      loc: rule.head.loc,
    });
  }
  if (!names.has(required)) {
    found.push({
      code: 'missing-rule',
      severity: 'error',
      message: `rule ${required} is missing, so the policy decides nothing`,
      remedy: `define ${required}`,
      loc: module.package.loc,
    });
  }
  if (purpose === 'attestation') for (const rule of module.rules) found.push(...checkTrustClaims(rule));
  return found;
}

/** Keys of the objects that `trust_claims` is defined as, and keys that are set one by one. */
function checkTrustClaims(rule: Rule): CheckFinding[] {
  const { head } = rule;
  if (head.ref[0].name !== 'trust_claims') return [];
  const found: CheckFinding[] = [];
  const key = head.ref[1];
  if (key?.kind === 'string') found.push(...checkClaim(key));
  for (const value of [head.value, ...rule.else.map((branch) => branch.value)]) {
    if (value?.kind === 'object') found.push(...checkObject(value));
  }
  return found;
}

function checkObject(object: ObjectTerm): CheckFinding[] {
  return object.entries.flatMap((entry) => checkClaim(entry.key));
}

function checkClaim(key: Term): CheckFinding[] {
  if (key.kind !== 'string' || TRUST_CLAIMS.includes(key.value)) return [];
  const meant = TRUST_CLAIMS.find((claim) => isNear(key.value, claim));
  return [
    {
      code: 'unknown-trust-claim',
      severity: 'error',
      message: `${JSON.stringify(key.value)} is no trust claim${meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`}`,
      remedy: `use one of ${TRUST_CLAIMS.join(', ')}`,
      loc: key.loc,
    },
  ];
}

/** The same but for separators, a plural, or up to two edits. */
function isNear(a: string, b: string): boolean {
  const x = a.toLowerCase().replaceAll(/[-_]/g, '');
  const y = b.toLowerCase().replaceAll(/[-_]/g, '');
  return x === y || (Math.min(x.length, y.length) > 3 && distance(x, y) <= 2);
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
