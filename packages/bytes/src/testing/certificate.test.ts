import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { basicConstraints, issueCertificate, selfSigned } from './index.js';

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-384' });

test('what is issued is read by OpenSSL as it was meant', () => {
  const [root, leaf] = [pair(), pair()];
  const read = (spec: Partial<Parameters<typeof issueCertificate>[0]>) =>
    new X509Certificate(
      issueCertificate({
        subject: 'leaf',
        issuer: 'root',
        publicKey: leaf.publicKey,
        signer: root.privateKey,
        ...spec,
      }),
    );
  const certificate = read({ serial: Uint8Array.of(0xff, 1), notAfter: new Date('2027-05-01T00:00:00Z') });
  expect(certificate).toMatchObject({
    subject: 'CN=leaf',
    issuer: 'CN=root',
    serialNumber: 'FF01',
    validFrom: 'Jan  1 00:00:00 2026 GMT',
    validTo: 'May  1 00:00:00 2027 GMT',
    ca: false,
  });
  expect(certificate.verify(root.publicKey)).toBe(true);
  expect(certificate.verify(leaf.publicKey)).toBe(false);
  expect(certificate.publicKey.equals(leaf.publicKey)).toBe(true);
  expect(read({ extensions: [basicConstraints(true, 0)] }).ca).toBe(true);
  expect(read({ extensions: [basicConstraints(false)] }).ca).toBe(false);
  expect(read({}).serialNumber).not.toBe(read({}).serialNumber);
  const spki = leaf.publicKey.export({ type: 'spki', format: 'der' });
  expect(read({ publicKey: spki, subject: Uint8Array.of(0x30, 0) })).toMatchObject({ subject: undefined });
  expect(read({ subject: '' }).subject).toBeUndefined();
});

test('a server that vouches for itself has its names, now', () => {
  const { certificate, key } = selfSigned('server', ['a.example', 'b.example']);
  const read = new X509Certificate(certificate);
  expect(read).toMatchObject({ subject: 'CN=server', issuer: 'CN=server', ca: true });
  expect(read.subjectAltName).toBe('DNS:a.example, DNS:b.example');
  expect(read.verify(read.publicKey)).toBe(true);
  expect(key).toContain('BEGIN PRIVATE KEY');
  expect(Date.parse(read.validFrom)).toBeLessThan(Date.now());
  expect(Date.parse(read.validTo)).toBeGreaterThan(Date.now());
  expect(new X509Certificate(selfSigned('server').certificate).subjectAltName).toBeUndefined();
});
