import { DecodeError, decodeUtf8, encodePem, encodeUtf8 } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkChain, decodeChainHeader, readCrl, readSignedAnswer } from './answer.js';

const PEM = encodePem(
  'CERTIFICATE',
  Uint8Array.from({ length: 90 }, (_, index) => (index * 251) & 0xff),
);
const HEADER = encodeURIComponent(PEM + PEM);
const SIGNATURE = 'AB'.repeat(64);
const DATES = '"issueDate":"2026-03-01T00:00:00Z","nextUpdate":"2026-03-31T00:00:00Z"';
const answer = (inner: string, signature = SIGNATURE): Uint8Array =>
  encodeUtf8(`{"tcbInfo":${inner},"signature":"${signature}"}`);

describe('chain header', () => {
  test('a plus sign is a plus sign', () => {
    expect(PEM).toContain('+');
    expect(decodeUtf8(decodeChainHeader(HEADER))).toBe(PEM + PEM);
    // Some servers leave what need not be encoded as it is.
    expect(decodeUtf8(decodeChainHeader(HEADER.replaceAll('%2B', '+').replaceAll('%3D', '=')))).toBe(PEM + PEM);
  });

  test.each([
    ['absent', undefined],
    ['empty', ''],
    ['no PEM', 'hello'],
    ['broken percent', `${HEADER}%`],
    ['no UTF-8', '%ff%fe'],
    ['control character', `${HEADER}\u0007`],
    ['of keys', encodeURIComponent(encodePem('PRIVATE KEY', new Uint8Array(9)))],
    ['five certificates', encodeURIComponent(PEM.repeat(5))],
    ['too long', encodeURIComponent(encodePem('CERTIFICATE', new Uint8Array(50_000)))],
    ['spaces for plus signs', encodeURIComponent(PEM.replaceAll('+', ' '))],
  ])('%s is refused', (_, header) => {
    expect(() => decodeChainHeader(header)).toThrow(DecodeError);
  });

  test('fuzz: any text gives PEM or DecodeError', () => {
    const mutated = fc
      .tuple(fc.nat(HEADER.length - 1), fc.string({ maxLength: 3 }))
      .map(([at, text]) => HEADER.slice(0, at) + text + HEADER.slice(at + text.length));
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 300, unit: 'binary' }), mutated), (header) => {
        const read = attempt(() => decodeChainHeader(header));
        if (read !== undefined) expect(() => checkChain(decodeUtf8(read))).not.toThrow();
      }),
      { numRuns: fuzzRuns(500) },
    );
  });
});

describe('signed answer', () => {
  test.each([
    ['as it is', `{${DATES}}`],
    ['with spaces', `{ ${DATES} , "levels" : [ { "x" : "}]\\"{" } ] }`],
    ['with escapes', `{${DATES},"\\u0061":"\\\\"}`],
  ])('keeps the exact text: %s', (_, inner) => {
    const { pieces, issued, nextUpdate } = readSignedAnswer(answer(inner), ['tcbInfo'], HEADER);
    expect(decodeUtf8(pieces['tcb_info'] ?? new Uint8Array())).toBe(inner);
    expect(decodeUtf8(pieces['tcb_info_signature'] ?? new Uint8Array())).toBe(SIGNATURE.toLowerCase());
    expect([issued, nextUpdate]).toEqual([new Date('2026-03-01'), new Date('2026-03-31')]);
  });

  test('finds the member wherever it stands, not one of the same name inside', () => {
    const inner = `{${DATES}}`;
    const text = ` { "x" : {"tcbInfo":{}} , "n":-1.5e3,"signature":"${SIGNATURE}", "\\u0074cbInfo" : ${inner} } `;
    expect(
      decodeUtf8(readSignedAnswer(encodeUtf8(text), ['tcbInfo'], HEADER).pieces['tcb_info'] ?? new Uint8Array()),
    ).toBe(inner);
  });

  test.each([
    ['no object', encodeUtf8('[]')],
    ['other member', encodeUtf8(`{"enclaveIdentity":{${DATES}},"signature":"${SIGNATURE}"}`)],
    ['inner text', encodeUtf8(`{"tcbInfo":"x","signature":"${SIGNATURE}"}`)],
    ['short signature', answer(`{${DATES}}`, 'ab')],
    ['signature of other letters', answer(`{${DATES}}`, 'g'.repeat(128))],
    ['no dates', answer('{}')],
    ['date without zone', answer(`{${DATES.replace('00Z', '00')}}`)],
    ['31 February', answer(`{${DATES.replace('03-31', '02-31')}}`)],
    ['member twice', answer(`{${DATES},${DATES}}`)],
    ['deep', answer(`{${DATES},"x":${'['.repeat(20)}${']'.repeat(20)}}`)],
    ['text after it', Buffer.concat([answer(`{${DATES}}`), Buffer.from('x')])],
  ])('%s is refused', (_, body) => {
    expect(() => readSignedAnswer(body, ['tcbInfo'], HEADER)).toThrow(DecodeError);
  });

  test('fuzz: whatever JSON stands inside, its text comes back', () => {
    const dates = { issueDate: '2026-03-01T00:00:00Z', nextUpdate: '2026-03-31T00:00:00Z' };
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.constantFrom('', ' ', '\n\t'), fc.boolean(), (extra, space, before) => {
        const inner = `{${space}"a":${extra},${JSON.stringify(dates).slice(1)}`;
        const members = [`"tcbInfo"${space}:${space}${inner}`, `"signature":"${SIGNATURE}"`];
        const text = `{${(before ? members : members.reverse()).join(`${space},${space}`)}${space}}`;
        const read = attempt(() => readSignedAnswer(encodeUtf8(text), ['tcbInfo'], HEADER));
        // JSON with doubled members or huge integers is refused before; what is taken is taken exactly.
        if (read !== undefined) expect(decodeUtf8(read.pieces['tcb_info'] ?? new Uint8Array())).toBe(inner);
      }),
      { numRuns: fuzzRuns(500) },
    );
  });

  test('fuzz: mutated answers give an answer or DecodeError', () => {
    const good = answer(`{${DATES},"tcbLevels":[{"tcb":{"pcesvn":13},"tcbStatus":"UpToDate"}]}`);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, length) => {
        attempt(() => readSignedAnswer(good.with(at, byte), ['tcbInfo'], HEADER));
        attempt(() => readSignedAnswer(good.subarray(0, length), ['tcbInfo'], HEADER));
      }),
      { numRuns: fuzzRuns(500) },
    );
  });
});

test('fuzz: a CRL is read, or refused with DecodeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      attempt(() => readCrl(bytes, 'crl'));
    }),
    { numRuns: fuzzRuns(500) },
  );
});

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
