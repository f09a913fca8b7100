import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonicalKey,
  formatNumber,
  isNumber,
  numberFromText,
  objectFrom,
  print,
  RegoSet,
  ResourceLimitError,
  type Value,
} from '../../value/index.js';
import { fixedContext } from '../testing.test.util.js';
import { type Builtin, type BuiltinContext, BuiltinError } from '../types.js';
import { coreBuiltins } from './index.js';

const number = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map((n) => numberFromText(String(n)) as Value),
  fc
    .constantFrom('1.50', '1e2', '2e308', '-0.0', '1e-400', '1e9999', '9223372036854775807')
    .map((t) => numberFromText(t) as Value),
);

const word = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({ maxLength: 8, unit: 'binary' }),
  fc.string({
    maxLength: 12,
    unit: fc.constantFrom('%', 's', 'd', 'v', '.', '*', '[', '1', ']', '-', '+', '#', '0', ' ', 'x', 'q', 'f'),
  }),
  fc.constantFrom(
    'UTC',
    'Europe/Berlin',
    '2006-01-02T15:04:05Z07:00',
    '2020-02-30T25:61:00Z',
    '1h2m',
    '1e99999',
    '10Ki',
    '1.2.3-a.1',
    'a/b/0',
    '=',
    '====',
    'YWJj',
    '%zz',
    '{"a":[1e9',
    'urn:uuid:000003e8-48b9-21ee-b200-325096b39f47',
  ),
);

const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Value>(null, true, false),
    number,
    word,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => RegoSet.of(items)),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((pairs) => objectFrom(pairs)),
  ),
})).value;

/** A value the static type of the operand allows, now and then any other. */
function fitting(builtin: Builtin, position: number): fc.Arbitrary<Value> {
  const spec = builtin.args[position];
  const kinds = spec?.kind === 'union' ? spec.options.map((option) => option.kind) : [spec?.kind];
  const choices: fc.Arbitrary<Value>[] = [value];
  for (const kind of kinds) {
    if (kind === 'number') choices.push(number, number);
    if (kind === 'string') choices.push(word, word);
    if (kind === 'array')
      choices.push(
        fc.array(value, { maxLength: 4 }),
        fc.array(word, { maxLength: 4 }),
        fc.array(number, { maxLength: 4 }),
      );
    if (kind === 'set') choices.push(fc.array(value, { maxLength: 4 }).map((items) => RegoSet.of(items)));
    if (kind === 'object') {
      choices.push(fc.dictionary(word, value, { maxKeys: 4 }) as fc.Arbitrary<Value>);
      choices.push(fc.dictionary(word, word, { maxKeys: 4 }));
    }
  }
  return fc.oneof(...choices);
}

function run(builtin: Builtin, args: readonly Value[], ctx: BuiltinContext): readonly Value[] {
  if (builtin.relation === true) return [...builtin.relationImpl(args, ctx)];
  const out = builtin.impl(args, ctx);
  return out === undefined ? [] : [out];
}

describe('core built-ins on random operands', () => {
  test.each(coreBuiltins.map((builtin) => [builtin.name, builtin] as const))(
    '%s gives a value, nothing, or an error of its own',
    (_, builtin) => {
      const args = fc.tuple(...builtin.args.map((_arg, i) => fitting(builtin, i)));
      fc.assert(
        fc.property(args, fc.constantFrom<'opa' | 'regorus'>('opa', 'regorus'), (operands, mode) => {
          let out: readonly Value[];
          try {
            out = run(builtin, operands, fixedContext({ mode }, 200_000));
          } catch (error) {
            if (error instanceof BuiltinError || error instanceof ResourceLimitError) return;
            throw error;
          }
          for (const v of out) {
            // A well-formed value: it prints, has a key, and its numbers read back.
            expect(print(v)).toBeTypeOf('string');
            expect(canonicalKey(v)).toBeTypeOf('string');
            if (isNumber(v)) expect(canonicalKey(numberFromText(formatNumber(v)) as Value)).toBe(canonicalKey(v));
          }
        }),
        { numRuns: 60 },
      );
    },
  );

  test('names are unique', () => {
    const names = coreBuiltins.map((builtin) => builtin.name);
    expect(new Set(names).size).toBe(names.length);
  });
});
