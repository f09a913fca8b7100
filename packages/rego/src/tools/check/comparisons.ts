/** Comparisons that cannot mean what they say: different encodings, and order against a reference value that may be null. */
import type { Body, CallTerm, Module, Statement, Term } from '../../ast/types.js';
import { dottedName, walkStatement } from '../../ast/visit.js';
import type { CheckFinding } from './finding.js';

/** Claims whose values the verifiers give as lower-case hexadecimal. */
const HEX_CLAIM =
  /^(measurement|launch_digest|mr_(td|seam|config_id|owner|owner_config|enclave|signer)|rtmr_?\d|xfam|pcr\d{1,2}|report_data|init_data|host_data|chip_id|mrenclave|mrsigner)$/;

const HEX = /^[0-9a-f]*$/;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

type Encoding = 'hex' | 'base64' | 'upper-case hex';

const CALL_ENCODINGS: Readonly<Record<string, Encoding>> = {
  'hex.encode': 'hex',
  'crypto.sha256': 'hex',
  'crypto.sha1': 'hex',
  'crypto.md5': 'hex',
  'base64.encode': 'base64',
  'base64url.encode': 'base64',
  'base64url.encode_no_pad': 'base64',
};

export function checkComparisons(module: Module): CheckFinding[] {
  const found: CheckFinding[] = [];
  for (const rule of module.rules) {
    for (const body of [rule.body, ...rule.else.map((branch) => branch.body)]) {
      checkBody(body, found);
    }
  }
  return found;
}

function checkBody(body: Body, found: CheckFinding[]): void {
  const references = referenceVariables(body);
  const guarded = guardedVariables(body);
  for (const statement of body) {
    walkStatement(statement, {
      statement: (s) => {
        if (s.kind === 'unify') encodingFinding(s.left, s.right, found);
        return undefined;
      },
      term: (term) => {
        if (term.kind === 'call') checkCall(term, references, guarded, found);
        return undefined;
      },
    });
  }
}

function checkCall(
  call: CallTerm,
  references: ReadonlySet<string>,
  guarded: ReadonlySet<string>,
  found: CheckFinding[],
): void {
  const [left, right] = call.args;
  if (left === undefined || right === undefined) return;
  if (call.infix === '==' || call.infix === '!=') encodingFinding(left, right, found);
  if (call.infix === 'in' && call.args.length === 2) {
    const items = right.kind === 'array' || right.kind === 'set' ? right.items : [];
    for (const item of items) encodingFinding(left, item, found);
  }
  // null sorts below everything, so an absent reference value lets `claim >= null` hold.
  const reference =
    call.infix === '>=' || call.infix === '>' ? right : call.infix === '<=' || call.infix === '<' ? left : undefined;
  if (reference === undefined || !isReference(reference, references) || isGuarded(reference, guarded)) return;
  found.push({
    code: 'missing-reference-value',
    severity: 'warning',
    message: 'this holds when the reference value is not registered: it is null then, and null is less than everything',
    remedy: 'bind the reference value to a variable and ask `value != null` first',
    loc: call.loc,
  });
}

function isReference(term: Term, references: ReadonlySet<string>): boolean {
  if (term.kind === 'call') return dottedName(term.callee) === 'query_reference_value';
  return term.kind === 'var' && references.has(term.name);
}

function isGuarded(term: Term, guarded: ReadonlySet<string>): boolean {
  return term.kind === 'var' && guarded.has(term.name);
}

/** Variables that a body binds to a reference value. */
function referenceVariables(body: Body): Set<string> {
  const names = new Set<string>();
  const add = (target: Term, value: Term): void => {
    if (target.kind === 'var' && value.kind === 'call' && dottedName(value.callee) === 'query_reference_value')
      names.add(target.name);
  };
  for (const statement of body) {
    if (statement.kind === 'assign') add(statement.target, statement.value);
    if (statement.kind === 'unify') {
      add(statement.left, statement.right);
      add(statement.right, statement.left);
    }
  }
  return names;
}

/** Variables of which a body asks that they are not null, or that they are numbers or strings. */
function guardedVariables(body: Body): Set<string> {
  const names = new Set<string>();
  for (const statement of body) {
    const call = callOf(statement);
    if (call === undefined) continue;
    const negated = statement.kind === 'not';
    const asksNull = call.infix === (negated ? '==' : '!=') && call.args.some((arg) => arg.kind === 'null');
    const asksType = !negated && /^is_(number|string)$/.test(dottedName(call.callee) ?? '');
    const asksNotNull = negated && dottedName(call.callee) === 'is_null';
    if (!asksNull && !asksType && !asksNotNull) continue;
    for (const arg of call.args) if (arg.kind === 'var') names.add(arg.name);
  }
  return names;
}

function callOf(statement: Statement): CallTerm | undefined {
  const inner = statement.kind === 'not' ? statement.statement : statement;
  return inner.kind === 'term' && inner.term.kind === 'call' ? inner.term : undefined;
}

function encodingFinding(left: Term, right: Term, found: CheckFinding[]): void {
  const a = encodingOf(left, right);
  const b = encodingOf(right, left);
  if (a === undefined || b === undefined || a === b) return;
  found.push({
    code: 'encoding-mismatch',
    severity: 'warning',
    message: `${a} is compared with ${b}: the two are never equal`,
    remedy: 'write the value in lower-case hexadecimal, as the claim has it',
    loc: left.loc,
  });
}

/** The encoding of a term as far as it shows. A text is only judged beside something that has an encoding. */
function encodingOf(term: Term, other: Term): Encoding | undefined {
  if (term.kind === 'call') return CALL_ENCODINGS[dottedName(term.callee) ?? ''];
  if (term.kind === 'ref') {
    const last = term.path.at(-1);
    return last?.kind === 'string' && HEX_CLAIM.test(last.value) ? 'hex' : undefined;
  }
  if (term.kind !== 'string' || other.kind === 'string') return undefined;
  const text = term.value;
  if (text.length < 8) return undefined;
  if (text.length % 2 === 0 && HEX.test(text)) return 'hex';
  if (text.length % 2 === 0 && HEX.test(text.toLowerCase())) return 'upper-case hex';
  return BASE64.test(text) ? 'base64' : undefined;
}
