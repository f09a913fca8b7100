/** The parts of SEV pre-attestation that stand alone; whole launches are tried in e2e/sev. */
import { decodeBase64, encodeBase64, type JsonValue } from '@assay/bytes';
import { launchMeasure, verifyLaunchMeasure } from '@assay/evidence/sev';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBincodeMap } from './bincode.js';
import { policyInput } from './facts.js';
import { askLaunchPolicy, namesDigest, parseLaunchPolicy } from './launch-policy.js';
import { newUuid, parseUuid } from './records.js';
import { Worded, worded } from './refusal.js';
import { resourceOf } from './secret-ids.js';
import { parseSecretRequests } from './secret-request.js';

const digest = new Uint8Array(32).fill(7);
const launch = { digest, policy: 3, api: { major: 1, minor: 55 }, build: 8 };
const policy = (document: JsonValue) => parseLaunchPolicy(Buffer.from(JSON.stringify(document)));

describe('launch policies', () => {
  test('every check that fails is told, in the order of simple-kbs', () => {
    const strict = policy({
      allowed_digests: [encodeBase64(new Uint8Array(32))],
      allowed_policies: [7],
      min_fw_api_major: 2,
      min_fw_api_minor: 99,
      allowed_build_ids: [9],
    });
    const { findings, text } = askLaunchPolicy(strict, 'default', launch);
    expect(text).toBe('fw digest not valid');
    // The minor version is compared under an equal major version only.
    expect(findings.map(({ outcome }) => outcome)).toEqual(['fail', 'fail', 'fail', 'pass', 'fail']);
  });

  test('a policy knows the software only where it names the digest', () => {
    expect(namesDigest(policy({}), launch)).toBe(false);
    expect(namesDigest(policy({ allowed_digests: [encodeBase64(digest)] }), launch)).toBe(true);
  });

  test.each([
    [{ allowed_digests: [5] }, 'a number'],
    [{ allowed_digests: [null] }, 'null'],
    [{ allowed_policies: {} }, 'an object'],
    [[], 'a list'],
    ['x', 'a string'],
  ])('%j: one of them says what it is: %s', (document, what) => {
    expect(() => policy(document)).toThrow(what);
  });

  test('lists and documents are bounded', () => {
    const many = (length: number) => ({ allowed_build_ids: Array.from({ length }, () => 1) });
    expect(policy(many(1000)).allowed_build_ids).toHaveLength(1000);
    expect(() => policy(many(1001))).toThrow('a list of 1001');
    expect(() => parseLaunchPolicy(Buffer.from(`{}${' '.repeat(130 * 1024)}`))).toThrow('not JSON');
  });

  test('fuzz: a document is read or refused, and what was read is read again', () => {
    const document = fc.oneof(
      fc.json(),
      fc
        .record(
          {
            allowed_digests: fc.oneof(fc.array(fc.base64String({ minLength: 40, maxLength: 44 })), fc.jsonValue()),
            allowed_policies: fc.oneof(fc.array(fc.nat()), fc.jsonValue()),
            min_fw_api_major: fc.oneof(fc.integer(), fc.double()),
            allowed_build_ids: fc.array(fc.maxSafeInteger()),
            more: fc.constant(1),
          },
          { requiredKeys: [] },
        )
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(document, (text) => {
        try {
          const read = parseLaunchPolicy(Buffer.from(text));
          expect(parseLaunchPolicy(Buffer.from(JSON.stringify(read)))).toEqual(read);
          for (const one of read.allowed_digests) expect(decodeBase64(one)).toHaveLength(32);
        } catch (error) {
          expect(error).toMatchObject({ code: 'sev.policy.document' });
        }
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});

describe('what a launch is to the resource policy', () => {
  const { authentic } = verifyLaunchMeasure(new Uint8Array(16), launch, {
    measure: launchMeasure(new Uint8Array(16), launch, new Uint8Array(16)),
    mnonce: new Uint8Array(16),
  });
  const facts = (claims: object) => ({
    digest: encodeBase64(digest),
    policy: 3,
    api: launch.api,
    build: 8,
    description: '',
    claims: { debug_allowed: false, key_sharing_allowed: false, ...claims },
  });
  const status = (claims: object, named: boolean): string => {
    const { submods } = policyInput(facts(claims), named) as { submods: { cpu0: { 'ear.status': string } } };
    return submods.cpu0['ear.status'];
  };

  test.each([
    [{}, true, 'affirming'],
    [{}, false, 'warning'],
    [{ debug_allowed: true }, true, 'warning'],
    [{ key_sharing_allowed: true }, true, 'warning'],
    [{ emulated: true }, true, 'contraindicated'],
  ])('%j, digest named %s: %s', (claims, named, expected) => {
    expect(authentic).toBeDefined();
    expect(status(claims, named)).toBe(expected);
  });
});

describe('secret requests', () => {
  const one = { guid: 'C0FFEE00-1234-4ABC-8DEF-000000000001', format: 'binary', secretType: 'key', id: 'k' };

  test('GUIDs have one spelling', () => {
    expect(parseSecretRequests([one])).toEqual([
      { guid: one.guid.toLowerCase(), format: 'binary', type: 'key', id: 'k' },
    ]);
    expect(() => parseSecretRequests([one, { ...one, guid: one.guid.toLowerCase() }])).toThrow(Worded);
  });

  test('an id is bounded', () => {
    expect(parseSecretRequests([{ ...one, id: 'x'.repeat(1024) }])).toHaveLength(1);
    expect(() => parseSecretRequests([{ ...one, id: 'x'.repeat(1025) }])).toThrow(Worded);
  });

  test('fuzz: any texts are requests or refused in words', () => {
    const details = fc.record({
      guid: fc.oneof(fc.uuid(), fc.string()),
      format: fc.oneof(fc.constantFrom('binary', 'json', 'JSON'), fc.string()),
      secretType: fc.oneof(fc.constantFrom('key', 'bundle', 'connection', '__proto__'), fc.string()),
      id: fc.string(),
    });
    fc.assert(
      fc.property(fc.array(details, { maxLength: 3 }), (list) => {
        try {
          expect(parseSecretRequests(list)).toHaveLength(list.length);
        } catch (error) {
          expect(error).toBeInstanceOf(Worded);
          expect((error as Worded).text).toMatch(/^Bad secret request: /);
        }
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});

test('ids stand for resources', () => {
  expect(resourceOf('key', 'key_id1').path).toBe('default/key/key_id1');
  expect(resourceOf('keyset', 'KEYSET-1').path).toBe('default/keyset/KEYSET-1');
  expect(resourceOf('resource', 'repo/type/tag').path).toBe('repo/type/tag');
  expect(resourceOf('key', 'kbs://host:1/repo/type/tag').path).toBe('repo/type/tag');
  for (const id of ['', '..', 'a/b/c/d', '.a', 'kbs+x:///a/b/c', 'kbs:', 'a b'])
    expect(() => resourceOf('key', id), id).toThrow();
});

test('UUIDs', () => {
  const uuid = newUuid((length) => new Uint8Array(length).fill(0xff));
  expect(uuid).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff');
  expect(parseUuid(uuid.toUpperCase())).toBe(uuid);
  for (const text of ['', uuid.slice(1), `${uuid}0`, uuid.replaceAll('-', '')]) expect(parseUuid(text)).toBeUndefined();
  expect(() => newUuid(() => new Uint8Array(3))).toThrow('3 bytes');
});

test('a map as bincode writes it', () => {
  const bytes = encodeBincodeMap([['ab', Uint8Array.of(1, 2, 3)]]);
  expect(Buffer.from(bytes).toString('hex')).toBe(
    '0100000000000000' + '0200000000000000' + '6162' + '0300000000000000' + '010203',
  );
});

test('what is no refusal of the caller says nothing of it', () => {
  const error = Object.assign(new Error('secret path /x'), { code: 'storage.backend.answers' });
  expect(worded(error, 'words').text).toBe('service is not able to answer now');
  expect(worded(new Error('secret path /x'), 'words').text).toBe('internal error');
});
