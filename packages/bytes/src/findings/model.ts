/**
 * The finding: one question that was asked of evidence, of a request or of a part of the system, with its answer.
 *
 * Member names are those of the JSON form, so that a finding is stored, nested and printed without translation.
 * Byte strings stand as lower-case hex, times as RFC 3339 UTC, SVNs as numbers or arrays of numbers.
 */
import type { FindingId } from './register/index.js';

/** JSON data as a finding carries it. */
export type FindingData =
  | null
  | boolean
  | number
  | string
  | readonly FindingData[]
  | { readonly [key: string]: FindingData };

export const OUTCOMES = ['pass', 'fail', 'warn', 'not-checked'] as const;
/** `pass`: satisfied. `fail`: not satisfied. `warn`: worth knowing, refuses nothing. `not-checked`: could not be asked. */
export type Outcome = (typeof OUTCOMES)[number];

export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const;
/** `critical`: cannot be believed or is unsafe. `high`: outside the owner's rules. `medium`: weaker than it looks. `low`: information. */
export type Severity = (typeof SEVERITIES)[number];

/** The pipeline, in its order. */
export const STAGES = [
  'request',
  'parse',
  'endorse',
  'authenticate',
  'bind',
  'appraise',
  'policy',
  'release',
  'operate',
] as const;
export type Stage = (typeof STAGES)[number];

/** Who can act on a finding; never "whose fault". */
export type Party = 'guest' | 'host' | 'owner' | 'vendor' | 'server';
/** Who may see a finding. */
export type Audience = 'owner' | 'host' | 'guest';
export type Retry = 'never' | 'after-change' | 'later' | 'now';
export type Role = 'root' | 'consequence';

/** What an unauthenticated caller is told instead of the finding. */
export type GuestCode =
  | 'request.malformed'
  | 'request.unsupported'
  | 'session.invalid'
  | 'evidence.malformed'
  | 'evidence.refused'
  | 'appraisal.refused'
  | 'token.refused'
  | 'resource.refused'
  | 'resource.missing'
  | 'busy'
  | 'unavailable'
  | 'internal';

export type Relation =
  | 'equal'
  | 'one-of'
  | 'at-least'
  | 'at-most'
  | 'within'
  | 'prefix'
  | 'signed-by'
  | 'chains-to'
  | 'not-in'
  | 'present'
  | 'absent'
  | 'well-formed'
  | 'rule';

export type ComparedType =
  | 'bytes'
  | 'digest'
  | 'integer'
  | 'svn'
  | 'tcb'
  | 'flags'
  | 'time'
  | 'interval'
  | 'text'
  | 'key'
  | 'certificate'
  | 'json'
  | 'version';

/** One side of a comparison made by a policy. */
export interface Operand {
  /** `{claim: "input.snp.measurement"}`, `{literal: true}`, `{reference_value: "name"}` or `{result: "count(…)"}`. */
  readonly origin: { readonly [key: string]: FindingData };
  /** Absent when undefined. */
  readonly value?: FindingData;
  readonly encoding?: string;
  readonly length?: number;
}

/** A component that falls short, as vendors count them. */
export interface ShortfallRow {
  readonly component: string;
  readonly label?: string;
  readonly has: FindingData;
  readonly wants: FindingData;
  readonly updated_by?: string;
}

/** How expected and actual were compared, and how to show it. */
export interface Comparison {
  readonly relation: Relation;
  readonly type: ComparedType;
  readonly unit?: string;
  readonly display?: { readonly expected?: string; readonly actual?: string };
  readonly first_difference?: { readonly offset: number; readonly expected: string; readonly actual: string };
  readonly rows?: readonly ShortfallRow[];
  /** Facts that help: `equal-after-decoding: base64`, `length 1185, 1184 without the last byte`. */
  readonly also?: readonly string[];
  /** Of policy comparisons: operator, source text, how many expressions of the body held before, number of bodies, the two sides. */
  readonly operator?: string;
  readonly text?: string;
  readonly held_before?: number;
  readonly bodies?: number;
  readonly left?: Operand;
  readonly right?: Operand;
  /** Of reference values: the registered value that is nearest by its inputs. */
  readonly nearest?: { readonly [key: string]: FindingData };
}

export type OriginKind = 'spec' | 'vendor' | 'reference-value' | 'policy' | 'request' | 'setting' | 'pin';
/** Who says what is expected, typed. Members beside `kind` depend on it (document, name, policy, rule, location …). */
export interface Origin {
  readonly kind: OriginKind;
  readonly [key: string]: FindingData;
}

