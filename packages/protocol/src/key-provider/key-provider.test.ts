import { DecodeError, encodeUtf8 } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAnnotationPacket } from './annotation-packet.js';
import { formatUnwrapResponse, parseUnwrapRequest } from './messages.js';

const bytes = (value: unknown): Uint8Array => encodeUtf8(JSON.stringify(value));

describe('annotation packets', () => {
  const first = { kid: 'kbs:///a/b/c', wrapped_data: 'd', iv: 'i', wrap_type: 'A256GCM' };

  test('version 1 has defaults in the place of what version 2 adds', () => {
    expect(parseAnnotationPacket(bytes(first))).toEqual({
      kid: 'kbs:///a/b/c',
      wrappedData: 'd',
      provider: 'kbs',
      iv: 'i',
      wrapType: 'A256GCM',
      providerSettings: {},
      annotations: {},
    });
  });

  test('version 2, and one for a provider that decrypts by itself', () => {
    const second = {
      version: '0.1.0',
      kid: 'k',
      wrapped_data: 'd',
      provider: 'aws',
      provider_settings: { r: 1 },
      annotations: { a: 2 },
    };
    expect(parseAnnotationPacket(bytes(second))).toEqual({
      kid: 'k',
      wrappedData: 'd',
      provider: 'aws',
      iv: undefined,
      wrapType: undefined,
      providerSettings: { r: 1 },
      annotations: { a: 2 },
    });
  });

  test.each([
    [[]],
    [{ ...first, kid: undefined }],
    [{ ...first, kid: 1 }],
    [{ ...first, wrapped_data: undefined }],
    [{ ...first, iv: 1 }],
    [{ ...first, version: '0.2.0' }],
    [{ ...first, provider_settings: [] }],
    [{ ...first, annotations: 'x' }],
  ])('%j is none', (packet) => {
    expect(() => parseAnnotationPacket(bytes(packet))).toThrow(DecodeError);
  });
});

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

test('fuzz: any JSON is a request, a packet, or none', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      for (const parse of [parseUnwrapRequest, parseAnnotationPacket]) {
        try {
          parse(encodeUtf8(text));
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }
    }),
    { numRuns: fuzzRuns(300) },
  );
});
