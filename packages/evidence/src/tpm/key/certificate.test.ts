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
const issue = (usage: Uint8Array): Uint8Array =>
  issueCertificate({
    subject: 'AK',
    issuer: 'Root',
    key: ak,
    signer: root,
    keyUsage: DIGITAL_SIGNATURE,
    extensions: [testExtension(USAGE, usage)],
  });
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
  const leaf = parseCertificate(issue(usage));
  const rootCertificate = parseCertificate(
    issueCertificate({ subject: 'Root', issuer: 'Root', key: root, signer: root, ca: true, keyUsage: 0x04 }),
  );
  const roots = { anchors: [{ name: 'test root', publicKey: root.spki }], certificates: [rootCertificate] };
  const examination = examineAkCertificate(leaf, [], ak.spki, roots, NOW);
  expect(examination.problems).toEqual(problems.map((problem) => expect.stringContaining(problem) as string));
});
