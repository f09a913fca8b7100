/** What a policy returns is input of this service, and is validated like any other. */
import { isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { type FindingDraft, failed, inLine, nearestName, type Origin, warned } from '@assay/bytes/findings';
import { isTrustClaim, TRUST_CLAIMS, type TrustClaim } from '@assay/protocol';
import type { RuleOutcome } from './engine.js';

/** All eight claims; those that the policy did not set are 0. */
export type FullTrustVector = { readonly [claim in TrustClaim]: number };

/** A policy's extension: a member of the submodule. */
export interface Extension {
  readonly name: string;
  readonly key: number;
  readonly value: JsonValue;
}

export interface Read<T> {
  /** Undefined: the output cannot be used, and the findings say why. */
  readonly value: T | undefined;
  readonly findings: readonly FindingDraft[];
}

/** Where the output came from, for the findings. */
export interface OutputPlace {
  readonly subject: string;
  readonly policy: string;
  readonly origin: Origin;
  /** Names of the rules that the policy has. */
  readonly rules: readonly string[];
}

const NO_CLAIMS: FullTrustVector = Object.fromEntries(TRUST_CLAIMS.map((claim) => [claim, 0])) as {
  [claim in TrustClaim]: number;
};

/** Reads `trust_claims`: an object of trust-claim names and integers. An absent rule gives the empty vector, with a warning. */
export function readTrustClaims(outcome: RuleOutcome, place: OutputPlace): Read<FullTrustVector> {
  if (outcome.kind === 'absent') return { value: NO_CLAIMS, findings: [absentRule('trust_claims', place)] };
  if (outcome.kind === 'undefined') return unusable(undefinedRule('trust_claims', 'no definition of it holds', place));
  const { value } = outcome;
  if (!isJsonObject(value)) return unusable(wrongValue('trust_claims', value, place));
  const findings: FindingDraft[] = [];
  const vector: { [claim in TrustClaim]: number } = { ...NO_CLAIMS };
  for (const [name, item] of Object.entries(value)) {
    if (!isTrustClaim(name)) findings.push(unknownClaim(name, place));
    else if (typeof item !== 'number' || !Number.isInteger(item) || item < -128 || item > 127) {
      findings.push(wrongValue(name, item, place));
    } else vector[name] = item;
  }
  if (Object.keys(value).length === 0) findings.push(undefinedRule('trust_claims', 'it sets no trust claim', place));
  return { value: findings.length === 0 ? vector : undefined, findings };
}

/** Members that the token's format defines; an extension must not replace one (draft-ietf-rats-ear, veraison's profile). */
const STANDARD_NAMES: ReadonlySet<string> = new Set([
  'ear.status',
  'ear.trustworthiness-vector',
  'ear.appraisal-policy-id',
  'ear.raw-evidence',
  'ear.verifier-id',
  'ear.veraison.annotated-evidence',
  'ear.veraison.policy-claims',
  'ear.veraison.key-attestation',
  'ear.veraison.tee-info',
]);
const STANDARD_KEYS: ReadonlySet<number> = new Set([1000, 1001, 1002, 1003, 1004, -70000, -70001, -70002, -70003]);
const MOST_EXTENSIONS = 32;
const LONGEST_NAME = 128;
const LARGEST_VALUES = 256 * 1024;

/** Reads `extensions`: an optional list of `{name, key, value}` with unique names and 32-bit keys. */
export function readExtensions(outcome: RuleOutcome, place: OutputPlace): Read<readonly Extension[]> {
  if (outcome.kind === 'absent') return { value: [], findings: [] };
  if (outcome.kind === 'undefined') return unusable(undefinedRule('extensions', 'no definition of it holds', place));
  const { value } = outcome;
  if (!Array.isArray(value)) return unusable(extensionFault(0, `extensions is ${kindOf(value)}; a list is due`, place));
  const items: readonly JsonValue[] = value;
  if (items.length > MOST_EXTENSIONS) {
    return unusable(extensionFault(items.length, `at most ${MOST_EXTENSIONS} are read`, place));
  }
  const extensions: Extension[] = [];
  const findings: FindingDraft[] = [];
  items.forEach((item, index) => {
    const fault = isJsonObject(item) ? faultOf(item, extensions) : `it is ${kindOf(item)}; an object is due`;
    if (fault !== undefined) findings.push(extensionFault(index, fault, place));
    else if (isJsonObject(item)) {
      extensions.push({ name: item['name'] as string, key: item['key'] as number, value: item['value'] ?? null });
    }
  });
  const size = JSON.stringify(extensions).length;
  if (size > LARGEST_VALUES) findings.push(extensionFault(0, `all together are ${size} characters`, place));
  return { value: findings.length === 0 ? extensions : undefined, findings };
}

function faultOf(item: JsonObject, before: readonly Extension[]): string | undefined {
  const { name, key } = item;
  if (typeof name !== 'string' || name === '') return `name is ${kindOf(name)}; a text is due`;
  if (name.length > LONGEST_NAME) return `name is ${name.length} characters long`;
  if (STANDARD_NAMES.has(name)) return `name ${inLine(name)} is a standard member`;
  if (typeof key !== 'number' || !Number.isInteger(key) || key < -(2 ** 31) || key >= 2 ** 31) {
    return `key is ${key === undefined ? 'absent' : inLine(key)}; a 32-bit integer is due`;
  }
  if (STANDARD_KEYS.has(key)) return `key ${key} is a standard member's`;
  if (!Object.hasOwn(item, 'value')) return 'it has no value';
  if (before.some((other) => other.name === name)) return `name ${inLine(name)} stands twice`;
  if (before.some((other) => other.key === key)) return `key ${key} stands twice`;
  return undefined;
}

function unusable(finding: FindingDraft): Read<never> {
  return { value: undefined, findings: [finding] };
}

function absentRule(rule: string, place: OutputPlace): FindingDraft {
  const nearest = nearestName(rule, place.rules);
  return warned('policy.rule.present', {
    subject: place.subject,
    params: { expected: rule, nearest: nearest === undefined ? 'none' : `\`${nearest}\`` },
    expected: rule,
    actual: place.rules,
    source: place.policy,
    origin: place.origin,
    compare: { relation: 'present', type: 'text' },
  });
}

function undefinedRule(rule: string, why: string, place: OutputPlace): FindingDraft {
  return failed('policy.rule.defined', {
    subject: place.subject,
    params: { rule, why },
    expected: 'a value',
    actual: null,
    source: place.policy,
    origin: place.origin,
    compare: { relation: 'present', type: 'json' },
  });
}

function unknownClaim(name: string, place: OutputPlace): FindingDraft {
  const nearest = nearestName(name, TRUST_CLAIMS) ?? nearestName(name.replaceAll('_', '-'), TRUST_CLAIMS);
  const same = TRUST_CLAIMS.find((claim) => claim === name.replaceAll('_', '-').toLowerCase());
  return failed('policy.trust-claim.known', {
    subject: place.subject,
    params: { actual: name, nearest: same ?? nearest ?? 'none' },
    expected: TRUST_CLAIMS,
    actual: name,
    source: `${place.policy}; AR4SI, trustworthiness vector`,
    origin: place.origin,
    compare: { relation: 'one-of', type: 'text' },
    ...(same === undefined
      ? {}
      : { causes: [{ text: `\`${same}\` is written in another form`, confirmed: true as const }] }),
  });
}

function wrongValue(claim: string, value: JsonValue, place: OutputPlace): FindingDraft {
  return failed('policy.trust-claim.range', {
    subject: place.subject,
    params: { claim, actual: typeof value === 'number' ? value : kindOf(value) },
    expected: [-128, 127],
    actual: value,
    source: `${place.policy}; AR4SI, trustworthiness claims`,
    origin: place.origin,
    compare: { relation: 'within', type: 'integer' },
  });
}

function extensionFault(index: number, what: string, place: OutputPlace): FindingDraft {
  return failed('policy.extension.form', {
    subject: place.subject,
    params: { n: index, what },
    source: place.policy,
    origin: place.origin,
    compare: { relation: 'well-formed', type: 'json' },
  });
}

function kindOf(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return `the text ${inLine(JSON.stringify(value))}`;
  if (typeof value === 'number') return String(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}
