/** Suite `regorus`: the interpreter tests of microsoft/regorus. Its error texts are its own; only that there is one counts. */
import type { Builtin } from '../builtins/types.js';
import type { Limits } from '../eval/limits.js';
import type { EvaluateOptions, Policy } from '../eval/policy.js';
import { compilePolicy } from '../eval/policy.js';
import type { Row } from '../eval/query.js';
import {
  equals,
  isArray,
  isObject,
  objectEntries,
  objectFrom,
  objectGet,
  RegoSet,
  toJson,
  type Value,
} from '../value/index.js';
import { type CaseReader, type CaseResult, errorResult, type Verdict } from './case.js';
import { hostSettings, sleepFunction } from './host.js';
import { sorted } from './opa.js';

export function runRegorusCase(test: CaseReader, builtins: readonly Builtin[]): Verdict {
  const prints: string[] = [];
  const { values, result } = evaluate(test, builtins, prints);
  const wantError = test.text('error');
  if (wantError !== undefined) return { pass: 'error' in result, expected: { error: wantError }, result };
  const wantPrints = test.get('want_prints');
  const printed = wantPrints === undefined || equals(wantPrints, prints);
  if (test.flag('no_result') === true)
    return { pass: !('error' in result) && printed, expected: { no_result: true }, result };
  const raw = test.get('want_result') ?? null;
  const expected = { value: toJson(raw) };
  const pass = values !== undefined && printed && matches(test, values, raw);
  return { pass, expected, result };
}

function matches(test: CaseReader, values: readonly (Value | undefined)[], raw: Value): boolean {
  const many = isObject(raw) ? objectGet(raw, 'many!') : undefined;
  const wanted = many !== undefined && isArray(many) ? many : [raw];
  const sort = test.flag('sort_bindings') === true;
  return (
    values.length === wanted.length &&
    wanted.every((want, i) => {
      const got = values[i];
      if (want === '#undefined') return got === undefined || got === want;
      if (got === undefined) return false;
      const decoded = decode(want);
      return equals(sort ? sorted(got) : got, sort ? sorted(decoded) : decoded);
    })
  );
}

/** `{"set!": […]}` and `{"object!": [{key, value}]}` stand for what JSON cannot say. */
function decode(value: Value): Value {
  if (isArray(value)) return value.map(decode);
  if (!isObject(value)) return value;
  const set = objectGet(value, 'set!');
  if (set !== undefined && isArray(set)) return RegoSet.of(set.map(decode));
  const entries = objectGet(value, 'object!');
  if (entries !== undefined && isArray(entries)) {
    return objectFrom(
      entries.map((entry) => {
        const pair = isObject(entry) ? entry : {};
        return [decode(objectGet(pair, 'key') ?? null), decode(objectGet(pair, 'value') ?? null)] as const;
      }),
    );
  }
  return objectFrom(objectEntries(value).map((e) => [e.key, decode(e.value)] as const));
}

interface Outcome {
  readonly values: readonly (Value | undefined)[] | undefined;
  readonly result: CaseResult;
}

function evaluate(test: CaseReader, builtins: readonly Builtin[], prints: string[]): Outcome {
  try {
    const modules = test.texts('modules').map((text, i) => ({ file: `test-${i}.rego`, text }));
    const policy = compilePolicy(modules, builtins, {
      regoVersion: test.text('rego_version') === 'v1' ? 'v1' : 'v0',
      mode: 'regorus',
      hostFunctions: [sleepFunction],
      // The engine itself needs no imports for the newer keywords.
      futureKeywords: false,
    });
    const values = inputsOf(test).flatMap((input) => rowsOf(policy, test, input, prints));
    return { values, result: { bindings: values.map((v) => (v === undefined ? '#undefined' : toJson(v))) } };
  } catch (error) {
    return { values: undefined, result: errorResult(error) };
  }
}

function inputsOf(test: CaseReader): readonly (Value | undefined)[] {
  const input = test.get('input');
  const many = input !== undefined && isObject(input) ? objectGet(input, 'many!') : undefined;
  if (many === undefined || !isArray(many)) return [input === undefined ? undefined : decode(input)];
  return many.map(decode);
}

function rowsOf(policy: Policy, test: CaseReader, input: Value | undefined, prints: string[]): (Value | undefined)[] {
  const data = test.get('data');
  const options: EvaluateOptions = {
    ...hostSettings(),
    query: (test.text('query') ?? '').trim(),
    input,
    data: data === undefined || data === null ? {} : decode(data),
    strictBuiltinErrors: test.flag('strict') !== false,
    prints: (line) => prints.push(line),
    limits: limitsOf(test),
  };
  const { results } = policy.evaluate(options);
  return results.length === 0 ? [undefined] : results.map(rowValue);
}

/** A row is its bindings where it has any, else the value of its (last) expression. */
function rowValue(row: Row): Value | undefined {
  return Object.keys(row.bindings).length > 0 ? row.bindings : row.expressions.at(-1);
}

function limitsOf(test: CaseReader): Partial<Limits> {
  const timer = test.reader('execution_timer') ?? test.reader('global_execution_timer');
  const milliseconds = timer?.number('limit_ms');
  if (timer === undefined || timer.flag('disable') === true || milliseconds === undefined) return {};
  const increment = test.reader('time_source')?.number('default_increment_ms') ?? 0;
  let now = 0;
  return {
    milliseconds,
    clock: () => {
      now += increment;
      return now;
    },
    clockInterval: timer.number('check_interval') ?? 1,
  };
}
