import { createPrivateKey, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import {
  derBitString,
  derInteger,
  derOid,
  derSequence,
  derSetOf,
  derTime,
  derUtf8String,
  encodeBase64,
  encodePem,
} from '@assay/bytes';
import { importJwk } from '@assay/protocol';
import { describe, expect, test } from 'vitest';
import { openWorld, sampleEntry } from '../testing/service.test.helper.js';
import { configuredSigner, ephemeralSigner } from './signer.js';

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (key: KeyObject): string => String(key.export({ format: 'pem', type: 'pkcs8' }));

/** A self-signed certificate, the least that parsers take. */
function certificate(publicKey: KeyObject, privateKey: KeyObject): Uint8Array {
  const algorithm = derSequence(derOid('1.2.840.10045.4.3.2'));
  const name = derSequence(derSetOf(derSequence(derOid('2.5.4.3'), derUtf8String('signer'))));
  const validity = derSequence(derTime(new Date(Date.UTC(2026, 0, 1))), derTime(new Date(Date.UTC(2030, 0, 1))));
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
  const tbs = derSequence(derInteger(1n), algorithm, name, validity, name, spki);
  return derSequence(tbs, algorithm, derBitString(new Uint8Array(sign('sha256', tbs, privateKey))));
}

describe('a configured signer', () => {
  test('publishes its key, and the chain in the order of the file', () => {
    const leaf = certificate(pair.publicKey, pair.privateKey);
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const root = certificate(other.publicKey, other.privateKey);
    const chainPem = encodePem('CERTIFICATE', leaf) + encodePem('CERTIFICATE', root);
    const signer = configuredSigner({
      keyPem: pem(pair.privateKey),
      chainPem,
      certUrl: 'https://example.org/chain.pem',
    });
    expect(signer.jwk).toMatchObject({
      kty: 'EC',
      crv: 'P-256',
      alg: 'ES256',
      x5u: 'https://example.org/chain.pem',
      x5c: [encodeBase64(leaf), encodeBase64(root)],
    });
    expect(Object.keys(signer.jwk)).toEqual(['kty', 'crv', 'alg', 'x', 'y', 'x5u', 'x5c']);
    expect(importJwk(signer.jwk).algorithm).toBe('ES256');
    expect(new X509Certificate(leaf).subject).toBe('CN=signer');
  });

  test('takes SEC 1 PEM too', () => {
    const keyPem = String(pair.privateKey.export({ format: 'pem', type: 'sec1' }));
    expect(configuredSigner({ keyPem }).jwk['x']).toBe(pair.publicKey.export({ format: 'jwk' }).x);
  });

  test.each<[string, () => { keyPem: string; chainPem?: string }, RegExp]>([
    [
      'an RSA key',
      () => ({ keyPem: pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey) }),
      /not on P-256/,
    ],
    ['P-384', () => ({ keyPem: pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey) }), /not on P-256/],
    ['Ed25519', () => ({ keyPem: pem(generateKeyPairSync('ed25519').privateKey) }), /not on P-256/],
    ['no PEM', () => ({ keyPem: 'nonsense' }), /not a private key in PEM/],
    [
      'a chain without certificate',
      () => ({ keyPem: pem(pair.privateKey), chainPem: pem(pair.privateKey) }),
      /holds no certificate/,
    ],
    [
      'a chain that does not decode',
      () => ({
        keyPem: pem(pair.privateKey),
        chainPem: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n',
      }),
      /does not decode/,
    ],
    [
      'a chain of another key',
      () => {
        const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        return {
          keyPem: pem(pair.privateKey),
          chainPem: encodePem('CERTIFICATE', certificate(other.publicKey, other.privateKey)),
        };
      },
      /for another key/,
    ],
  ])('%s is refused, and no error quotes a key', (_, config, words) => {
    const made = config();
    expect(() => configuredSigner(made)).toThrow(
      expect.objectContaining({ code: 'config.signer.key', message: expect.stringMatching(words) }),
    );
    const secret = made.keyPem.split('\n')[1] ?? made.keyPem;
    try {
      configuredSigner(made);
    } catch (thrown) {
      expect(`${String(thrown)}${thrown instanceof Error ? thrown.stack : ''}`).not.toContain(
        secret.length > 10 ? secret : '\u0000',
      );
    }
  });

  test('signs the tokens of the service', async () => {
    const { service } = await openWorld({ signer: { keyPem: pem(pair.privateKey) } });
    const { keys } = await service.jwks();
    expect(keys[0]?.['x']).toBe(pair.publicKey.export({ format: 'jwk' }).x);
    expect((await service.evaluate({ entries: [sampleEntry()], policyIds: [] })).token).toBeDefined();
  });
});

test('an ephemeral signer is another one each time', () => {
  expect(ephemeralSigner().jwk['x']).not.toBe(ephemeralSigner().jwk['x']);
  expect(createPrivateKey(pem(ephemeralSigner().key)).asymmetricKeyType).toBe('ec');
});
