import { describe, expect, test } from 'vitest';
import { isObject, objectGet, RegoSet, type Value } from '../../value/index.js';
import type { BuiltinContext } from '../types.js';
import { awsBuiltins } from './aws.js';

const ctx = { budget: { step: () => {}, alloc: () => {} } } as unknown as BuiltinContext;
const TIME = 1451311705000000000n;
const CONFIG: Value = {
  aws_access_key: 'AKIDEXAMPLE',
  aws_secret_access_key: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  aws_service: 's3',
  aws_region: 'us-east-1',
};

function sign(request: Value, config: Value = CONFIG, time: Value = TIME): Value | undefined {
  return awsBuiltins[0]?.impl?.([request, config, time], ctx);
}

function headers(result: Value | undefined): Value {
  return result !== undefined && isObject(result) ? (objectGet(result, 'headers') ?? null) : null;
}

describe('providers.aws.sign_req', () => {
  // The "get-vanilla" request of Amazon's published Signature Version 4 test suite.
  test('signs as in the published test suite', () => {
    const result = sign(
      { method: 'GET', url: 'https://example.amazonaws.com/' },
      { ...(CONFIG as object), aws_service: 'service' } as Value,
      1440938160000000000n,
    );
    expect(headers(result)).toEqual({
      Authorization:
        'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,SignedHeaders=host;x-amz-date,Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
      host: 'example.amazonaws.com',
      'x-amz-date': '20150830T123600Z',
    });
  });

  test('keeps the request, adds the hash for s3 and the session token', () => {
    const result = sign(
      {
        method: 'put',
        url: 'https://b.s3.amazonaws.com/k?x=y',
        headers: { Foo: 'bar', 'User-Agent': 'u' },
        body: { a: 1 },
      },
      { ...(CONFIG as object), aws_session_token: 't' } as Value,
    );
    expect(result).toMatchObject({ method: 'put', body: { a: 1 } });
    expect(headers(result)).toMatchObject({
      Foo: 'bar',
      'User-Agent': 'u',
      'x-amz-content-sha256': '015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862',
      'x-amz-security-token': 't',
    });
    expect(String((headers(result) as Record<string, Value>)['Authorization'])).toContain(
      'SignedHeaders=foo;host;x-amz-content-sha256;x-amz-date;x-amz-security-token,',
    );
  });

  test('an unsigned payload is announced', () => {
    const config = { ...(CONFIG as object), disable_payload_signing: true } as Value;
    expect(headers(sign({ method: 'get', url: 'https://h/' }, config))).toMatchObject({
      'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
    });
  });

  test.each<[Value, Value, Value, string]>([
    [{}, CONFIG, TIME, 'operand 1 missing required request parameters(s): {"method", "url"}'],
    [
      { method: RegoSet.of([]), url: 1 },
      CONFIG,
      TIME,
      'operand 1 invalid values for required request parameters(s): {"method", "url"}',
    ],
    [
      { method: 'get', url: 'http://h' },
      { x: 1 },
      TIME,
      'operand 2 missing required AWS config parameters(s): {"aws_access_key", "aws_region", "aws_secret_access_key", "aws_service"}',
    ],
    [
      { method: 'get', url: 'http://h' },
      { ...(CONFIG as object), aws_region: 1 } as Value,
      TIME,
      'operand 2 invalid values for required AWS config parameters(s): {"aws_region"}',
    ],
    [
      { method: 'get', url: 'http://h' },
      CONFIG,
      1.5,
      'operand 3 could not convert time_ns value into a unix timestamp',
    ],
    [
      { method: 'get', url: 'http://h' },
      { ...(CONFIG as object), disable_payload_signing: 'no' } as Value,
      TIME,
      "operand 2 invalid value for 'disable_payload_signing' in AWS config",
    ],
    [{ method: 'get', url: 'nowhere' }, CONFIG, TIME, 'invalid URL'],
  ])('%j is refused', (request, config, time, message) => {
    expect(() => sign(request, config, time)).toThrow(message);
  });

  test('errors do not quote the secret', () => {
    for (const request of [{}, { method: 'get', url: ' ' }] as Value[]) {
      try {
        sign(request);
        expect.unreachable();
      } catch (error) {
        expect((error as Error).message).not.toContain('wJalr');
      }
    }
  });
});
