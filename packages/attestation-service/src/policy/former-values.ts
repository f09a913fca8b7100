/** What is known of a claim that is none of the registered values: whether it was one before, or is one under another name. */
import { canonicalJson, type JsonValue } from '@assay/bytes';
import { type FindingDraft, utc } from '@assay/bytes/findings';
import type { FormerValue, ReferenceValueSnapshot, ReferenceValueSource } from '@assay/rvps';

/** None of the values, or no value at all (any more). */
const EXPLAINED: ReadonlySet<string> = new Set(['rv.match.any', 'rv.value.present']);
/** Findings of one appraisal that are looked into. */
const MOST_LOOKUPS = 16;
/** Other names that are told. */
const MOST_NAMES = 3;

/**
 * Completes findings about reference values that do not match, or are not there, with what the history of reference values says. An explanation decides nothing: where the
 * history does not answer, the finding stays as it is.
 */
export async function explainFormerValues(
  findings: readonly FindingDraft[],
  source: ReferenceValueSource,
  view: ReferenceValueSnapshot,
  now: Date,
): Promise<readonly FindingDraft[]> {
  let left = MOST_LOOKUPS;
  const explained: FindingDraft[] = [];
  for (const finding of findings) {
    const name = EXPLAINED.has(finding.id) ? finding.origin?.['name'] : undefined;
    if (typeof name !== 'string' || finding.actual === undefined || left === 0) {
      explained.push(finding);
      continue;
    }
    left -= 1;
    explained.push(await completed(finding, name, finding.actual as JsonValue, source, view, now));
  }
  return explained;
}

async function completed(
  finding: FindingDraft,
  name: string,
  value: JsonValue,
  source: ReferenceValueSource,
  view: ReferenceValueSnapshot,
  now: Date,
): Promise<FindingDraft> {
  const former = await formerOf(source, name, value);
  if (former !== undefined) return wasRegistered(finding, former);
  const others = otherNames(view, name, value, now);
  return others.length === 0 ? finding : registeredElsewhere(finding, others);
}

async function formerOf(
  source: ReferenceValueSource,
  name: string,
  value: JsonValue,
): Promise<FormerValue | undefined> {
  try {
    return await source.former?.(name, value);
  } catch {
    return undefined;
  }
}

function wasRegistered(finding: FindingDraft, former: FormerValue): FindingDraft {
  const { name, version, by, from, until, ended, reason } = former;
  const why = reason === undefined ? '' : ` (${reason.slice(0, 100)})`;
  const text = `it was a value of ${name}, version ${version}, set by ${by} at ${utc(new Date(from))} and ${ended} at ${utc(new Date(until))}${why}`;
  return {
    ...finding,
    causes: [{ text, confirmed: true }],
    remedy:
      ended === 'replaced'
        ? 'Bring the guest to what is registered now. If what it runs is still to be accepted, register that value again beside the new one.'
        : 'Bring the guest to what is registered now. The value was withdrawn on purpose: find out why before registering it again.',
    compare: withNote(finding, `same as version ${version} of ${name}`),
  };
}

function registeredElsewhere(finding: FindingDraft, names: readonly string[]): FindingDraft {
  const [name = ''] = names;
  return {
    ...finding,
    causes: [
      {
        text: `it is a value of ${names.join(', ')}: another workload runs, the value was registered under another name, or the policy asks for the wrong one`,
        confirmed: true,
      },
    ],
    compare: withNote(finding, `same as expected of reference value ${name}`),
  };
}

function withNote(finding: FindingDraft, note: string): NonNullable<FindingDraft['compare']> {
  const compare = finding.compare ?? { relation: 'one-of', type: 'json' };
  return { ...compare, also: [...(compare.also ?? []), note] };
}

/** Live values under other names. Only texts that say something: `1` and `true` are values of many names. */
function otherNames(view: ReferenceValueSnapshot, name: string, value: JsonValue, now: Date): readonly string[] {
  if (typeof value !== 'string' || value.length < 16) return [];
  const wanted = canonicalJson(value);
  const holds = (one: JsonValue) => (Array.isArray(one) ? one : [one]).some((item) => canonicalJson(item) === wanted);
  const found: string[] = [];
  for (const fact of view.all(now.getTime())) {
    if (fact.name !== name && holds(fact.value)) found.push(fact.name);
    if (found.length === MOST_NAMES) break;
  }
  return found;
}
