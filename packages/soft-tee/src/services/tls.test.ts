import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { contextTag, derElement, derSequence } from '@assay/bytes';
import { nodeTransport } from '@assay/collateral';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KeyStore } from '../keys/key-store.js';
import { type EmulatedCertificate, makeCertificate } from '../x509/certificate.js';
import { basicConstraints } from '../x509/extension.js';

const keys = new KeyStore(randomBytes(32));
const caKey = keys.ec('ca', 'P-256');
const CA = [['CN', 'PCCS authority']] as const;
const DAY = 86_400_000;
const dates = { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + DAY) };

/** subjectAltName with one IP address. */
const address = (...octets: number[]) => ({
  oid: '2.5.29.17',
  value: derSequence(derElement(contextTag(7, false), Uint8Array.from(octets))),
});

const authority = makeCertificate({
  ...dates,
  serial: 1n,
  issuer: CA,
  subject: CA,
  key: caKey,
  extensions: [basicConstraints(true)],
  signer: caKey,
  algorithm: 'ecdsa-sha256',
});

function leaf(edit: { notAfter?: Date; octets?: number[] }): EmulatedCertificate {
  return makeCertificate({
    ...dates,
    serial: 2n,
    issuer: CA,
    subject: [['CN', 'PCCS']],
    key: keys.ec('leaf', 'P-256'),
    extensions: [address(...(edit.octets ?? [127, 0, 0, 1]))],
    signer: caKey,
    algorithm: 'ecdsa-sha256',
    ...(edit.notAfter === undefined ? {} : { notAfter: edit.notAfter }),
  });
}

const servers: Server[] = [];
async function serve(certificate: EmulatedCertificate): Promise<URL> {
  const key = keys.ec('leaf', 'P-256').export({ type: 'pkcs8', format: 'pem' });
  const server = createServer({ key, cert: certificate.pem }, (_, response) => response.end('hello'));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

let good: URL;
let ended: URL;
let elsewhere: URL;
beforeAll(async () => {
  good = await serve(leaf({}));
  ended = await serve(leaf({ notAfter: new Date(Date.now() - 1000) }));
  elsewhere = await serve(leaf({ octets: [10, 0, 0, 1] }));
});
afterAll(() => {
  for (const server of servers) server.close();
});

const trusting = nodeTransport({ ca: [authority.pem] });
const limits = { timeoutMs: 2_000, maxBytes: 100 };

test('an authority of the owner is taken', async () => {
  expect((await trusting({ url: good, ...limits })).status).toBe(200);
});

test.each([
  ['unknown authority', () => good, nodeTransport(), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['ended', () => ended, trusting, 'CERT_HAS_EXPIRED'],
  ['other host', () => elsewhere, trusting, 'ERR_TLS_CERT_ALTNAME_INVALID'],
])('%s is refused', async (_, url, transport, message) => {
  await expect(transport({ url: url(), ...limits })).rejects.toMatchObject({ fault: 'tls', message });
});
