import type { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Authority, certificate } from '../testing/certificates.test.helper.js';
import { readCertificate, verifyChain } from './chain.js';

const now = new Date('2026-11-21T10:00:00Z');
const root = certificate({ name: 'root', ca: true });
const middle = certificate({ name: 'middle', ca: true, issuer: root });
const lower = certificate({ name: 'lower', ca: true, issuer: middle });
const leaf = certificate({ name: 'leaf', issuer: lower });

function x509({ der }: Authority): X509Certificate {
  const read = readCertificate(der);
  if (read === undefined) throw new Error('the certificate maker made none');
  return read;
}

function verify(of: Authority, untrusted: readonly Authority[], anchors: readonly Authority[], at = now) {
  return verifyChain(x509(of), untrusted.map(x509), anchors.map(x509), at);
}

describe('a path is found', () => {
  test.each<[string, Authority, Authority[], Authority[]]>([
    ['self-signed leaf that is an anchor itself', root, [], [root]],
    ['intermediates in order', leaf, [lower, middle], [root]],
    ['intermediates permuted, root among them', leaf, [root, middle, lower], [root]],
    [
      'anchors file shuffled and with an unrelated root',
      leaf,
      [lower, middle],
      [certificate({ name: 'x', ca: true }), root],
    ],
    ['an intermediate only in the anchors file', leaf, [lower], [middle, root]],
    ['all of them in the anchors file', leaf, [], [middle, root, lower]],
  ])('%s', (_, of, untrusted, anchors) => {
    expect(verify(of, untrusted, anchors)).toMatchObject({ ok: true });
  });
});

describe('no path', () => {
  test('wrong anchor', () => {
    expect(verify(leaf, [lower, middle], [certificate({ name: 'root', ca: true })])).toMatchObject({ ok: false });
  });

  test('a root that only the token brings proves nothing', () => {
    expect(verify(leaf, [lower, middle, root], [])).toMatchObject({ ok: false });
  });

  test('an intermediate as the only anchor: no partial chains', () => {
    expect(verify(leaf, [lower], [middle])).toMatchObject({ ok: false });
  });

  test('missing intermediate', () => {
    expect(verify(leaf, [lower], [root])).toMatchObject({ ok: false, fault: 'no-path' });
  });

  test('issuer is no CA', () => {
    const notCa = certificate({ name: 'not ca', issuer: root });
    const under = certificate({ name: 'under', issuer: notCa });
    expect(verify(under, [notCa], [root])).toMatchObject({ ok: false, fault: 'not-a-ca' });
  });

  test('path longer than its CA allows', () => {
    const short = certificate({ name: 'short', ca: true, pathLength: 0, issuer: root });
    const below = certificate({ name: 'below', ca: true, issuer: short });
    const end = certificate({ name: 'end', issuer: below });
    expect(verify(end, [short, below], [root])).toMatchObject({ ok: false, fault: 'path-length' });
    expect(verify(certificate({ name: 'direct', issuer: short }), [short], [root])).toMatchObject({ ok: true });
  });

  test('ended, and not yet valid, anywhere on the path', () => {
    const old = certificate({ name: 'old', ca: true, issuer: root, to: new Date('2026-02-01T00:00:00Z') });
    expect(verify(certificate({ name: 'a', issuer: old }), [old], [root])).toMatchObject({ ok: false, fault: 'ended' });
    expect(verify(leaf, [lower, middle], [root], new Date('2025-12-31T00:00:00Z'))).toMatchObject({
      ok: false,
      fault: 'not-yet-valid',
    });
  });

  test('unknown critical extension', () => {
    const strange = certificate({ name: 'strange', issuer: root, critical: '1.2.3.4' });
    expect(verify(strange, [], [root])).toMatchObject({ ok: false, fault: 'critical-extension' });
  });

  test('same name, another key', () => {
    const impostor = certificate({ name: 'lower', ca: true, issuer: root });
    expect(verify(leaf, [impostor], [root])).toMatchObject({ ok: false });
  });

  test('certificates that certify each other in circles end', () => {
    const a = certificate({ name: 'a', ca: true });
    const b = certificate({ name: 'b', ca: true });
    const circle = Array.from({ length: 3 }, () => [
      certificate({ name: 'a', ca: true, issuer: b, keys: a }),
      certificate({ name: 'b', ca: true, issuer: a, keys: b }),
    ]).flat();
    expect(verify(certificate({ name: 'end', issuer: a }), circle, [root])).toMatchObject({ ok: false });
  });
});

test('trailing bytes are no certificate', () => {
  expect(readCertificate(Buffer.concat([root.der, Buffer.from([0])]))).toBeUndefined();
});
