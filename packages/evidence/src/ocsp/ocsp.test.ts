import { createHash, sign } from 'node:crypto';
import {
  DecodeError,
  DerReader,
  derBitString,
  derElement,
  derExplicit,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  encodeUtf8,
} from '@assay/bytes';
import { describe, expect, test } from 'vitest';
import { type Certificate, parseCertificate } from '../x509/index.js';
import { issueCertificate, KEY_CERT_SIGN, testExtension, testKey } from '../x509/testing/issue.js';
import { encodeOcspRequest } from './request.js';
import { parseOcspResponse } from './response.js';
import { verifyOcsp } from './verify.js';

const NOW = new Date('2026-06-01T12:00:00Z');
const [rootKey, caKey, leafKey, responderKey] = [
  testKey('P-384'),
  testKey('P-384'),
  testKey('P-384'),
  testKey('P-384'),
];
const issue = (...args: Parameters<typeof issueCertificate>): Certificate =>
  parseCertificate(issueCertificate(...args));
const root = issue({
  subject: 'Root',
  issuer: 'Root',
  key: rootKey,
  signer: rootKey,
  ca: true,
  keyUsage: KEY_CERT_SIGN,
});
const ca = issue({ subject: 'CA', issuer: 'Root', key: caKey, signer: rootKey, ca: true, keyUsage: KEY_CERT_SIGN });
const leaf = issue({ subject: 'Leaf', issuer: 'CA', key: leafKey, signer: caKey });
const OCSP_SIGNING = testExtension('2.5.29.37', derSequence(derOid('1.3.6.1.5.5.7.3.9')), true);
const responder = (issuer: string, signer: typeof caKey): Uint8Array =>
  issueCertificate({ subject: 'Responder', issuer, key: responderKey, signer, extensions: [OCSP_SIGNING] });

const SHA256 = '2.16.840.1.101.3.4.2.1';
const NONCE = '1.3.6.1.5.5.7.48.1.2';
const BASIC = '1.3.6.1.5.5.7.48.1.1';
const ALGORITHM = derSequence(derOid('1.2.840.10045.4.3.2'));
const nonce = new Uint8Array(32).fill(7);
const time = (date: Date): Uint8Array => derElement(0x18, encodeUtf8(date.toISOString().replace(/[-:T]|\.\d{3}/g, '')));
const hash = (algorithm: string, bytes: Uint8Array): Uint8Array =>
  Uint8Array.from(createHash(algorithm).update(bytes).digest());
/** What no structure ends with. */
const stray = derInteger(99);

interface Spec {
  readonly status?: Uint8Array;
  readonly outer?: Uint8Array;
  readonly type?: string;
  readonly version?: Uint8Array;
  readonly responderId?: Uint8Array;
  readonly algorithm?: Uint8Array;
  readonly hashes?: string;
  readonly serial?: bigint;
  readonly single?: readonly Uint8Array[];
  readonly singles?: number;
  readonly certStatus?: Uint8Array;
  readonly extensions?: Uint8Array;
  readonly certificates?: readonly Uint8Array[];
  readonly strayIn?: string;
}

