/**
 * Why a rule did not give what was hoped for: the body that got furthest, its first expression that did not hold, the two
 * sides of it, and what is known about their difference. One fact becomes one finding; what follows from it points to it.
 */
import type { JsonValue } from '@assay/bytes';
import { type FindingDraft, type FindingRef, failed, type Origin, onOneLine, reported } from '@assay/bytes/findings';
import { absenceNote } from './claims.js';
import { type Diagnosis, diagnosePair } from './diagnose.js';
import { explainReferenceValue, setCommand } from './explain-reference-value.js';
import { operandOf, pathText, type Side, sideOf, sidesOf } from './operands.js';
import type { ReferenceValueRecorder } from './reference-values.js';
import type { PolicyTrace, TracedBody, TracedExpression, TracedRule } from './trace.js';

/** Rules followed into rules: deeper ones are named only. */
const DEEPEST = 4;

export interface ExplainContext {
  /** Submodule or resource: `cpu0`, `kbs:///default/key/1`. */
  readonly subject: string;
  readonly policy: { readonly id: string; readonly digest: string };
  readonly input: JsonValue;
  readonly trace: PolicyTrace;
  readonly referenceValues: ReferenceValueRecorder | undefined;
  /** Which finding made a claim, by dotted path below the TEE's name. */
  readonly origins: { readonly [path: string]: FindingRef };
  readonly now: Date;
}

export interface Explanation {
  /** Causes before consequences; the last one is about the rule itself. */
  readonly findings: readonly FindingDraft[];
  /** What the rule's own finding is referred to by. */
  readonly head: FindingRef;
}

/**
 * Explains one rule.
 *
 * @param value what the rule gave; undefined where it has no value
 */
export function explainRule(
  rule: string,
  value: JsonValue | undefined,
  context: ExplainContext,
  depth = 0,
): Explanation {
  const body = furthestBody(
    context.trace.rules.find((traced) => traced.name === rule),
    context.input,
  );
  if (body?.unmet === undefined) return bare(rule, value, context);
  const { unmet } = body;
  const followed = depth < DEEPEST ? follow(unmet, body, context, depth) : undefined;
  if (followed !== undefined) return withCause(rule, value, body, unmet, followed, context);
  const cause = causeOf(unmet, body, rule, context);
  if (cause.replaces) {
    const { finding } = cause;
    return { findings: [finding], head: refTo(finding) };
  }
  const findings = cause.finding === undefined ? [] : [cause.finding];
  const own = unmetRule(rule, value, body, unmet, [...cause.causedBy, ...findings.map(refTo)], context, cause.also);
  return { findings: [...findings, own], head: refTo(own) };
}

function refTo(finding: FindingDraft): FindingRef {
  return { id: finding.id, ...(finding.subject === undefined ? {} : { subject: finding.subject }) };
}

/** The body whose unmet expression is reached last; among equals the one whose claims exist. */
function furthestBody(rule: TracedRule | undefined, input: JsonValue): TracedBody | undefined {
  const scored = (rule?.bodies ?? [])
    .filter((body) => body.unmet !== undefined)
    .map((body) => ({ body, held: body.held.length, known: knownDepth(body, input) }));
  scored.sort((a, b) => b.known - a.known || b.held - a.held || a.body.row - b.body.row);
  return scored[0]?.body;
}

/** How well a body's claims are known: bodies for another TEE ask for claims of which nothing exists. */
function knownDepth(body: TracedBody, input: JsonValue): number {
  const depths = (body.unmet?.operands ?? []).flatMap((operand) => {
    const side = sideOf(operand, body, input);
    if (side.kind !== 'claim') return [];
    return [side.resolved.depth >= side.path.length ? 3 : side.resolved.depth > 1 ? 2 : 0];
  });
  return depths.length === 0 ? (body.held.length > 0 ? 2 : 1) : Math.max(...depths);
}

