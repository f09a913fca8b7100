import { DecodeError, encodeUtf8 } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatUnwrapResponse, parseUnwrapRequest } from './messages.js';

const bytes = (value: unknown): Uint8Array => encodeUtf8(JSON.stringify(value));

describe('requests to unwrap', () => {
  const request = {
    op: 'keyunwrap',
    keywrapparams: { ec: null, optsdata: null },
    keyunwrapparams: { dc: { Parameters: { 'attestation-agent': ['eA=='] } }, annotation: 'YWJj' },
  };

  test('give the annotation; what stands beside it may be null', () => {
    expect(Buffer.from(parseUnwrapRequest(bytes(request))).toString()).toBe('abc');
    for (const dc of [null, undefined, { Parameters: {} }])
      parseUnwrapRequest(bytes({ ...request, keyunwrapparams: { dc, annotation: 'YWJj' } }));
    parseUnwrapRequest(
      bytes({ ...request, keywrapparams: { ec: { Parameters: {}, DecryptConfig: { Parameters: { a: ['b'] } } } } }),
    );
  });

  test.each([
    [[]],
    [{ ...request, op: 'keywrap' }],
    [{ ...request, keywrapparams: undefined }],
    [{ ...request, keywrapparams: null }],
    [{ ...request, keywrapparams: { ec: { Parameters: {} } } }],
    [{ ...request, keywrapparams: { ec: { DecryptConfig: { Parameters: {} } } } }],
    [{ ...request, keyunwrapparams: undefined }],
    [{ ...request, keyunwrapparams: { dc: null } }],
    [{ ...request, keyunwrapparams: { dc: null, annotation: '%' } }],
    [{ ...request, keyunwrapparams: { dc: {}, annotation: 'YWJj' } }],
    [{ ...request, keyunwrapparams: { dc: { Parameters: { a: 'b' } }, annotation: 'YWJj' } }],
    [{ ...request, keyunwrapparams: { dc: { Parameters: { a: [1] } }, annotation: 'YWJj' } }],
  ])('%j is none', (value) => {
    expect(() => parseUnwrapRequest(bytes(value))).toThrow(DecodeError);
  });

  test('the answer holds bytes as numbers', () => {
    expect(Buffer.from(formatUnwrapResponse(encodeUtf8('{"}'))).toString()).toBe(
      '{"keyunwrapresults":{"optsdata":[123,34,125]}}',
    );
  });
});

test('fuzz: any JSON is a request, or none', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      try {
        parseUnwrapRequest(encodeUtf8(text));
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: fuzzRuns(300) },
  );
});
