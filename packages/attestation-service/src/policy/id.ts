import { assayError } from '@assay/bytes/findings';

declare const policyId: unique symbol;
/** A well-formed id of a stored policy, e.g. `default_cpu`. */
export type PolicyId = string & { readonly [policyId]: true };

const FORM = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** @throws AssayError `policy.id.form` */
export function parsePolicyId(text: string): PolicyId {
  if (FORM.test(text)) return text as PolicyId;
  const what =
    text === ''
      ? 'it is empty'
      : text.length > 128
        ? `it is ${text.length} characters long`
        : 'letters, digits, `_`, `-` and `.` are allowed, the first one a letter or digit';
  throw assayError('policy.id.form', {
    params: { actual: text, what },
    subject: 'policy id',
    expected: FORM.source,
    actual: text,
  });
}
