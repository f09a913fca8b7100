import { derBitString, derElement, derExplicit, derOid, derSequence, derSetOf, derUtf8String } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { parseCertificate } from '../../x509/index.js';
import {
  type CertificateSpec,
  issueCertificate,
  KEY_CERT_SIGN,
  testExtension,
  testKey,
} from '../../x509/testing/issue.js';
import { type ObjectAttribute, rsaKeyOf, spkiOf } from '../structures/index.js';
import type { EccPublicArea, RsaPublicArea } from '../structures/public-area.js';
import { attestationKeyFaults, type EkCertificateInput, endorsementKeyFaults, verifyEkCertificate } from './index.js';

const FIXED: readonly ObjectAttribute[] = ['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'restricted'];

function ecc(attributes: readonly ObjectAttribute[], change: Partial<EccPublicArea> = {}): EccPublicArea {
  const point = testKey().spki.subarray(-64);
  return {
    type: 'ecc',
    nameAlg: 'sha256',
    attributes: new Set(attributes),
    authPolicy: new Uint8Array(),
    symmetric: undefined,
    scheme: { algorithm: 0x18, hash: 'sha256' },
    curve: 'P-256',
    kdf: undefined,
    x: point.subarray(0, 32),
    y: point.subarray(32),
    ...change,
  };
}

const rsa = (keyBits: number): RsaPublicArea => {
  const { x: _x, y: _y, curve: _curve, kdf: _kdf, ...rest } = ecc([...FIXED, 'sign']);
  return {
    ...rest,
    type: 'rsa',
    keyBits,
    exponent: 0,
    modulus: new Uint8Array(keyBits / 8).fill(0xff),
    scheme: { algorithm: 0x14, hash: 'sha256' },
  };
};

describe('an attestation key', () => {
  test.each([
    ['P-256', ecc([...FIXED, 'sign', 'userWithAuth'])],
    ['RSA', rsa(2048)],
  ])('%s is one', (_, area) => {
    expect(attestationKeyFaults(area)).toEqual([]);
  });

  test.each<ObjectAttribute>(['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'sign'])(
    'is not one without %s',
    (attribute) => {
      const attributes = [...FIXED, 'sign' as const].filter((one) => one !== attribute);
      expect(attestationKeyFaults(ecc(attributes))).toEqual([`lacks ${attribute}`]);
    },
  );

  test.each<[string, Parameters<typeof attestationKeyFaults>[0]]>([
    ['must not have decrypt', ecc([...FIXED, 'sign', 'decrypt'])],
    [
      'has no signing scheme of its own; RSASSA, RSAPSS or ECDSA is wanted',
      ecc([...FIXED, 'sign'], { scheme: undefined }),
    ],
    [
      'has no signing scheme of its own; RSASSA, RSAPSS or ECDSA is wanted',
      ecc([...FIXED, 'sign'], { scheme: { algorithm: 0x1a, hash: 'sha256' } }),
    ],
    [
      'signs with sha1; SHA-256 or longer is wanted',
      ecc([...FIXED, 'sign'], { scheme: { algorithm: 0x18, hash: 'sha1' } }),
    ],
    ['is named with sha1; SHA-256 or longer is wanted', ecc([...FIXED, 'sign'], { nameAlg: 'sha1' })],
    ['is RSA of 1024 bits; 2048 is the least', rsa(1024)],
  ])('that %s is none', (fault, area) => {
    expect(attestationKeyFaults(area)).toEqual([fault]);
  });
});

describe('an endorsement key', () => {
  test('is a restricted decryption key', () => {
    expect(endorsementKeyFaults(ecc([...FIXED, 'decrypt', 'adminWithPolicy']))).toEqual([]);
    expect(endorsementKeyFaults(ecc([...FIXED, 'decrypt', 'sign']))).toEqual(['must not have sign']);
    expect(endorsementKeyFaults(ecc(['restricted', 'sign']))).toEqual([
      'lacks fixedTPM, fixedParent, sensitiveDataOrigin, decrypt',
      'must not have sign',
    ]);
    expect(endorsementKeyFaults({ ...rsa(1024), attributes: new Set([...FIXED, 'decrypt']) })).toEqual([
      'is RSA of 1024 bits; 2048 is the least',
    ]);
  });
});

describe('an endorsement key certificate', () => {
  const root = testKey();
  const middle = testKey();
  const area = ecc([...FIXED, 'decrypt']);
  const leafKey = { ...testKey(), spki: spkiOf(area) };
  const purpose = testExtension('2.5.29.37', derSequence(derOid('2.23.133.8.1')));
  const attribute = (oid: string, value: string): Uint8Array =>
    derSetOf(derSequence(derOid(oid), derUtf8String(value)));
  const alternativeName = testExtension(
    '2.5.29.17',
    derSequence(
      derElement(0x82, Buffer.from('host.example')),
      derExplicit(
        4,
        derSequence(
          attribute('2.23.133.2.1', 'id:00001014'),
          attribute('2.23.133.2.2', 'swtpm'),
          attribute('2.23.133.2.3', 'id:1'),
        ),
      ),
    ),
    true,
  );
  const KEY_AGREEMENT = 0x08;
  const KEY_ENCIPHERMENT = 0x20;

  const ca = (
    subject: string,
    key: typeof root,
    issuer: string,
    signer: typeof root,
    more: Partial<CertificateSpec> = {},
  ) => parseCertificate(issueCertificate({ subject, issuer, key, signer, ca: true, keyUsage: KEY_CERT_SIGN, ...more }));
  const rootCa = ca('root', root, 'root', root);
  const middleCa = ca('middle', middle, 'root', root);
  const leaf = (more: Partial<CertificateSpec> = {}) =>
    parseCertificate(
      issueCertificate({
        subject: 'ek',
        issuer: 'middle',
        key: leafKey,
        signer: middle,
        ca: false,
        keyUsage: KEY_AGREEMENT,
        extensions: [purpose, alternativeName],
        ...more,
      }),
    );
  const input: EkCertificateInput = {
    endorsementKey: area,
    certificate: leaf(),
    intermediates: [middleCa],
    anchors: [rootCa],
    at: new Date('2026-11-22T00:00:00Z'),
  };
  const texts = (change: Partial<EkCertificateInput>): string[] =>
    verifyEkCertificate({ ...input, ...change }).problems.map(({ kind, text }) => `${kind}: ${text}`);

  test('under a root of the owner vouches for its key, and names the TPM', () => {
    const result = verifyEkCertificate(input);
    expect(result.problems).toEqual([]);
    expect(result.anchor).toBe(rootCa);
    expect(result.device).toEqual({ manufacturer: 'id:00001014', model: 'swtpm', version: 'id:1' });
  });

  test('needs no root where the owner trusts the CA below it', () => {
    const result = verifyEkCertificate({ ...input, intermediates: [], anchors: [middleCa] });
    expect(result.problems).toEqual([]);
    expect(result.anchor).toBe(middleCa);
  });

  test.each<[string, Partial<EkCertificateInput>]>([
    ['key: EK certificate is of another key than the EK public area', { endorsementKey: ecc([...FIXED, 'decrypt']) }],
    [
      'purpose: EK certificate lacks the purpose tcg-kp-EKCertificate (2.23.133.8.1)',
      { certificate: leaf({ extensions: [alternativeName] }) },
    ],
    [
      'purpose: EK certificate lacks the purpose tcg-kp-EKCertificate (2.23.133.8.1)',
      { certificate: leaf({ extensions: [testExtension('2.5.29.37', Uint8Array.of(5))] }) },
    ],
    ["purpose: EK certificate's key usage lacks keyAgreement", { certificate: leaf({ keyUsage: KEY_ENCIPHERMENT }) }],
    ['purpose: ek is a CA; an end entity is wanted', { certificate: leaf({ ca: true }) }],
    ["trust: EK certificate's issuer middle leads to no trusted CA; trusted: none is", { anchors: [] }],
    ["trust: EK certificate's issuer middle leads to no trusted CA; trusted: root", { intermediates: [] }],
    [
      "trust: EK certificate's issuer middle leads to no trusted CA; trusted: root",
      { anchors: [ca('root', testKey(), 'root', middle)] },
    ],
    [
      "trust: EK certificate's issuer middle leads to no trusted CA; trusted: root",
      { certificate: leaf({ signer: root }) },
    ],
    ['path: middle is not a CA', { intermediates: [ca('middle', middle, 'root', root, { ca: false })] }],
    [
      'path: middle may not sign certificates (key usage)',
      { intermediates: [ca('middle', middle, 'root', root, { keyUsage: 0x02 })] },
    ],
    [
      'path: root allows 0 intermediate certificates; 1 follow',
      { anchors: [ca('root', root, 'root', root, { pathLength: 0 })] },
    ],
    [
      'path: ek has the critical extension 1.2.3, unknown here',
      { certificate: leaf({ extensions: [purpose, testExtension('1.2.3', Uint8Array.of(5, 0), true)] }) },
    ],
    [
      'dates: ek ended on 2026-02-01T00:00:00.000Z',
      { certificate: leaf({ notAfter: new Date('2026-02-01T00:00:00Z') }) },
    ],
    [
      'dates: root is not valid before 2027-01-01T00:00:00.000Z',
      { anchors: [ca('root', root, 'root', root, { notBefore: new Date('2027-01-01T00:00:00Z') })] },
    ],
  ])('%s', (problem, change) => {
    expect(texts(change)).toEqual([problem]);
  });

  test('RSA keys encipher', () => {
    const key = rsa(2048);
    const certificate = leaf({ key: { ...leafKey, spki: spkiOf(key) } });
    expect(texts({ endorsementKey: key, certificate })).toEqual([
      "purpose: EK certificate's key usage lacks keyEncipherment",
    ]);
    const right = leaf({ key: { ...leafKey, spki: spkiOf(key) }, keyUsage: KEY_ENCIPHERMENT });
    expect(texts({ endorsementKey: key, certificate: right })).toEqual([]);
  });

  test('a key that is written as one for OAEP is the same key', () => {
    const key = rsa(2048);
    const other = { ...key, modulus: new Uint8Array(256).fill(0xfe) };
    const oaep = (of: typeof key): Uint8Array =>
      derSequence(derSequence(derOid('1.2.840.113549.1.1.7'), derSequence()), derBitString(rsaKeyOf(of)));
    const certificate = leaf({ key: { ...leafKey, spki: oaep(key) }, keyUsage: KEY_ENCIPHERMENT });
    expect(texts({ endorsementKey: key, certificate })).toEqual([]);
    expect(texts({ endorsementKey: other, certificate })).toEqual([
      'key: EK certificate is of another key than the EK public area',
    ]);
    // Its number for signatures of the other scheme says nothing of an endorsement key.
    const pss = derSequence(derSequence(derOid('1.2.840.113549.1.1.10')), derBitString(rsaKeyOf(key)));
    const strange = leaf({ key: { ...leafKey, spki: pss }, keyUsage: KEY_ENCIPHERMENT });
    expect(texts({ endorsementKey: key, certificate: strange })).toHaveLength(1);
  });

  test('Google Compute Engine names the instance, and the purpose by the key usage alone', () => {
    const instance = testExtension('1.3.6.1.4.1.11129.2.1.21', derSequence());
    expect(texts({ certificate: leaf({ extensions: [instance] }) })).toEqual([]);
    const lacks = 'purpose: EK certificate lacks the purpose tcg-kp-EKCertificate (2.23.133.8.1)';
    expect(texts({ certificate: leaf({ extensions: [instance], keyUsage: 0x80 + KEY_AGREEMENT }) })).toEqual([lacks]);
    const another = testExtension('2.5.29.37', derSequence(derOid('2.23.133.8.3')));
    expect(texts({ certificate: leaf({ extensions: [instance, another] }) })).toEqual([lacks]);
  });

  test('CAs that certify each other end in a refusal', () => {
    const again = ca('middle', middle, 'middle', middle);
    const [a, b] = [testKey(), testKey()];
    const loop = [ca('a', a, 'b', b), ca('b', b, 'a', a), again];
    expect(texts({ certificate: leaf({ issuer: 'a', signer: a }), intermediates: loop, anchors: [rootCa] })).toEqual([
      "trust: EK certificate's issuer a leads to no trusted CA; trusted: root",
    ]);
  });

  test('a path of more CAs than any maker has is not followed', () => {
    const made = Array.from({ length: 8 }, () => testKey());
    const chain = (length: number) => {
      const signers = [root, ...made.slice(0, length)];
      const cas = signers.slice(1).map((key, n) => {
        const signer = signers[n];
        if (signer === undefined) throw new Error('no signer');
        return ca(`ca ${n + 1}`, key, n === 0 ? 'root' : `ca ${n}`, signer);
      });
      const last = signers.at(-1) ?? root;
      return { certificate: leaf({ issuer: `ca ${length}`, signer: last }), intermediates: cas };
    };
    expect(texts(chain(5))).toEqual([]);
    expect(texts(chain(6))).toHaveLength(1);
  });

  test('a damaged alternative name names nothing', () => {
    const broken = leaf({
      extensions: [purpose, testExtension('2.5.29.17', derSequence(derExplicit(4, Uint8Array.of(0x30, 5))), true)],
    });
    expect(verifyEkCertificate({ ...input, certificate: broken })).toMatchObject({ problems: [], device: {} });
  });
});
