/** Certificates of attestation keys that the emulated TPM does not have: each is wrong in one thing. */
import { DecodeError, derNull, derOid, derSequence, encodePem } from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { parseCertificate } from '../../x509/index.js';
import { DIGITAL_SIGNATURE, issueCertificate, testExtension, testKey } from '../../x509/testing/issue.js';
import { memberBytes } from '../json.js';
import { examineAkCertificate, parseAkCertificates } from './certificate.js';

const NOW = new Date('2026-06-01T00:00:00Z');
const [root, ak] = [testKey(), testKey()];
const USAGE = '2.5.29.37';
const AIK = derSequence(derOid('2.23.133.8.3'));
const issueWith = (extensions: readonly Uint8Array[], keyUsage?: number): Uint8Array =>
  issueCertificate({
    subject: 'AK',
    issuer: 'Root',
    key: ak,
    signer: root,
    ...(keyUsage === undefined ? {} : { keyUsage }),
    extensions,
  });
const issue = (usage: Uint8Array): Uint8Array => issueWith([testExtension(USAGE, usage)], DIGITAL_SIGNATURE);
const der = issue(AIK);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('reading', () => {
  test('PEM and DER, with zeros behind', () => {
    for (const input of [der, bytes(`${encodePem('CERTIFICATE', der)}\0\0`), Uint8Array.from([...der, 0, 0])])
      expect(parseAkCertificates(input)[0].subject.commonName).toBe('AK');
  });

  test.each<[string, Uint8Array, string]>([
    ['a PEM block of another label', bytes(encodePem('X509 CRL', der)), 'not a CERTIFICATE'],
    ['a block of zeros', bytes(encodePem('CERTIFICATE', new Uint8Array(64))), 'no certificate'],
    ['more than fits', Uint8Array.from([...der, ...new Uint8Array(64 * 1024)]), 'are too many'],
    ['nine certificates', Uint8Array.from(Array.from({ length: 9 }, () => [...der]).flat()), '9 certificates'],
    ['other bytes behind', Uint8Array.from([...der, 0, 1]), 'something other than zeros follows'],
  ])('%s is refused', (_, input, words) => {
    expect(() => parseAkCertificates(input)).toThrow(words);
    expect(() => parseAkCertificates(input)).toThrow(DecodeError);
  });

  test('a text that is too long is not decoded', () => {
    expect(() => memberBytes('A'.repeat(1000), 'tpm.quote', 'base64', 100)).toThrow('1000 characters long');
  });
});

test.each<[string, Uint8Array, string[]]>([
  ['that of an attestation key', AIK, []],
  ['another', derSequence(derOid('1.3.6.1.5.5.7.3.1')), ['extended key usage 2.23.133.8.3 (attestation key)']],
  ['a damaged one', derNull(), ['extended key usage 2.23.133.8.3 (attestation key)']],
])('extended key usage: %s', (_, usage, problems) => {
  expect(problemsOf(issue(usage))).toEqual(problems.map((problem) => expect.stringContaining(problem) as string));
});

describe('as Google Compute Engine has them', () => {
  const INSTANCE = testExtension('1.3.6.1.4.1.11129.2.1.21', derSequence());
  const EK = testExtension(USAGE, derSequence(derOid('2.23.133.8.1')));
  const KEY_ENCIPHERMENT = 0x20;

  test.each<[string, readonly Uint8Array[]]>([
    ['without an extended key usage', [INSTANCE]],
    ['called an endorsement key, as in 2021', [INSTANCE, EK]],
  ])('%s', (_, extensions) => {
    expect(problemsOf(issueWith(extensions, DIGITAL_SIGNATURE))).toEqual([]);
  });

  const another = testExtension(USAGE, derSequence(derOid('1.3.6.1.5.5.7.3.1')));
  const more = testExtension(USAGE, derSequence(derOid('2.23.133.8.1'), derOid('1.3.6.1.5.5.7.3.1')));
  test.each<[string, readonly Uint8Array[], number | undefined]>([
    ['an endorsement key', [INSTANCE], KEY_ENCIPHERMENT],
    ['a key that may be for anything', [INSTANCE], undefined],
    ['a key of no instance', [], DIGITAL_SIGNATURE],
    ['an endorsement key of no instance', [EK], DIGITAL_SIGNATURE],
    ['a key with another purpose', [INSTANCE, another], DIGITAL_SIGNATURE],
    ['a key with a purpose more', [INSTANCE, more], DIGITAL_SIGNATURE],
    ['a key with no purpose', [INSTANCE, testExtension(USAGE, derSequence())], DIGITAL_SIGNATURE],
    ['a key with a damaged purpose', [INSTANCE, testExtension(USAGE, derNull())], DIGITAL_SIGNATURE],
  ])('%s is no attestation key', (_, extensions, keyUsage) => {
    expect(problemsOf(issueWith(extensions, keyUsage))).toContainEqual(
      expect.stringContaining('extended key usage 2.23.133.8.3 (attestation key)'),
    );
  });
});

function problemsOf(certificate: Uint8Array): readonly string[] {
  const leaf = parseCertificate(certificate);
  const rootCertificate = parseCertificate(
    issueCertificate({ subject: 'Root', issuer: 'Root', key: root, signer: root, ca: true, keyUsage: 0x04 }),
  );
  const roots = { anchors: [{ name: 'test root', publicKey: root.spki }], certificates: [rootCertificate] };
  return examineAkCertificate(leaf, [], ak.spki, roots, NOW).problems;
}
