/** A guest that hashed the right thing with another algorithm is told apart from one that hashed something else. */
import { encodeHex } from '@assay/bytes';
import { type FindingDraft, failed } from '@assay/bytes/findings';
import { digest, HASH_ALGORITHMS, type HashAlgorithm } from '@assay/protocol';
import type { HashedText } from './expectations.js';

/**
 * Looks for another hash algorithm under which the report data would be right.
 *
 * @returns the findings with `binding.hash.agreed` before the failed comparison, which it then explains
 */
export function explainOtherHash(
  findings: readonly FindingDraft[],
  texts: readonly HashedText[],
  selected: HashAlgorithm,
): readonly FindingDraft[] {
  return findings.flatMap((finding) => {
    if (finding.id !== 'binding.report-data.match' || finding.outcome !== 'fail') return [finding];
    const actual = typeof finding.actual === 'string' ? finding.actual : '';
    const found = otherAlgorithm(actual, texts, selected);
    if (found === undefined) return [finding];
    const subject = finding.subject === undefined ? {} : { subject: finding.subject };
    const agreed = failed('binding.hash.agreed', {
      ...subject,
      params: { actual: found, expected: selected },
      expected: selected,
      actual: found,
      causes: [{ text: `the report data is the ${found} of the right runtime data`, confirmed: true }],
      source: 'hash algorithm of this handshake',
      origin: { kind: 'request', what: 'runtime-data-hash-algorithm' },
    });
    return [agreed, { ...finding, causedBy: [{ id: 'binding.hash.agreed', subject: finding.subject }] }];
  });
}

function otherAlgorithm(
  actual: string,
  texts: readonly HashedText[],
  selected: HashAlgorithm,
): HashAlgorithm | undefined {
  const names = (Object.keys(HASH_ALGORITHMS) as HashAlgorithm[]).filter((name) => name !== selected);
  return names.find((name) =>
    texts.some(({ bytes }) => {
      const expected = encodeHex(digest(name, bytes));
      // TEEs with a field of fixed size pad with zeros on the right.
      return actual === expected || (actual.startsWith(expected) && /^0*$/.test(actual.slice(expected.length)));
    }),
  );
}
