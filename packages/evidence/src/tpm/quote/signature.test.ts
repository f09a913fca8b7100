/** Signatures whose scheme does not fit the key, or whose numbers do not fit the curve. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { attestationKey } from '../key/ak.js';
import { verifies } from './signature.js';

const MESSAGE = new Uint8Array(100).fill(1);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ak = ({ publicKey }: { readonly publicKey: KeyObject }) =>
  attestationKey(Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' })));
const [rsaAk, ecAk] = [ak(rsa), ak(ec)];
const signed = Uint8Array.from(sign('sha256', MESSAGE, rsa.privateKey));
const fixed = Uint8Array.from(sign('sha256', MESSAGE, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }));
const [r, s] = [fixed.subarray(0, 32), fixed.subarray(32)];

test('a signature of the key’s own scheme verifies', () => {
  expect(verifies(MESSAGE, { scheme: 'rsassa', hash: 'sha256', signature: signed }, rsaAk)).toBe(true);
  expect(verifies(MESSAGE, { scheme: 'ecdsa', hash: 'sha256', r, s }, ecAk)).toBe(true);
});

test('a signature that is called one of another scheme does not', () => {
  const der = Uint8Array.from(sign('sha256', MESSAGE, ec.privateKey));
  for (const scheme of ['rsassa', 'rsapss'] as const)
    expect(verifies(MESSAGE, { scheme, hash: 'sha256', signature: der }, ecAk)).toBe(false);
  expect(verifies(MESSAGE, { scheme: 'ecdsa', hash: 'sha256', r, s }, rsaAk)).toBe(false);
});

test('numbers of another length do not', () => {
  const longer = (number: Uint8Array): Uint8Array => Uint8Array.from([0, ...number]);
  expect(verifies(MESSAGE, { scheme: 'ecdsa', hash: 'sha256', r: longer(r), s }, ecAk)).toBe(false);
  expect(verifies(MESSAGE, { scheme: 'ecdsa', hash: 'sha256', r, s: longer(s) }, ecAk)).toBe(false);
  for (const signature of [longer(signed), signed.subarray(1)])
    expect(verifies(MESSAGE, { scheme: 'rsassa', hash: 'sha256', signature }, rsaAk)).toBe(false);
});
