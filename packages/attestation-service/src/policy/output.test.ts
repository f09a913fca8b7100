import type { JsonValue } from '@assay/bytes';
import { TRUST_CLAIMS } from '@assay/protocol';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type OutputPlace, readExtensions, readTrustClaims } from './output.js';

const place: OutputPlace = {
  subject: 'cpu0',
  policy: 'policy default_cpu',
  origin: { kind: 'policy', policy: 'default_cpu' },
  rules: ['trust_claim', 'hardware'],
};
const claims = (value: JsonValue) => readTrustClaims({ kind: 'value', value }, place);
const extensions = (value: JsonValue) => readExtensions({ kind: 'value', value }, place);
const ids = (read: { readonly findings: readonly { readonly id: string }[] }): string[] =>
  read.findings.map(({ id }) => id);

describe('trust claims', () => {
  test('those that are not set are 0', () => {
    expect(claims({ hardware: 2, executables: -1, configuration: 127, 'file-system': -128 }).value).toEqual({
      'instance-identity': 0,
      configuration: 127,
      executables: -1,
      'file-system': -128,
      hardware: 2,
      'runtime-opaque': 0,
      'storage-opaque': 0,
      'sourced-data': 0,
    });
  });

  test.each<[string, JsonValue, string]>([
    ['a text', 'x', 'policy.trust-claim.range'],
    ['a list', [], 'policy.trust-claim.range'],
    ['null', null, 'policy.trust-claim.range'],
    ['no claim', {}, 'policy.rule.defined'],
    ['an unknown claim', { hardwares: 2 }, 'policy.trust-claim.known'],
    ['an inherited name', { constructor: 2 }, 'policy.trust-claim.known'],
    ['__proto__', JSON.parse('{"__proto__": 2}'), 'policy.trust-claim.known'],
    ['a boolean', { hardware: true }, 'policy.trust-claim.range'],
    ['a number as text', { hardware: '2' }, 'policy.trust-claim.range'],
    ['a fraction', { hardware: 2.5 }, 'policy.trust-claim.range'],
    ['128', { hardware: 128 }, 'policy.trust-claim.range'],
    ['-129', { hardware: -129 }, 'policy.trust-claim.range'],
    ['200, which wraps round upstream', { hardware: 200 }, 'policy.trust-claim.range'],
  ])('%s', (_, value, id) => {
    const read = claims(value);
    expect(read.value).toBeUndefined();
    expect(ids(read)).toEqual([id]);
  });

  test('an underscore for the hyphen is named', () => {
    const [finding] = claims({ instance_identity: 2 }).findings;
    expect(finding?.title).toBe('`instance_identity` is not a trust claim; the nearest is `instance-identity`');
    expect(finding?.causes).toEqual([expect.objectContaining({ confirmed: true })]);
  });

  test('no such rule: empty vector with a warning that names the nearest', () => {
    const read = readTrustClaims({ kind: 'absent' }, place);
    expect(Object.values(read.value ?? {})).toEqual(Array(8).fill(0));
    expect(read.findings[0]).toMatchObject({ id: 'policy.rule.present', outcome: 'warn' });
    expect(read.findings[0]?.title).toContain('`trust_claim`');
  });

  test('an undefined rule is no vector', () => {
    expect(readTrustClaims({ kind: 'undefined' }, place)).toMatchObject({
      value: undefined,
      findings: [{ id: 'policy.rule.defined' }],
    });
  });
});

describe('extensions', () => {
  test('are read as they are', () => {
    const value = [{ name: 'a', key: -18, value: { b: [null] }, more: 1 }];
    expect(extensions(value)).toEqual({ value: [{ name: 'a', key: -18, value: { b: [null] } }], findings: [] });
    expect(readExtensions({ kind: 'absent' }, place)).toEqual({ value: [], findings: [] });
  });

  const good = { name: 'a', key: 1, value: 1 };
  test.each<[string, JsonValue]>([
    ['an object', {}],
    ['null', null],
    ['a member that is no object', [1]],
    ['no name', [{ key: 1, value: 1 }]],
    ['an empty name', [{ ...good, name: '' }]],
    ['a long name', [{ ...good, name: 'x'.repeat(129) }]],
    ['a name that is a number', [{ ...good, name: 1 }]],
    ['no key', [{ name: 'a', value: 1 }]],
    ['a key as text', [{ ...good, key: '1' }]],
    ['a fraction as key', [{ ...good, key: 1.5 }]],
    ['a key beyond 32 bits', [{ ...good, key: 2 ** 31 }]],
    ['no value', [{ name: 'a', key: 1 }]],
    ['the status as name', [{ ...good, name: 'ear.status' }]],
    ['the evidence as name', [{ ...good, name: 'ear.veraison.annotated-evidence' }]],
    ['a standard key', [{ ...good, key: 1000 }]],
    ['a name twice', [good, { ...good, key: 2 }]],
    ['a key twice', [good, { ...good, name: 'b' }]],
    ['too many', Array.from({ length: 33 }, (_, index) => ({ name: `n${index}`, key: index, value: 1 }))],
    ['too large', [{ ...good, value: 'x'.repeat(300_000) }]],
  ])('%s', (_, value) => {
    const read = extensions(value);
    expect(read.value).toBeUndefined();
    expect(ids(read)).toEqual(['policy.extension.form']);
  });

  test('an undefined rule is no list', () => {
    expect(readExtensions({ kind: 'undefined' }, place).value).toBeUndefined();
  });
});

test('hostile output gives a vector in range or findings, never a throw', () => {
  const name = fc.oneof(fc.constantFrom<string>(...TRUST_CLAIMS), fc.string());
  const value = fc.oneof(fc.integer({ min: -300, max: 300 }), fc.jsonValue());
  const object = fc.dictionary(name, value).map((made) => JSON.parse(JSON.stringify(made)) as JsonValue);
  fc.assert(
    fc.property(fc.oneof(object, fc.jsonValue() as fc.Arbitrary<JsonValue>), (output) => {
      for (const read of [claims(output), extensions(output)]) {
        expect(read.value === undefined).toBe(read.findings.length > 0);
        for (const finding of read.findings) expect(finding.outcome).toBe('fail');
      }
      for (const number of Object.values(claims(output).value ?? {}))
        expect(number >= -128 && number <= 127).toBe(true);
    }),
    { numRuns: fuzzRuns(300) },
  );
});