function respond(spec: Spec = {}, key = caKey): Uint8Array {
  const extra = (place: string): Uint8Array[] => (spec.strayIn === place ? [stray] : []);
  const hashes = spec.hashes ?? 'sha256';
  const certId = derSequence(
    spec.algorithm ?? derSequence(derOid(SHA256), derNull(), ...extra('algorithm')),
    derOctetString(hash(hashes, ca.subject.der)),
    derOctetString(hash(hashes, ca.publicKey.key)),
    derInteger(spec.serial ?? BigInt(`0x${leaf.serial}`)),
    ...extra('cert-id'),
  );
  const single = derSequence(
    certId,
    spec.certStatus ?? derElement(0x80),
    time(NOW),
    derExplicit(0, time(new Date(NOW.getTime() + 3_600_000)), ...extra('next-update')),
    ...(spec.single ?? []),
    ...extra('single'),
  );
  const data = derSequence(
    ...(spec.version === undefined ? [] : [spec.version]),
    spec.responderId ?? derExplicit(1, ca.subject.der, ...extra('responder')),
    time(NOW),
    derSequence(...Array.from({ length: spec.singles ?? 1 }, () => single)),
    spec.extensions ??
      derExplicit(
        1,
        derSequence(derSequence(derOid(NONCE), derOctetString(concat(derOctetString(nonce), ...extra('nonce'))))),
        ...extra('extensions'),
      ),
    ...extra('data'),
  );
  const signature = derBitString(Uint8Array.from(sign('sha256', data, key.privateKey)));
  const certificates = spec.certificates ?? [];
  const basic = derSequence(
    data,
    ALGORITHM,
    signature,
    ...(certificates.length === 0 ? [] : [derExplicit(0, derSequence(...certificates))]),
    ...extra('basic'),
  );
  const bytes = derExplicit(
    0,
    derSequence(derOid(spec.type ?? BASIC), derOctetString(concat(basic, ...extra('inner'))), ...extra('wrapped')),
  );
  return concat(
    derSequence(spec.status ?? derElement(0x0a, Uint8Array.of(0)), spec.outer ?? bytes, ...extra('response')),
    ...extra('outer'),
  );
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

const verify = (response: Uint8Array, issuers: readonly Certificate[] = [ca, root], minutes = 0) => {
  const now = new Date(NOW.getTime() + minutes * 60_000);
  return verifyOcsp({ response, certificate: leaf, issuers, nonce, now, clock: 'the test' });
};
const problemOf = (response: Uint8Array, issuers?: readonly Certificate[]): string | undefined => {
  const result = verify(response, issuers);
  return 'problem' in result ? result.problem : undefined;
};

test('a request names the certificate by SHA-384 of its issuer, and has a nonce', () => {
  const tbs = new DerReader(encodeOcspRequest(leaf, ca, nonce)).sequence().sequence();
  const id = tbs.sequence().sequence().sequence();
  expect(id.sequence().oid()).toBe('2.16.840.1.101.3.4.2.2');
  expect(id.octetString()).toEqual(hash('sha384', ca.subject.der));
  expect(id.octetString()).toEqual(hash('sha384', ca.publicKey.key));
  expect(id.integer()).toBe(BigInt(`0x${leaf.serial}`));
  id.end();
  const extension = tbs.explicit(2)?.sequence().sequence();
  expect(extension?.oid()).toBe(NONCE);
  expect(extension?.octetString()).toEqual(derOctetString(nonce));
  tbs.end();
});

describe('accepted', () => {
  const sha1 = hash('sha1', responderKeyBits());
  test.each<[string, Uint8Array, string]>([
    ['signed by the issuer', respond(), 'good'],
    [
      'signed by one whom the issuer authorised',
      respond(
        { responderId: derExplicit(1, nameOf('Responder')), certificates: [responder('CA', caKey)] },
        responderKey,
      ),
      'good',
    ],
    [
      'signed by one whom a CA above authorised',
      respond(
        { responderId: derExplicit(1, nameOf('Responder')), certificates: [responder('Root', rootKey)] },
        responderKey,
      ),
      'good',
    ],
    [
      'a responder named by its key',
      respond(
        { responderId: derExplicit(2, derOctetString(sha1)), certificates: [responder('CA', caKey)] },
        responderKey,
      ),
      'good',
    ],
    ['a version written out', respond({ version: derExplicit(0, derInteger(0)) }), 'good'],
    ['SHA-1', respond({ algorithm: derSequence(derOid('1.3.14.3.2.26')), hashes: 'sha1' }), 'good'],
    ['unknown', respond({ certStatus: derElement(0x82) }), 'unknown'],
    [
      'revoked, with a reason',
      respond({ certStatus: derElement(0xa1, time(NOW), derExplicit(0, derElement(0x0a, Uint8Array.of(6)))) }),
      'revoked',
    ],
    [
      'extensions that are not critical',
      respond({ single: [derExplicit(1, derSequence(derSequence(derOid('1.2.3'), derOctetString(nonce))))] }),
      'good',
    ],
  ])('%s', (_, response, status) => {
    expect(verify(response)).toMatchObject({ status });
  });
});

describe('not read', () => {
  const critical = (number: number): Uint8Array =>
    derExplicit(
      number,
      derSequence(derSequence(derOid('1.2.3'), derElement(1, Uint8Array.of(0xff)), derOctetString(nonce))),
    );
  const cut = respond().subarray(0, -1);
  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['cut', cut],
    [
      'too large',
      respond({
        single: [derExplicit(1, derSequence(derSequence(derOid('1.2.3'), derOctetString(new Uint8Array(70_000)))))],
      }),
    ],
    ['an answer that there is none', respond({ status: derElement(0x0a, Uint8Array.of(3)) })],
    ['a status of two octets', respond({ status: derElement(0x0a, Uint8Array.of(0, 0)) })],
    ['a status that is unknown', respond({ status: derElement(0x0a, Uint8Array.of(77)) })],
    ['no response bytes', respond({ outer: derSequence() })],
    ['another type', respond({ type: '1.2.3' })],
    ['another version', respond({ version: derExplicit(0, derInteger(1)) })],
    ['no responder', respond({ responderId: derNull() })],
    ['another hash', respond({ algorithm: derSequence(derOid('1.2.840.113549.2.5')) })],
    ['another status', respond({ certStatus: derElement(0x83) })],
    ['another status with the content of revoked', respond({ certStatus: derElement(0xa3, time(NOW)) })],
    ['a good that has content', respond({ certStatus: derElement(0x80, Uint8Array.of(1)) })],
    ['an unknown that has content', respond({ certStatus: derElement(0x82, Uint8Array.of(1)) })],
    ['a version with more', respond({ version: derExplicit(0, derInteger(0), stray) })],
    [
      'a reason with more',
      respond({ certStatus: derElement(0xa1, time(NOW), derExplicit(0, derElement(0x0a, Uint8Array.of(1)), stray)) }),
    ],
    ['revoked with more', respond({ certStatus: derElement(0xa1, time(NOW), stray) })],
    ['a critical extension', respond({ extensions: critical(1) })],
    ['a critical extension of an entry', respond({ single: [critical(1)] })],
    ['too many entries', respond({ singles: 17 })],
    ['too many certificates', respond({ certificates: Array.from({ length: 9 }, () => responder('CA', caKey)) })],
    ...[
      'algorithm',
      'cert-id',
      'single',
      'next-update',
      'responder',
      'data',
      'nonce',
      'extensions',
      'basic',
      'inner',
      'wrapped',
      'response',
      'outer',
    ].map((place): [string, Uint8Array] => [`something behind: ${place}`, respond({ strayIn: place })]),
  ])('%s', (_, response) => {
    expect(() => parseOcspResponse(response)).toThrow(DecodeError);
    expect(problemOf(response)).toBeDefined();
  });
});

