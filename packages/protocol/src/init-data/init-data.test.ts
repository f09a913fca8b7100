import { encodeBase64, encodeHex } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../protocol-error.js';
import { initDataPcr8, parseInitData } from './init-data.js';

const DOCUMENT = `algorithm = "sha256"\nversion = "0.1.0"\n\n[data]\n"key1" = '''value1'''\n"key2" = '''value2'''\n`;
const withData = (data: string) => `algorithm = "sha256"\nversion = "0.1.0"\n\n[data]\n${data}`;

test('worked example: digest over the exact bytes, and its PCR 8', () => {
  const initData = parseInitData(DOCUMENT);
  expect(encodeHex(initData.digest)).toBe('91dab16496a7fb36bd651226a33fe9b0cbce74e50028de399f56a960478727c7');
  expect(encodeBase64(initData.digest)).toBe('kdqxZJan+za9ZRImoz/psMvOdOUAKN45n1apYEeHJ8c=');
  expect(encodeHex(initDataPcr8(initData.digest))).toBe(
    '496023f234a42c6b47e67c3ac99eaf86d6bfc16715e7b1d5b36f8b710d503673',
  );
  expect(initData.claims).toEqual({ key1: 'value1', key2: 'value2' });
});

test('worked example: the algorithm is the document’s own', () => {
  const initData = parseInitData(DOCUMENT.replace('sha256', 'sha384'));
  expect(initData.algorithm).toBe('sha384');
  expect(encodeHex(initData.digest)).toBe(
    'c4a753c59b27454170c1a530881bb3e71ab4ae539a4a6cf88914d8895e7506c500f69f8b6cdf226a54acad366eab6927',
  );
  expect(() => initDataPcr8(initData.digest)).toThrow('digest has 48 bytes; PCR 8 needs 32');
});

test('white space counts, as does SM3', () => {
  expect(parseInitData(`${DOCUMENT}\n`).digest).not.toEqual(parseInitData(DOCUMENT).digest);
  expect(parseInitData(DOCUMENT.replace('sha256', 'sm3')).digest).toHaveLength(32);
});

describe('claims', () => {
  test('cdh.toml and aa.toml become objects, other files stay texts', () => {
    const cdh = `[image]\nextra_root_certificates = ["cert"]\nmax = 3\nratio = 0.5\non = 1979-05-27T07:32:00Z\n`;
    const document = withData(`"cdh.toml" = '''${cdh}'''\n"aa.toml" = "not = = toml"\n"other.toml" = "a = 1"\n`);
    expect(parseInitData(document).claims).toEqual({
      'cdh.toml': { image: { extra_root_certificates: ['cert'], max: 3, ratio: 0.5, on: '1979-05-27T07:32:00.000Z' } },
      'aa.toml': 'not = = toml',
      'other.toml': 'a = 1',
    });
  });

  test.each(['x = inf', 'x = nan', 'x = 9223372036854775807'])(
    'a file with %s has no JSON and stays a text',
    (toml) => {
      expect(parseInitData(withData(`"aa.toml" = '${toml}'`)).claims).toEqual({ 'aa.toml': toml });
    },
  );

  test('policy data at the end of policy.rego replaces the file', () => {
    const rego = `package agent_policy\n\npolicy_data := {"containers": [{"OCI": {"Process": {"Args": ["sh"]}}}]}\n`;
    expect(parseInitData(withData(`"policy.rego" = '''${rego}'''`)).claims).toEqual({
      agent_policy_claims: { containers: [{ OCI: { Process: { Args: ['sh'] } } }] },
    });
  });

  test.each([
    ['rules after it', 'policy_data := {"a": 1}\nallow := true\n'],
    ['no data', 'package agent_policy\n'],
    ['another spelling', 'policy_data:={"a": 1}'],
    ['data that is not JSON', 'policy_data := {"a": b}'],
  ])('a policy with %s stays a text', (_, rego) => {
    expect(parseInitData(withData(`"policy.rego" = '''${rego}'''`)).claims).toEqual({ 'policy.rego': rego });
  });
});

test.each([
  ['no TOML', 'x', 'TOML'],
  ['no version', 'algorithm = "sha256"\n[data]\n', 'version must be a string'],
  ['another version', DOCUMENT.replace('0.1.0', '0.2.0'), 'version "0.2.0" is unknown'],
  ['no algorithm', 'version = "0.1.0"\n[data]\n', 'algorithm must be a string'],
  ['a dash', DOCUMENT.replace('sha256', 'sha-256'), 'algorithm "sha-256" is unknown'],
  ['upper case', DOCUMENT.replace('sha256', 'SHA256'), 'algorithm "SHA256" is unknown'],
  ['an inherited name', DOCUMENT.replace('sha256', 'toString'), 'algorithm "toString" is unknown'],
  ['no data', 'version = "0.1.0"\nalgorithm = "sha256"\n', 'data must be a table'],
  ['data that is a list', 'version = "0.1.0"\nalgorithm = "sha256"\ndata = []\n', 'data must be a table'],
  ['content that is a number', withData('a = 1'), 'data."a" must be a string'],
  ['a key twice', withData('a = "1"\na = "2"'), 'TOML'],
  ['more than 512 KiB', withData(`a = "${'x'.repeat(512 * 1024)}"`), 'document is larger than'],
  ['deep nesting by a dotted key', withData(`a${'.a'.repeat(200_000)} = "1"`), 'TOML: nesting is deeper than 32'],
  ['deep nesting', `x = ${'['.repeat(200)}${']'.repeat(200)}`, 'TOML'],
])('refuses %s', (_, document, reason) => {
  expect(() => parseInitData(document)).toThrow(expect.objectContaining({ code: 'binding.init-data.form' }));
  expect(() => parseInitData(document)).toThrow(reason);
});

test('a file in it that nests too deep stays the text that it is', () => {
  const deep = `a${'.a'.repeat(200_000)} = 1`;
  expect(parseInitData(withData(`"cdh.toml" = '''${deep}'''`)).claims['cdh.toml']).toBe(deep);
});

test('errors do not repeat the document', () => {
  try {
    parseInitData('password = "hunter2" oops');
    expect.unreachable();
  } catch (error) {
    expect(String(error)).not.toContain('hunter2');
  }
});

test('fuzz: any change gives a document or ProtocolError', () => {
  fc.assert(
    fc.property(fc.nat({ max: DOCUMENT.length - 1 }), fc.nat(5), fc.string({ maxLength: 6 }), (at, cut, piece) => {
      try {
        parseInitData(DOCUMENT.slice(0, at) + piece + DOCUMENT.slice(at + cut));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
      }
    }),
    { numRuns: fuzzRuns(500) },
  );
});