/** An expression that rests on another rule without a value leads to that rule's own reason. */
function follow(
  unmet: TracedExpression,
  body: TracedBody,
  context: ExplainContext,
  depth: number,
): Explanation | undefined {
  if (unmet.text.startsWith('not ')) return undefined;
  const bound = body.held.filter(({ operator }) => operator === ':=').map(({ operands }) => operands[0]?.text);
  const names: readonly string[] =
    unmet.text.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`/g, '').match(/(?<![.\w])[A-Za-z_]\w*/g) ?? [];
  const without = context.trace.rules.find(
    ({ name, succeeded }) => !succeeded && names.includes(name) && !bound.includes(name),
  );
  return without === undefined ? undefined : explainRule(without.name, undefined, context, depth + 1);
}

interface CauseOf {
  readonly finding: FindingDraft;
  /** The cause says everything: no finding about the rule beside it. */
  readonly replaces: true;
}
interface CauseBeside {
  readonly finding: FindingDraft | undefined;
  readonly replaces: false;
  readonly causedBy: readonly FindingRef[];
  readonly also: readonly string[];
}

function causeOf(
  unmet: TracedExpression,
  body: TracedBody,
  rule: string,
  context: ExplainContext,
): CauseOf | CauseBeside {
  const sides =
    sidesOf(unmet, body, context.input) ?? unmet.operands.map((operand) => sideOf(operand, body, context.input));
  const claim = sides.find((side) => side.kind === 'claim');
  if (claim?.kind === 'claim' && claim.resolved.depth < claim.path.length) {
    return beside(absentClaim(claim, body, unmet, rule, context));
  }
  const other = wantedSide(sides);
  if (other?.kind === 'reference-value' && context.referenceValues !== undefined) {
    const value = claim?.kind === 'claim' ? claim.resolved.value : undefined;
    const shown = { value, operator: unmet.operator ?? '' };
    const unusable = explainReferenceValue(other.name, context.referenceValues, context.now, shown);
    if (unusable !== undefined) return beside(unusable);
  }
  if (claim === undefined || other === undefined || claim.kind !== 'claim')
    return beside(undefined, undefined, context);
  const claimValue = claim.operand.value ?? claim.resolved.value;
  const otherValue = other.operand.value;
  if (claimValue === undefined || otherValue === undefined) return beside(undefined, claim, context);
  const diagnosis = diagnosePair(claimValue, otherValue, unmet.operator ?? '');
  if (diagnosis?.kind === 'encoding' || diagnosis?.kind === 'type') {
    return { finding: wronglyWritten(diagnosis, claim, other, body, unmet, rule, context), replaces: true };
  }
  const also = diagnosis?.also ?? [];
  if (other.kind === 'reference-value' && ['in', '==', '='].includes(unmet.operator ?? '')) {
    return beside(noMatch(claim, claimValue, other.name, otherValue, unmet.operator ?? '', also, context));
  }
  return beside(undefined, claim, context, also);
}

/** The side that says what is wanted: a reference value, else a literal, else whatever is no claim. */
function wantedSide(sides: readonly Side[]): Side | undefined {
  return (
    sides.find((side) => side.kind === 'reference-value') ??
    sides.find((side) => side.kind === 'literal') ??
    sides.findLast((side) => side.kind !== 'claim')
  );
}

/** The claim came from a check that failed or warned: then that is the cause. */
function beside(
  finding: FindingDraft | undefined,
  claim?: Side & { readonly kind: 'claim' },
  context?: ExplainContext,
  also: readonly string[] = [],
): CauseBeside {
  const origin = claim === undefined || context === undefined ? undefined : claimOrigin(claim.path, context);
  return { finding, replaces: false, causedBy: origin === undefined ? [] : [origin], also };
}

/** The finding behind a claim: the longest path that has one. */
function claimOrigin(path: readonly string[], context: ExplainContext): FindingRef | undefined {
  for (let length = path.length; length >= 2; length -= 1) {
    const origin = context.origins[path.slice(2, length).join('.')];
    if (origin !== undefined) return origin;
  }
  return undefined;
}

function absentClaim(
  claim: Side & { readonly kind: 'claim' },
  body: TracedBody,
  unmet: TracedExpression,
  rule: string,
  context: ExplainContext,
): FindingDraft {
  const path = pathText(claim.path);
  return failed('policy.claim.present', {
    subject: path,
    params: { path, nearest: absenceNote(claim.path, claim.resolved) },
    expected: path,
    actual: null,
    compare: { ...comparison(unmet, body), relation: 'present', type: 'json' },
    source: sourceOf(rule, unmet, context),
    origin: originOf(rule, unmet, context),
  });
}

function wronglyWritten(
  diagnosis: Exclude<Diagnosis, { readonly kind: 'near' }>,
  claim: Side & { readonly kind: 'claim' },
  other: Side,
  body: TracedBody,
  unmet: TracedExpression,
  rule: string,
  context: ExplainContext,
): FindingDraft {
  const path = pathText(claim.path);
  const otherName = other.kind === 'reference-value' ? 'registered value' : 'literal';
  const from = originId(claim.path, context);
  const shared = {
    subject: context.subject,
    source: sourceOf(rule, unmet, context),
    origin: originOf(rule, unmet, context),
    actual: claim.operand.value ?? claim.resolved.value ?? null,
  };
  const operands = { left: operandOf(claim, from), right: operandOf(other, undefined) };
  if (diagnosis.kind === 'encoding') {
    const { same } = diagnosis;
    const place = other.kind === 'reference-value' ? `reference value ${other.name}` : `literal of line ${unmet.row}`;
    return failed('policy.compare.encoding', {
      ...shared,
      params: { path, left: same.left, other: otherName, right: same.right },
      expected: diagnosis.other,
      compare: {
        ...comparison(unmet, body),
        type: 'bytes',
        left: { ...operands.left, encoding: same.left, length: same.bytes },
        right: { ...operands.right, value: diagnosis.other, encoding: same.right, length: same.bytes },
        also: [`equal-after-decoding: ${same.right}`],
      },
      remedy: `Write the ${place} in ${same.left}.`,
      causes: [
        {
          text: `as texts the two are never equal, so this rule fails for every guest; decoded they are the same ${same.bytes} bytes`,
          confirmed: true,
        },
      ],
    });
  }
  return failed('policy.compare.type', {
    ...shared,
    params: {
      path,
      left: diagnosis.left,
      value: claim.operand.value ?? claim.resolved.value ?? null,
      right: diagnosis.right,
      other: diagnosis.other,
    },
    expected: diagnosis.other,
    compare: { ...comparison(unmet, body), ...operands },
    remedy: diagnosis.remedy ?? `Write the ${otherName} as a ${diagnosis.left}.`,
    causes: [{ text: diagnosis.why, confirmed: true }],
  });
}

function noMatch(
  claim: Side & { readonly kind: 'claim' },
  value: JsonValue,
  name: string,
  wanted: JsonValue,
  operator: string,
  also: readonly string[],
  context: ExplainContext,
): FindingDraft {
  const use = context.referenceValues?.use(name);
  const by = use?.publisher === undefined ? '' : `, set by ${use.publisher}`;
  const since = use?.registered_at === undefined ? '' : `, ${use.registered_at}`;
  const { name: _, value: __, state: ___, ...facts } = use ?? { name, state: 'present' as const };
  const origin = claimOrigin(claim.path, context);
  const run = setCommand(name, value, operator, true);
  const none = Array.isArray(wanted) && wanted.length !== 1 ? `none of the ${wanted.length} values` : 'not the value';
  return failed('rv.match.any', {
    subject: pathText(claim.path.slice(1)),
    params: { claim: claim.path.at(-1) ?? '', actual: value, none, name },
    ...(run === undefined
      ? {}
      : {
          remedy: 'Find out what runs before approving it; if it is what you expect, register the value.',
          actions: [{ run, on: 'owner' as const }],
        }),
    expected: wanted,
    actual: value,
    compare: { relation: 'one-of', type: 'json', ...(also.length === 0 ? {} : { also }) },
    source: `reference value ${name}${by}${since}`,
    origin: { kind: 'reference-value', ...facts, name },
    ...(origin === undefined ? {} : { causedBy: [origin] }),
  });
}

function withCause(
  rule: string,
  value: JsonValue | undefined,
  body: TracedBody,
  unmet: TracedExpression,
  followed: Explanation,
  context: ExplainContext,
): Explanation {
  const own = unmetRule(rule, value, body, unmet, [followed.head], context, []);
  return { findings: [...followed.findings, own], head: refTo(own) };
}

function unmetRule(
  rule: string,
  value: JsonValue | undefined,
  body: TracedBody,
  unmet: TracedExpression,
  causedBy: readonly FindingRef[],
  context: ExplainContext,
  also: readonly string[],
): FindingDraft {
  const sides = sidesOf(unmet, body, context.input);
  const location = `${context.trace.file}:${unmet.row}`;
  const wanted = wantedSide(sides ?? []);
  const shown = sides?.find((side) => side.kind === 'claim') ?? sides?.find((side) => side !== wanted);
  const bodies = context.trace.rules.find((traced) => traced.name === rule)?.bodies.length ?? 1;
  const compare = {
    ...comparison(unmet, body),
    bodies,
    ...(sides === undefined ? {} : operandPair(sides, context)),
    ...(also.length === 0 ? {} : { also }),
  };
  const facts = {
    subject: context.subject,
    ...(shown?.operand.value === undefined ? {} : { actual: shown.operand.value }),
    ...expectedOf(sides),
    compare,
    source: sourceOf(rule, unmet, context),
    origin: originOf(rule, unmet, context),
    causes: [],
    causedBy,
    ...(causedBy.length > 0
      ? {}
      : { remedy: `Act on what the rule asks for, or change line ${unmet.row} of ${context.trace.file}.` }),
  };
  if (value === undefined) {
    return failed('policy.rule.defined', { ...facts, params: { rule, why: `${location}: ${onOneLine(unmet.text)}` } });
  }
  return failed('policy.rule.unmet', { ...facts, params: { rule, value, location, why: onOneLine(unmet.text) } });
}

function bare(rule: string, value: JsonValue | undefined, context: ExplainContext): Explanation {
  const title =
    value === undefined ? `\`${rule}\` is undefined` : `${rule} is ${JSON.stringify(value)}: the policy says so`;
  const finding = reported(value === undefined ? 'policy.rule.defined' : 'policy.rule.unmet', title, {
    subject: context.subject,
    actual: value ?? null,
    source: `policy ${context.policy.id}, rule ${rule}`,
    origin: { kind: 'policy', policy: context.policy.id, digest: context.policy.digest, rule: `data.policy.${rule}` },
    remedy: `Change the rule \`${rule}\` of ${context.policy.id}, if this evidence is to be accepted.`,
    causes: [],
  });
  return { findings: [finding], head: refTo(finding) };
}

