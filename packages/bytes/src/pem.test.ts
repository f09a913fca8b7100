import { generateKeyPairSync } from 'node:crypto';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DecodeError } from './decode-error.js';
import { decodePem, encodePem } from './pem.js';

const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
const der = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }));

test('reads and writes what OpenSSL writes', () => {
  expect(decodePem(pem)).toEqual([{ label: 'PUBLIC KEY', bytes: der }]);
  expect(encodePem('PUBLIC KEY', der)).toBe(pem);
});

test('reads several blocks with text around them and any line end', () => {
  const blocks = decodePem(`subject=CN = x\r\n${pem.replaceAll('\n', '\r\n')}\ntext\n${pem}`);
  expect(blocks.map((block) => block.label)).toEqual(['PUBLIC KEY', 'PUBLIC KEY']);
});

test.each([
  ['no block', 'hello', 'no block found'],
  ['unclosed block', pem.replace(/-----END.*/, ''), 'block is not closed'],
  ['other label at the end', pem.replace('END PUBLIC', 'END PRIVATE'), 'END does not match BEGIN'],
  ['block inside a block', `-----BEGIN A-----\n${pem}`, 'block begins inside another'],
  ['END alone', '-----END A-----', 'END does not match BEGIN'],
  ['headers of RFC 1421', '-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nQUFB\n-----END A-----', 'body is not base64'],
  ['missing padding', '-----BEGIN A-----\nQQ\n-----END A-----', 'body is not base64'],
  ['broken boundary', '-----BEGIN A----\nQQ==\n-----END A-----', 'malformed boundary line'],
  ['endless line', `-----BEGIN A-----\n${'QUFB'.repeat(40)}\n-----END A-----`, 'longer than 76'],
])('refuses %s', (_, text, reason) => {
  expect(() => decodePem(text)).toThrow(reason);
});

test('fuzz: one change never throws anything but DecodeError', () => {
  fc.assert(
    fc.property(fc.nat({ max: pem.length - 1 }), fc.string({ maxLength: 3 }), (at, piece) => {
      try {
        decodePem(pem.slice(0, at) + piece + pem.slice(at + 1));
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: fuzzRuns(300) },
  );
});
