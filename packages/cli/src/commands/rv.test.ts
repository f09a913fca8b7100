import type { Finding } from '@assay/bytes/findings';
import { describe, expect, test } from 'vitest';
import { referenceValueOf } from './rv.js';
import { proposalOf } from './rv-approve.js';

describe('the value that arguments stand for', () => {
  test.each([
    [['a'], {}, ['a']],
    [['a', 'b'], {}, ['a', 'b']],
    [['7', '-1'], { asInteger: true }, [7, -1]],
    [['true', 'false'], { asBool: true }, [true, false]],
    [['4'], { asInteger: true, asSingleValue: true }, 4],
    [['x'], { asSingleValue: true }, 'x'],
    [['{"a":[1]}'], { asJson: true }, { a: [1] }],
  ])('%j with %j', (values, flags, value) => {
    expect(referenceValueOf(values, flags)).toEqual(value);
  });

  test.each([
    [['1.5'], { asInteger: true }],
    [['9007199254740993'], { asInteger: true }],
    [['yes'], { asBool: true }],
    [['a', 'b'], { asSingleValue: true }],
    [['1', '2'], { asJson: true }],
    [['1'], { asInteger: true, asBool: true }],
  ])('%j with %j is a usage error', (values, flags) => {
    expect(() => referenceValueOf(values, flags)).toThrow(expect.objectContaining({ exit: 2 }));
  });
});

describe('what an attempt had, as a proposal', () => {
  const finding = (operator: string, registered: unknown, change: object = {}): Finding =>
    ({
      id: 'policy.rule.unmet',
      outcome: 'fail',
      compare: {
        operator,
        left: { origin: { claim: 'input.tdx.mr_td' }, value: 'ab' },
        right: { origin: { reference_value: 'mr_td' }, value: registered },
        ...change,
      },
    }) as unknown as Finding;

  test.each([
    ['in', ['cd'], ['cd', 'ab']],
    ['in', null, ['ab']],
    ['==', 'cd', 'ab'],
    ['>=', 3, 'ab'],
    ['<=', 3, 'ab'],
  ])('%s against %j stores %j', (operator, registered, value) => {
    expect(proposalOf(finding(operator, registered))).toMatchObject([
      { name: 'mr_td', claim: 'input.tdx.mr_td', had: 'ab', value },
    ]);
  });

  test('either side may be the claim', () => {
    const turned = finding('==', 'cd', {
      left: { origin: { reference_value: 'mr_td' }, value: 'cd' },
      right: { origin: { claim: 'input.tdx.mr_td' }, value: 'ab' },
    });
    expect(proposalOf(turned)).toMatchObject([{ name: 'mr_td', had: 'ab', registered: 'cd' }]);
  });

  test('nothing is proposed for other operators, literals, absent claims, or what passed', () => {
    expect(proposalOf(finding('!=', 'cd'))).toEqual([]);
    expect(proposalOf(finding('in', [], { right: { origin: { literal: true }, value: [] } }))).toEqual([]);
    expect(proposalOf(finding('in', [], { left: { origin: { claim: 'input.x' } } }))).toEqual([]);
    expect(proposalOf({ ...finding('in', []), outcome: 'pass' })).toEqual([]);
  });
});