function operandPair(sides: readonly [Side, Side], context: ExplainContext) {
  const [left, right] = sides.map((side) =>
    operandOf(side, side.kind === 'claim' ? originId(side.path, context) : undefined),
  );
  return { ...(left === undefined ? {} : { left }), ...(right === undefined ? {} : { right }) };
}

function expectedOf(sides: readonly [Side, Side] | undefined): {
  readonly expected?: JsonValue | { readonly reference_value: string };
} {
  const other = wantedSide(sides ?? []);
  if (other === undefined) return {};
  if (other.kind === 'reference-value') return { expected: { reference_value: other.name } };
  return other.operand.value === undefined ? {} : { expected: other.operand.value };
}

function originId(path: readonly string[], context: ExplainContext): string | undefined {
  const origin = claimOrigin(path, context);
  return typeof origin === 'string' ? origin : origin?.id;
}

function comparison(unmet: TracedExpression, body: TracedBody) {
  return {
    relation: 'rule' as const,
    type: 'json' as const,
    ...(unmet.operator === undefined ? {} : { operator: unmet.operator }),
    text: unmet.text,
    held_before: body.held.length,
  };
}

function sourceOf(rule: string, unmet: TracedExpression, context: ExplainContext): string {
  return `policy ${context.policy.id}, rule ${rule}, line ${unmet.row}`;
}

function originOf(rule: string, unmet: TracedExpression, context: ExplainContext): Origin {
  return {
    kind: 'policy',
    policy: context.policy.id,
    digest: context.policy.digest,
    rule: `data.policy.${rule}`,
    location: `${context.trace.file}:${unmet.row}:${unmet.col}`,
  };
}
