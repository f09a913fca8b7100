import { DecodeError } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { collateralFromEndorsements, parseCollateralBundle } from './raw.js';
import { splitSignedAnswer } from './signed-json.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (input: Uint8Array | undefined): string => new TextDecoder().decode(input);

describe('answers of PCS', () => {
  test('are taken apart without touching the signed text', () => {
    const inner = '{ "tcbInfo" : {"a":"}\\"{"}, "b":[1 , {"c":2}] }';
    for (const answer of [
      `{"tcbInfo":${inner},"signature":"ab"}`,
      ` { "signature" : "ab" ,\n"x":{"tcbInfo":1},"y":["tcbInfo"], "tcbInfo" : ${inner} } `,
      `{"note":"\\"tcbInfo\\":{","\\u0074cbInfo":${inner},"signature":"ab"}`,
    ]) {
      const split = splitSignedAnswer(bytes(answer), 'tcbInfo');
      expect([text(split?.text), text(split?.signature)]).toEqual([inner, 'ab']);
    }
  });

  test('a QE identity goes by the name of its version', () => {
    for (const name of ['enclaveIdentity', 'qeIdentity']) {
      const answer = bytes(`{"${name}":{"version":1 },"signature":"ab"}`);
      const { qeIdentity, qeIdentitySignature } = collateralFromEndorsements({ qe_identity: answer });
      expect([text(qeIdentity), text(qeIdentitySignature)]).toEqual(['{"version":1 }', 'ab']);
    }
  });

  test('a document that is none is left as it is', () => {
    for (const document of [
      '{"id":"TDX"}',
      '[]',
      'null',
      '{"tcbInfo":{}}',
      '{"enclaveIdentity":{},"signature":"ab"}',
    ]) {
      expect(splitSignedAnswer(bytes(document), 'tcbInfo')).toBeUndefined();
      expect(collateralFromEndorsements({ tcb_info: bytes(document) })).toEqual({ tcbInfo: bytes(document) });
    }
  });

  test.each([
    '{"tcbInfo":{},"signature":1}',
    '{"tcbInfo":1,"signature":"ab"}',
    '{"tcbInfo":[],"signature":"ab"}',
    '{',
    '{"a":1,"a":2}',
  ])('refuses %s', (answer) => {
    expect(() => splitSignedAnswer(bytes(answer), 'tcbInfo')).toThrow(DecodeError);
  });
});

describe('bundles', () => {
  test.each(['null', '[]', '"x"', '{"pck_crl":1}', '{"pck_crl":{}}', ''])('refuses %s', (bundle) => {
    expect(() => parseCollateralBundle(bytes(bundle))).toThrow(DecodeError);
  });

  test('members that are null or unknown are absent', () => {
    expect(parseCollateralBundle(bytes('{"pck_crl":null,"other":1,"root_ca_crl":"00"}'))).toEqual({
      rootCaCrl: bytes('00'),
    });
  });
});
