/**
 * Static types of policies.
 *
 * Policies in the field were written for regorus, which has no static types: a text that runs there must run here, so nothing is
 * refused because of a type, neither an attestation policy nor a resource policy. What OPA's type checker would refuse can never
 * hold at run time either; whoever sets the policy is told.
 */
import { type FindingDraft, reported } from '@assay/bytes/findings';
import { type CompileOptions, compile, RegoErrors } from '@assay/rego';

/** How every policy is compiled for evaluation. */
export const UNTYPED: Pick<CompileOptions, 'typeCheck'> = { typeCheck: false };

/** What a type checker says about a text that compiles without one: one warning for each error. */
export function typeWarnings(file: string, text: string, options: CompileOptions = {}): readonly FindingDraft[] {
  try {
    compile([{ file, text }], { ...options, typeCheck: true });
    return [];
  } catch (thrown) {
    if (!(thrown instanceof RegoErrors)) throw thrown;
    return thrown.errors.map(({ message, loc }) => ({
      ...reported('policy.compare.type', `${file}:${loc.row}: ${message}`, {
        subject: file,
        source: 'static types of Rego',
        origin: { kind: 'policy', policy: file, location: `${file}:${loc.row}:${loc.col}` },
        remedy: `Correct line ${loc.row}: an expression of these types never holds.`,
        causes: [],
      }),
      outcome: 'warn' as const,
    }));
  }
}