describe('refused', () => {
  test.each<[string, Uint8Array, string]>([
    ['another key', respond({}, leafKey), 'signature does not verify'],
    ['an answer about another certificate', respond({ serial: 5n }), '0 entries'],
    ['two entries about the certificate', respond({ singles: 2 }), '2 entries'],
    ['hashes of another algorithm', respond({ hashes: 'sha384' }), '0 entries'],
    ['a responder that is not named', respond({ responderId: derExplicit(1, nameOf('Other')) }), 'may not speak'],
    [
      'a responder of another CA',
      respond(
        { responderId: derExplicit(1, nameOf('Responder')), certificates: [responder('Other', leafKey)] },
        responderKey,
      ),
      'issued by another',
    ],
    ['no nonce', respond({ extensions: new Uint8Array() }), 'nonce'],
    [
      'another nonce',
      respond({
        extensions: derExplicit(
          1,
          derSequence(derSequence(derOid(NONCE), derOctetString(derOctetString(nonce.subarray(1))))),
        ),
      }),
      'nonce',
    ],
  ])('%s', (_, response, words) => {
    expect(problemOf(response)).toContain(words);
  });

  test('the certificate itself vouches for nobody', () => {
    const own = issueCertificate({
      subject: 'Responder',
      issuer: 'Leaf',
      key: responderKey,
      signer: leafKey,
      extensions: [OCSP_SIGNING],
    });
    expect(
      problemOf(respond({ responderId: derExplicit(1, nameOf('Responder')), certificates: [own] }, responderKey)),
    ).toContain('issued by another');
  });

  test.each<[string, Uint8Array, string]>([
    ['signed by another key', responder('CA', leafKey), 'Responder is not signed by CA'],
    [
      'not for OCSP signing',
      issueCertificate({ subject: 'Responder', issuer: 'CA', key: responderKey, signer: caKey }),
      'it is not for OCSP signing',
    ],
    [
      'over',
      issueCertificate({
        subject: 'Responder',
        issuer: 'CA',
        key: responderKey,
        signer: caKey,
        extensions: [OCSP_SIGNING],
        notAfter: new Date(NOW.getTime() - 1000),
      }),
      'it is valid from',
    ],
  ])('a responder whose certificate is %s', (_, certificate, words) => {
    const response = respond(
      { responderId: derExplicit(1, nameOf('Responder')), certificates: [certificate] },
      responderKey,
    );
    expect(problemOf(response)).toMatch(new RegExp(`may not speak for CA: .*${words}`));
  });

  test('outside of its time: an hour, and five minutes before it for clocks that differ', () => {
    const problem = (minutes: number): boolean => 'problem' in verify(respond(), [ca, root], minutes);
    expect([-6, -4, 59, 61].map(problem)).toEqual([true, false, false, true]);
  });

  test('without an issuer', () => {
    expect(problemOf(respond(), [])).toContain('issuer');
  });
});

function nameOf(commonName: string): Uint8Array {
  return issue({ subject: commonName, issuer: commonName, key: leafKey, signer: leafKey }).subject.der;
}

function responderKeyBits(): Uint8Array {
  return parseCertificate(responder('CA', caKey)).publicKey.key;
}