/** A complete command that can be pasted. */
export interface Action {
  readonly run: string;
  readonly on: 'owner' | 'host' | 'guest';
  readonly why?: string;
}

/** A hypothesis, or (`confirmed`) what the data prove. */
export interface Cause {
  readonly text: string;
  readonly confirmed?: true;
}

/** One finding of a verdict. */
export interface Finding {
  readonly id: FindingId;
  /** Unique within the verdict (`f1`, `f2` …), target of `caused_by`. */
  readonly key: string;
  readonly outcome: Outcome;
  readonly severity?: Severity;
  readonly stage?: Stage;
  /** What the check was about: `quote`, `RTMR2`, `gpu0`, `kbs:///default/key/1`. */
  readonly subject?: string;
  /** The owner's line, at most 100 characters, no line break. */
  readonly title?: string;
  readonly expected?: FindingData;
  readonly actual?: FindingData;
  readonly compare?: Comparison;
  /** One line: who says what is expected. */
  readonly source?: string;
  readonly origin?: Origin;
  /** Imperative, one or two sentences. */
  readonly remedy?: string;
  readonly actions?: readonly Action[];
  /** Most likely first. */
  readonly causes?: readonly Cause[];
  readonly caused_by?: readonly string[];
  readonly role?: Role;
  readonly party?: Party;
  readonly audience?: readonly Audience[];
  readonly guest_code?: GuestCode;
  readonly retry?: Retry;
  /** Seconds, with `retry: later`. */
  readonly retry_after?: number;
  readonly doc?: string;
  /** Name of the neighbour that found it, when it was nested from another hop. */
  readonly via?: string;
}

/** Names another finding before keys are given: by its id, by id and subject, or by the draft itself. */
export type FindingRef = FindingId | { readonly id: FindingId; readonly subject?: string | undefined };

/** A finding before it is part of a verdict: no key yet, causes named by reference. */
export interface FindingDraft extends Omit<Finding, 'key' | 'role' | 'caused_by'> {
  /** Findings without which this one would not have failed. */
  readonly causedBy?: readonly FindingRef[];
}

/** About authenticity only. Absent when the exchange did not get as far as evidence. */
export type VerdictWord = 'accept' | 'reject' | 'incomplete';
/** What came of it; absent where no policy was asked. */
export type Decision = 'accept' | 'refuse' | 'undecided';

/** An endorsement that the verdict rests on. */
export interface CollateralUse {
  readonly item: string;
  readonly issued?: string;
  readonly next_update?: string;
  readonly fetched_at?: string;
  readonly fetched_from?: string;
  readonly used_beyond?: boolean;
}

/** A policy that was asked, for one submodule or one resource. */
export interface PolicyUse {
  readonly id: string;
  /** SHA-384 of the text, lower-case hex. */
  readonly digest: string;
  readonly version?: number;
  readonly submod?: string;
  readonly tier?: string;
}

/** A reference value that a policy asked for, as it stood. */
export interface ReferenceValueUse {
  readonly name: string;
  /** Absent when no usable value was registered. */
  readonly value?: FindingData;
  readonly expires?: string;
  readonly publisher?: string;
  readonly registered_at?: string;
  readonly state: 'present' | 'missing' | 'expired';
}

/** Everything that came of one attempt: a value, stored, shown and replayed as it is. */
export interface Verdict {
  readonly verdict?: VerdictWord;
  readonly decision?: Decision;
  /** TEE or what was verified: `tdx`, `snp`, `sample` … */
  readonly kind: string;
  readonly attempt?: string;
  /** Time of verification, RFC 3339 UTC. */
  readonly at: string;
  /** True when the time was chosen by the caller (`--at`, a replay). */
  readonly as_of?: true;
  readonly valid_until?: string;
  /** The first root's title, or what was accepted. */
  readonly summary: string;
  readonly stages: { readonly [stage in Stage]?: Outcome };
  /** Keys of the root findings, first one first. */
  readonly roots: readonly string[];
  /** In execution order. */
  readonly findings: readonly Finding[];
  readonly claims?: FindingData;
  readonly collateral?: readonly CollateralUse[];
  readonly policies?: readonly PolicyUse[];
  readonly reference_values?: readonly ReferenceValueUse[];
  /** Trust tier per submodule: `{cpu0: "affirming"}`. */
  readonly tiers?: { readonly [submod: string]: string };
}
