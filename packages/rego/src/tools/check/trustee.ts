/** The trustee profile: what regorus 0.11, built as Trustee builds it, would not accept. */
import type { Module } from '../../ast/types.js';
import { dottedName, walkRule } from '../../ast/visit.js';
import type { CheckFinding } from './finding.js';

/** Families and single names that this build lacks; Trustee enables `regex`, `base64` and `time` beyond what is always on. */
const MISSING: readonly RegExp[] = [
  /^(base64url|crypto|glob|graph|graphql|hex|http|io|net|opa|providers|rego|semver|urlquery|uuid|yaml)\./,
  /^(walk|json\.(patch|match_schema|verify_schema)|regex\.(find_all_string_submatch_n|globs_match)|strings\.render_template)$/,
];

function isMissingInTrustee(builtin: string): boolean {
  return MISSING.some((pattern) => pattern.test(builtin));
}

/** `isBuiltin` tells names of built-ins from those of the module's own functions. */
export function checkTrusteeProfile(module: Module, isBuiltin: (name: string) => boolean): CheckFinding[] {
  const found: CheckFinding[] = [];
  for (const rule of module.rules) {
    walkRule(rule, {
      term: (term) => {
        if (term.kind === 'template') {
          found.push({
            code: 'trustee-syntax',
            severity: 'warning',
            message: 'template strings are not known to the engine of Trustee',
            remedy: 'use sprintf',
            loc: term.loc,
          });
        }
        if (term.kind === 'call') {
          const name = dottedName(term.callee) ?? '';
          if (isBuiltin(name) && isMissingInTrustee(name)) {
            found.push({
              code: 'trustee-builtin',
              severity: 'warning',
              message: `${name} does not exist in the engine of Trustee (regorus 0.11): the policy would fail there`,
              remedy: 'avoid it where the policy has to run on both',
              loc: term.loc,
            });
          }
        }
        return undefined;
      },
    });
  }
  return found;
}
