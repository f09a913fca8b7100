import { randomBytes, X509Certificate } from 'node:crypto';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createServerCertificate, describeCertificate } from './self-signed.js';

const now = new Date('2026-11-21T12:00:00Z');
const make = (hosts: string[] = []) => createServerCertificate({ hosts, now, random: (n) => randomBytes(n) });

test('names the hosts and verifies under itself', () => {
  const { certificate, fingerprint } = make(['kbs.example', '10.0.0.7', 'fd00::12:7', '0.0.0.0']);
  const x509 = new X509Certificate(certificate);
  expect(x509.verify(x509.publicKey)).toBe(true);
  // rustls takes no CA for a server.
  expect(x509.ca).toBe(false);
  for (const host of ['localhost', 'kbs.example']) expect(x509.checkHost(host)).toBe(host);
  for (const address of ['127.0.0.1', '::1', '10.0.0.7', 'fd00::12:7']) expect(x509.checkIP(address)).toBe(address);
  expect(x509.subjectAltName).not.toContain('0.0.0.0');
  expect(x509.validFrom).toBe('Nov 21 11:55:00 2026 GMT');
  expect(fingerprint).toMatch(/^([0-9a-f]{2}:){31}[0-9a-f]{2}$/);
});

test('serves TLS 1.3 to a client that is given the certificate as its root', async () => {
  const { certificate, privateKey } = createServerCertificate({
    hosts: [],
    now: new Date(),
    random: (n) => randomBytes(n),
  });
  const server = createServer({ cert: certificate, key: privateKey }, (_req, res) => res.end('ok'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const body = await new Promise<string>((resolve, reject) => {
    request({ host: '127.0.0.1', port, ca: certificate, minVersion: 'TLSv1.3' }, (res) => {
      res.setEncoding('utf8').on('data', resolve);
    })
      .on('error', reject)
      .end();
  });
  server.close();
  expect(body).toBe('ok');
});

test('refuses a key of another certificate', () => {
  expect(() => describeCertificate(make().certificate, make().privateKey)).toThrow('does not belong');
});
