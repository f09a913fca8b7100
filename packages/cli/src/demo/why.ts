/** Why something was refused, as the owner of the images reads it. */
import { type Finding, type FindingDraft, shortened, type Verdict } from '@assay/bytes/findings';
import { explain } from '../commands/audit.js';
import type { Terminal } from '../terminal/style.js';
import type { DemoWorld } from './world.js';

/** One reason: what was expected, what was found, what to do. */
export type Reason = Pick<Finding, 'id' | 'title' | 'expected' | 'actual' | 'remedy' | 'party'>;

/** What the audit has of one attempt. */
export type Audited = Parameters<typeof explain>[1];

export async function auditOf(world: DemoWorld, attempt: string): Promise<Audited> {
  return (await world.owner.json('GET', `/api/v1/attestations/${attempt}`)) as Audited;
}

/** What refused: the roots of the verdict; of an attempt that was accepted, what was refused later in its name. */
export function reasonsOf({ verdict, releases }: Audited): readonly Reason[] {
  const { roots = [], findings = [] } = verdict ?? {};
  if (roots.length > 0) return roots.flatMap((key) => findings.filter((finding) => finding.key === key)).map(reasonOf);
  const later = releases.filter(({ decision }) => decision !== 'released').flatMap((release) => release.findings);
  return later.filter(({ outcome }) => outcome === 'fail').map(reasonOf);
}

export function reasonOf({ id, title, expected, actual, remedy, party }: Finding | FindingDraft): Reason {
  return {
    id,
    ...(title === undefined ? {} : { title }),
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
    ...(remedy === undefined ? {} : { remedy }),
    ...(party === undefined ? {} : { party }),
  };
}

/** A few lines of a reason. Values that its title holds already are not told twice. */
export function briefly({ id, title = id, expected, actual, remedy, party }: Reason): readonly string[] {
  const value = (label: string, of: Reason['actual']): string[] => {
    const text = typeof of === 'string' ? shortened(of) : '';
    return text === '' || title.includes(text) ? [] : [`${label}${text}`];
  };
  return [
    title,
    ...value('found  ', actual),
    ...value('wanted ', expected),
    ...(remedy === undefined ? [] : [`do     ${remedy}`]),
    `id     ${id}${party === undefined ? '' : `; ${party} can act`}`,
  ];
}

/** The whole explanation, as `assay audit show` prints it, without the line that names the attempt. */
export function explanation(out: Terminal, audited: Audited): string {
  const { attempt: _told, ...verdict } = audited.verdict ?? {};
  const shown = audited.verdict === undefined ? audited : { ...audited, verdict: verdict as Verdict };
  const [, ...lines] = explain(out, { ...shown, releases: [] })
    .trimEnd()
    .split('\n');
  return lines
    .filter((line, index) => line !== '' || (index > 0 && lines[index - 1] !== ''))
    .join('\n')
    .trim();
}
