import type { Audience, Finding, Verdict } from '../model.js';

/** One document, nothing cut, members in pipeline order: two runs on the same inputs and time are byte-identical but for `attempt`. */
export function renderJson(verdict: Verdict, options: { readonly indent?: number } = {}): string {
  return JSON.stringify(verdict, undefined, options.indent ?? 2);
}

/**
 * The verdict as an audience may see it.
 *
 * `owner` sees everything. `host` (the operator of the machine) sees what the machine's operator can act on, without
 * policies, reference values and claims. `guest` sees nothing of a verdict: it has its code.
 */
export function viewFor(verdict: Verdict, audience: Audience): Verdict {
  if (audience === 'owner') return verdict;
  const seen = (finding: Finding): boolean => audience === 'host' && (finding.audience ?? []).includes('host');
  const findings = verdict.findings.filter(seen).map((finding) => {
    const { caused_by, ...rest } = finding;
    const causes = (caused_by ?? []).filter((key) =>
      verdict.findings.some((other) => other.key === key && seen(other)),
    );
    return causes.length === 0 ? rest : { ...rest, caused_by: causes };
  });
  const { claims, policies, reference_values, tiers, ...rest } = verdict;
  const roots = verdict.roots.filter((key) => findings.some((finding) => finding.key === key));
  const first = findings.find((finding) => finding.key === roots[0]);
  return { ...rest, summary: first?.title ?? 'nothing for the host to act on', roots, findings };
}
