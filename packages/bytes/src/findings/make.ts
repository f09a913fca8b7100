/**
 * Makers of findings. A maker takes the id, the values of the row's template and the facts; everything else
 * (stage, severity, remedy, causes, party, guest code) comes from the register.
 */
import { GUEST_CODES } from './guest-codes.js';
import type {
  Action,
  Audience,
  Cause,
  Comparison,
  FindingData,
  FindingDraft,
  FindingRef,
  Origin,
  Retry,
  Severity,
  Stage,
} from './model.js';
import type { Placeholders, RegisterEntry } from './register/entry.js';
import { type FindingId, type REGISTER, registerEntry } from './register/index.js';
import { cut, inLine, shortened, visible } from './text.js';

/** Longest title, in characters. */
export const LONGEST_TITLE = 100;

/** Values of the placeholders of a row's title (its remedy uses the same ones). */
export type FindingParams<Id extends FindingId> = {
  readonly [name in Placeholders<(typeof REGISTER)[Id]['title']>]: FindingData;
};

/** Facts of a finding that did not pass. */
export interface FindingFacts {
  readonly subject?: string;
  readonly expected?: FindingData;
  readonly actual?: FindingData;
  readonly compare?: Comparison;
  readonly source?: string;
  readonly origin?: Origin;
  /** Instead of the register's remedy, when the data allow a better one. */
  readonly remedy?: string;
  readonly actions?: readonly Action[];
  /** Instead of the register's causes: those the data leave, or the one they prove. */
  readonly causes?: readonly Cause[];
  readonly causedBy?: readonly FindingRef[];
  readonly severity?: Severity;
  readonly stage?: Stage;
  readonly retry?: Retry;
  readonly retryAfter?: number;
  readonly via?: string;
}

type ParamsArgument<Id extends FindingId> = [Placeholders<(typeof REGISTER)[Id]['title']>] extends [never]
  ? { readonly params?: undefined }
  : { readonly params: FindingParams<Id> };

/** Facts together with the values of the template. */
export type FindingInput<Id extends FindingId> = FindingFacts & ParamsArgument<Id>;

/** A check that holds. */
export function passed(id: FindingId, subject: string, actual?: FindingData): FindingDraft {
  return { id, outcome: 'pass', stage: registerEntry(id).stage, subject, ...(actual === undefined ? {} : { actual }) };
}

/** A check that does not hold, with the outcome that the register gives it (`fail`, or `warn` for rows that only warn). */
export function unmet<Id extends FindingId>(id: Id, input: FindingInput<Id>): FindingDraft {
  return draft(id, registerEntry(id).unmet, input);
}

/** A check that does not hold and refuses, whatever the register's usual outcome is. */
export function failed<Id extends FindingId>(id: Id, input: FindingInput<Id>): FindingDraft {
  return draft(id, 'fail', input);
}

/** Satisfied or not demanded, but worth knowing. */
export function warned<Id extends FindingId>(id: Id, input: FindingInput<Id>): FindingDraft {
  return draft(id, 'warn', input);
}

/** A check that does not hold, in the words of the layer that found it. Those words keep the rules of titles. */
export function reported(id: FindingId, title: string, facts: FindingFacts = {}): FindingDraft {
  const entry = registerEntry(id);
  const { actual, expected, subject } = facts;
  const known = Object.entries({ actual, expected, member: subject }).filter((entry) => entry[1] !== undefined);
  // The values of the row's own template are not known here: a remedy that needs one gives way to the page of the row.
  const remedy = fill(entry.remedy, Object.fromEntries(known) as { readonly [name: string]: FindingData });
  const usable = remedy.includes(MISSING) ? `See ${docLink(id)}.` : remedy;
  const words = cut(visible(title), LONGEST_TITLE);
  return { ...draft(id, entry.unmet, { remedy: usable, ...facts }), title: words };
}

/**
 * A check that could not be made.
 *
 * @param why the owner's line: `not compared: no --report-data was given`
 */
export function notChecked(id: FindingId, why: string, facts: FindingFacts = {}): FindingDraft {
  const { causedBy, retryAfter, ...rest } = facts;
  return {
    id,
    outcome: 'not-checked',
    severity: 'low',
    stage: registerEntry(id).stage,
    ...rest,
    title: cut(why, LONGEST_TITLE),
    ...(causedBy === undefined ? {} : { causedBy }),
    ...(retryAfter === undefined ? {} : { retry_after: retryAfter }),
  };
}

const MISSING = '(unknown)';

/** Fills a template: `{x}` as it is, `{x~}` shortened. A value that is missing shows as `(unknown)`. */
export function fill(template: string, params: { readonly [name: string]: FindingData } | undefined): string {
  return template.replace(/\{([a-z]+)(~?)\}/g, (_, name: string, short: string) => {
    const value = params !== undefined && Object.hasOwn(params, name) ? params[name] : undefined;
    if (value === undefined) return MISSING;
    return short === '~' ? shortened(typeof value === 'string' ? value : JSON.stringify(value)) : inLine(value);
  });
}

/** Who may see it: `owner` always, `host` what the host's operator can act on, `guest` what its code lets it carry. */
function audienceOf(entry: RegisterEntry): readonly Audience[] {
  const audience: Audience[] = ['owner'];
  if (entry.party === 'host') audience.push('host');
  const carries = entry.guest === undefined ? 'nothing' : GUEST_CODES[entry.guest].carries;
  if (carries === 'member' || carries === 'served' || carries === 'part') audience.push('guest');
  return audience;
}

function draft(
  id: FindingId,
  outcome: 'fail' | 'warn',
  input: FindingFacts & { readonly params?: { readonly [name: string]: FindingData } | undefined },
): FindingDraft {
  const entry = registerEntry(id);
  const { params, causedBy, retryAfter, severity, stage, remedy, causes, retry, ...facts } = input;
  const chosenCauses = causes ?? entry.causes.map((text) => ({ text }));
  return {
    id,
    outcome,
    severity: severity ?? entry.severity,
    stage: stage ?? entry.stage,
    ...facts,
    title: cut(fill(entry.title, params), LONGEST_TITLE),
    remedy: remedy ?? fill(entry.remedy, params),
    ...(chosenCauses.length === 0 ? {} : { causes: chosenCauses }),
    party: entry.party,
    audience: audienceOf(entry),
    ...(entry.guest === undefined ? {} : { guest_code: entry.guest }),
    retry: retry ?? entry.retry,
    ...(retryAfter === undefined ? {} : { retry_after: retryAfter }),
    doc: docLink(id),
    ...(causedBy === undefined || causedBy.length === 0 ? {} : { causedBy }),
  };
}

/** Where an id is explained. */
export function docLink(id: FindingId): string {
  return `/docs/findings#${id}`;
}
