import { createHash, createPublicKey, type KeyObject, randomBytes, verify, X509Certificate } from 'node:crypto';
import { decodePem, encodeBase64url } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { createTestWorld, sgxQuote, tdxQuote } from '../index.js';

const world = createTestWorld({ now: () => new Date('2026-03-01T12:00:00Z'), random: randomBytes });
const REPORT_DATA = randomBytes(48);

function point(bytes: Uint8Array): KeyObject {
  const [x, y] = [bytes.subarray(0, 32), bytes.subarray(32, 64)].map(encodeBase64url);
  return createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' } });
}

/** Checks a quote by the offsets of the published layout, with nothing of this package. */
function check(quote: Uint8Array, signedLength: number, reportDataAt: number): void {
  const view = Buffer.from(quote);
  const signed = view.subarray(0, signedLength);
  const data = view.subarray(signedLength + 4);
  expect(view.readUInt32LE(signedLength)).toBe(data.length);
  const key = data.subarray(64, 128);
  expect(verify('sha256', signed, { key: point(key), dsaEncoding: 'ieee-p1363' }, data.subarray(0, 64))).toBe(true);
  expect(signed.subarray(reportDataAt, reportDataAt + 48).equals(REPORT_DATA)).toBe(true);
  let qe = data.subarray(128);
  if (view.readUInt16LE(0) >= 4) {
    expect(qe.readUInt16LE(0)).toBe(6);
    expect(qe.readUInt32LE(2)).toBe(qe.length - 6);
    qe = qe.subarray(6);
  }
  const report = qe.subarray(0, 384);
  const authLength = qe.readUInt16LE(448);
  const auth = qe.subarray(450, 450 + authLength);
  expect(report.subarray(320, 352).equals(createHash('sha256').update(key).update(auth).digest())).toBe(true);
  expect(report.subarray(352, 384).every((byte) => byte === 0)).toBe(true);
  const certification = qe.subarray(450 + authLength);
  expect(certification.readUInt16LE(0)).toBe(5);
  expect(certification.readUInt32LE(2)).toBe(certification.length - 6);
  const [leaf] = decodePem(certification.subarray(6).toString('latin1').replace(/\0+$/, ''));
  const pck = new X509Certificate(leaf?.bytes ?? '').publicKey;
  expect(verify('sha256', report, { key: pck, dsaEncoding: 'ieee-p1363' }, qe.subarray(384, 448))).toBe(true);
}

describe('quotes have the published layout', () => {
  test('SGX v3', () => check(sgxQuote(world, REPORT_DATA), 432, 48 + 320));
  test('SGX v4', () => check(sgxQuote(world, REPORT_DATA, { version: 4 }), 432, 48 + 320));
  test('SGX v5', () => check(sgxQuote(world, REPORT_DATA, { version: 5 }), 438, 54 + 320));
  test('TDX v4', () => check(tdxQuote(world, REPORT_DATA), 632, 48 + 520));
  test('TDX v5, TD 1.0', () => check(tdxQuote(world, REPORT_DATA, { version: 5, body: 'td-1.0' }), 638, 54 + 520));
  test('TDX v5, TD 1.5', () => check(tdxQuote(world, REPORT_DATA, { version: 5 }), 702, 54 + 520));
});

test('what does not fit is refused, never cut', () => {
  expect(() => tdxQuote(world, randomBytes(65))).toThrow('at most 64 fit');
  expect(() => tdxQuote(world, REPORT_DATA, { report: { mrTd: randomBytes(47) } })).toThrow('MRTD is 47 bytes');
});
