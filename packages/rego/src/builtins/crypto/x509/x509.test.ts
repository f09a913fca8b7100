import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isObject, objectGet, type Value } from '../../../value/index.js';
import { type BuiltinContext, BuiltinError } from '../../types.js';
import { Base64Error, decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from '../base64.js';
import { DerError } from '../der.js';
import { pemBlocks } from '../pem.js';
import { x509Builtins } from './builtins.js';
import { parseCertificates } from './certificate.js';
import { namesAllowed } from './name-constraints.js';
import { certificateRequestValue } from './request.js';

/**
 * A small PKI made with OpenSSL, valid for a century: root (pathlen 1), intermediate (pathlen 0; permits example.com and
 * 10.0.0.0/8, excludes secret.example.com), and leaves named after what is wrong with them.
 */
const PEM = {
  root: `-----BEGIN CERTIFICATE-----
MIIBvzCCAWSgAwIBAgIMAKvN7wEjRWeJq83vMAoGCCqGSM49BAMCMC4xCzAJBgNV
BAYTAkRFMRAwDgYDVQQKDAdFeGFtcGxlMQ0wCwYDVQQDDARSb290MCAXDTI2MTEy
MTIzMTQyNVoYDzIxMjYxMDI4MjMxNDI1WjAuMQswCQYDVQQGEwJERTEQMA4GA1UE
CgwHRXhhbXBsZTENMAsGA1UEAwwEUm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABKmAdO2hjk5NvtIICaKX6JaFkTjIwc6ZHP9r3nw7Qv0hCL8vOc/C4EC++zZP
5C4Xd5JcMJANge9h+NgEXp1fGzyjZjBkMB0GA1UdDgQWBBRspDCmwmFMHPYn6rTn
FrDnLg1TLjAfBgNVHSMEGDAWgBRspDCmwmFMHPYn6rTnFrDnLg1TLjAOBgNVHQ8B
Af8EBAMCAgQwEgYDVR0TAQH/BAgwBgEB/wIBATAKBggqhkjOPQQDAgNJADBGAiEA
h5oEVr6dWWlg/lcFwA9cMWgDQzfBUtuW1wEWLKHFzDICIQC8mIgkcVvbKAA7WTRv
I2+IC8/LVbxL43A5y12D+9twtA==
-----END CERTIFICATE-----
`,
  inter: `-----BEGIN CERTIFICATE-----
MIIB8jCCAZmgAwIBAgIBAjAKBggqhkjOPQQDAjAuMQswCQYDVQQGEwJERTEQMA4G
A1UECgwHRXhhbXBsZTENMAsGA1UEAwwEUm9vdDAgFw0yNjExMjEyMzE0MjVaGA8y
MTI2MTAyODIzMTQyNVowKTEQMA4GA1UECgwHRXhhbXBsZTEVMBMGA1UEAwwMSW50
ZXJtZWRpYXRlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEj6mt90DAU0q7lD29
WEpiJCjKd2Yyl+DpyKDgztTYlgT/CVWov/+81nGl2UcnKvVHeRQ9N2JeRc9Wuh2n
U7PlQKOBqjCBpzASBgNVHRMBAf8ECDAGAQH/AgEAMA4GA1UdDwEB/wQEAwIBBjBB
BgNVHR4BAf8ENzA1oBswDYILZXhhbXBsZS5jb20wCocICgAAAP8AAAChFjAUghJz
ZWNyZXQuZXhhbXBsZS5jb20wHQYDVR0OBBYEFL+bBYEXW2HtxoAVOsaxSnA2UpzH
MB8GA1UdIwQYMBaAFGykMKbCYUwc9ifqtOcWsOcuDVMuMAoGCCqGSM49BAMCA0cA
MEQCIELy1t6jm63iwOFS9H6dk5iDyKBVVH5Ty9pE4toVg4hjAiBVSw+3c9o9QCXe
J4nguTzY9d6pmE8DvP85Byp4zyvW3w==
-----END CERTIFICATE-----
`,
  good: `-----BEGIN CERTIFICATE-----
MIIBwTCCAWagAwIBAgIBAzAKBggqhkjOPQQDAjApMRAwDgYDVQQKDAdFeGFtcGxl
MRUwEwYDVQQDDAxJbnRlcm1lZGlhdGUwIBcNMjYxMTIxMjMxNDI1WhgPMjEyNjEw
MjgyMzE0MjVaMA8xDTALBgNVBAMMBGdvb2QwWTATBgcqhkjOPQIBBggqhkjOPQMB
BwNCAATuBpjwSD/vZTD1/YvZr5PKJq0X0L1UFj7VkIDvAgV2ghV18WCRn3uHnB0I
VAEJ7OI1qm8qulv8seZg/W6JxDY4o4GWMIGTMAkGA1UdEwQCMAAwEwYDVR0lBAww
CgYIKwYBBQUHAwEwMQYDVR0RBCowKIIPd3d3LmV4YW1wbGUuY29tgg8qLncuZXhh
bXBsZS5jb22HBAoBAgMwHQYDVR0OBBYEFKHorcJSEcQa1p/6EjnFstmTVtQCMB8G
A1UdIwQYMBaAFL+bBYEXW2HtxoAVOsaxSnA2UpzHMAoGCCqGSM49BAMCA0kAMEYC
IQCccH1NE8hcfORirE6bDdft1IkarpBb2EJeZz2uQ1ac2wIhALk04yYrsyGBze8m
Te4erDS7/+KUbWTa8zrdzEe/tCXb
-----END CERTIFICATE-----
`,
  excluded: `-----BEGIN CERTIFICATE-----
MIIBszCCAVigAwIBAgIBAzAKBggqhkjOPQQDAjApMRAwDgYDVQQKDAdFeGFtcGxl
MRUwEwYDVQQDDAxJbnRlcm1lZGlhdGUwIBcNMjYxMTIxMjMxNDI1WhgPMjEyNjEw
MjgyMzE0MjVaMBMxETAPBgNVBAMMCGV4Y2x1ZGVkMFkwEwYHKoZIzj0CAQYIKoZI
zj0DAQcDQgAE7gaY8Eg/72Uw9f2L2a+TyiatF9C9VBY+1ZCA7wIFdoIVdfFgkZ97
h5wdCFQBCeziNapvKrpb/LHmYP1uicQ2OKOBhDCBgTAJBgNVHRMEAjAAMBMGA1Ud
JQQMMAoGCCsGAQUFBwMBMB8GA1UdEQQYMBaCFGEuc2VjcmV0LmV4YW1wbGUuY29t
MB0GA1UdDgQWBBSh6K3CUhHEGtaf+hI5xbLZk1bUAjAfBgNVHSMEGDAWgBS/mwWB
F1th7caAFTrGsUpwNlKcxzAKBggqhkjOPQQDAgNJADBGAiEA0PNsHDBwwdBY6Pq6
bfntQEKoXJyJy2chnls/XLLC3TICIQDizyCJK20H8co0sF+lixYWtFjdv6xX2YBz
bdbdkkIUXA==
-----END CERTIFICATE-----
`,
  outside: `-----BEGIN CERTIFICATE-----
MIIBpjCCAUygAwIBAgIBAzAKBggqhkjOPQQDAjApMRAwDgYDVQQKDAdFeGFtcGxl
MRUwEwYDVQQDDAxJbnRlcm1lZGlhdGUwIBcNMjYxMTIxMjMxNDI1WhgPMjEyNjEw
MjgyMzE0MjVaMBIxEDAOBgNVBAMMB291dHNpZGUwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATuBpjwSD/vZTD1/YvZr5PKJq0X0L1UFj7VkIDvAgV2ghV18WCRn3uH
nB0IVAEJ7OI1qm8qulv8seZg/W6JxDY4o3oweDAJBgNVHRMEAjAAMBMGA1UdJQQM
MAoGCCsGAQUFBwMBMBYGA1UdEQQPMA2CC2V4YW1wbGUub3JnMB0GA1UdDgQWBBSh
6K3CUhHEGtaf+hI5xbLZk1bUAjAfBgNVHSMEGDAWgBS/mwWBF1th7caAFTrGsUpw
NlKcxzAKBggqhkjOPQQDAgNIADBFAiEAj8v5R6/PORMJLq5X0XW6kZsd6vY6g7IG
uQmaYTyFLzECIGBJXjpmZtRlGIfKyi/Z9vA3/Zc3mXxmaiMkxJ2IpV1u
-----END CERTIFICATE-----
`,
  client: `-----BEGIN CERTIFICATE-----
MIIBpzCCAU2gAwIBAgIBAzAKBggqhkjOPQQDAjApMRAwDgYDVQQKDAdFeGFtcGxl
MRUwEwYDVQQDDAxJbnRlcm1lZGlhdGUwIBcNMjYxMTIxMjMxNDI1WhgPMjEyNjEw
MjgyMzE0MjVaMBExDzANBgNVBAMMBmNsaWVudDBZMBMGByqGSM49AgEGCCqGSM49
AwEHA0IABO4GmPBIP+9lMPX9i9mvk8omrRfQvVQWPtWQgO8CBXaCFXXxYJGfe4ec
HQhUAQns4jWqbyq6W/yx5mD9bonENjijfDB6MAkGA1UdEwQCMAAwEwYDVR0lBAww
CgYIKwYBBQUHAwIwGAYDVR0RBBEwD4INYy5leGFtcGxlLmNvbTAdBgNVHQ4EFgQU
oeitwlIRxBrWn/oSOcWy2ZNW1AIwHwYDVR0jBBgwFoAUv5sFgRdbYe3GgBU6xrFK
cDZSnMcwCgYIKoZIzj0EAwIDSAAwRQIgJlXx4RNYBTkIGwcCQNITXZeLCRwCToxh
kpTwBmih7SICIQCxq7I0u/66XBmu33Xrlvis/hEB6/Dt8E7YHT270KtmGQ==
-----END CERTIFICATE-----
`,
  underleaf: `-----BEGIN CERTIFICATE-----
MIIBcDCCARWgAwIBAgIBAzAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARnb29kMCAX
DTI2MTEyMTIzMTQyNVoYDzIxMjYxMDI4MjMxNDI1WjAUMRIwEAYDVQQDDAl1bmRl
cmxlYWYwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATuBpjwSD/vZTD1/YvZr5PK
Jq0X0L1UFj7VkIDvAgV2ghV18WCRn3uHnB0IVAEJ7OI1qm8qulv8seZg/W6JxDY4
o1swWTAJBgNVHRMEAjAAMBMGA1UdJQQMMAoGCCsGAQUFBwMBMBgGA1UdEQQRMA+C
DXUuZXhhbXBsZS5jb20wHQYDVR0OBBYEFKHorcJSEcQa1p/6EjnFstmTVtQCMAoG
CCqGSM49BAMCA0kAMEYCIQCcj4+wiMXWLtRpnTVykjlF9QYaEEpUGnOwbH0HBOBh
LAIhAJ217kVBwAep3tYWm1XqA/ziIcbCYaBKDnsKSoMeVbqY
-----END CERTIFICATE-----
`,
  request: `-----BEGIN CERTIFICATE REQUEST-----
MIH0MIGbAgEAMA4xDDAKBgNVBAMMA2NzcjBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABO4GmPBIP+9lMPX9i9mvk8omrRfQvVQWPtWQgO8CBXaCFXXxYJGfe4ecHQhU
AQns4jWqbyq6W/yx5mD9bonENjigKzApBgkqhkiG9w0BCQ4xHDAaMBgGA1UdEQQR
MA+CDXIuZXhhbXBsZS5jb20wCgYIKoZIzj0EAwIDSAAwRQIhAM29CWH7xCOn7UUh
zmxAYbSlzhgdEn4lDFzOSgFSR20RAiAepRuNAqSx8bXENY4Vh6tWg2Yx8WQhxChl
xPtqiQtDvg==
-----END CERTIFICATE REQUEST-----
`,
  key: `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIP8YWKMijYGDwfoW7Fsj0bDXns6ZQI/TXN5sOrWJUohKoAoGCCqGSM49
AwEHoUQDQgAE7gaY8Eg/72Uw9f2L2a+TyiatF9C9VBY+1ZCA7wIFdoIVdfFgkZ97
h5wdCFQBCeziNapvKrpb/LHmYP1uicQ2OA==
-----END EC PRIVATE KEY-----
`,
  otherKey: `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIAqSArTTTGnfry/aYQhHlWTkXWxdsrMKP84EOPQ+67zloAoGCCqGSM49
AwEHoUQDQgAE/2Zis4V9f5v2Qu3+8HVFimsF8H/jMEqhL+Ze1clFGsm5tQHvFBm/
ihOv1L8A843MZPiUmJVSg8RnSVMiud6jwg==
-----END EC PRIVATE KEY-----
`,
};

const NOW = BigInt(Date.UTC(2030, 0, 1)) * 1_000_000n;
const ctx = { now: NOW, budget: { step: () => {}, alloc: () => {} } } as unknown as BuiltinContext;

function call(name: string, ...args: Value[]): Value | undefined {
  const builtin = x509Builtins.find((b) => b.name === name);
  if (builtin?.impl === undefined) throw new Error(`no built-in ${name}`);
  return builtin.impl(args, ctx);
}

function at(value: Value | undefined, ...path: (string | number)[]): Value | undefined {
  let current = value;
  for (const key of path) {
    if (Array.isArray(current)) current = current[key as number];
    else if (current !== undefined && isObject(current)) current = objectGet(current, key);
    else return undefined;
  }
  return current;
}

describe('parsing certificates', () => {
  test('gives the fields of Go', () => {
    const parsed = call('crypto.x509.parse_certificates', PEM.inter + PEM.good);
    expect(at(parsed, 0, 'Subject', 'CommonName')).toBe('Intermediate');
    expect(at(parsed, 0, 'Subject', 'Organization')).toEqual(['Example']);
    expect(at(parsed, 0, 'Issuer', 'Country')).toEqual(['DE']);
    expect(at(parsed, 0, 'Subject', 'Country')).toBeNull();
    expect(at(parsed, 0, 'IsCA')).toBe(true);
    expect(at(parsed, 0, 'MaxPathLen')).toBe(0);
    expect(at(parsed, 0, 'MaxPathLenZero')).toBe(true);
    expect(at(parsed, 0, 'KeyUsage')).toBe(96);
    expect(at(parsed, 0, 'PermittedDNSDomains')).toEqual(['example.com']);
    expect(at(parsed, 0, 'PermittedIPRanges')).toEqual([{ IP: '10.0.0.0', Mask: '/wAAAA==' }]);
    expect(at(parsed, 0, 'SignatureAlgorithm')).toBe(10);
    expect(at(parsed, 1, 'DNSNames')).toEqual(['www.example.com', '*.w.example.com']);
    expect(at(parsed, 1, 'IPAddresses')).toEqual(['10.1.2.3']);
    expect(at(parsed, 1, 'ExtKeyUsage')).toEqual([1]);
    expect(at(parsed, 1, 'PublicKeyAlgorithm')).toBe(3);
    expect(at(parsed, 1, 'Version')).toBe(3);
    expect(at(parsed, 1, 'URIStrings')).toBeNull();
    const root = call('crypto.x509.parse_certificates', PEM.root);
    expect(at(root, 0, 'SerialNumber')).toBe(0xabcdef0123456789abcdefn);
    expect(at(root, 0, 'NotBefore')).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  test('reads base64 of PEM and of DER', () => {
    const der = pemBlocks(PEM.root + PEM.good).map((block) => [...block.der]);
    const base64 = encodeBase64(Uint8Array.from(der.flat()));
    const expected = call('crypto.x509.parse_certificates', PEM.root + PEM.good);
    expect(call('crypto.x509.parse_certificates', base64)).toEqual(expected);
    expect(call('crypto.x509.parse_certificates', encodeBase64(new TextEncoder().encode(PEM.root + PEM.good)))).toEqual(
      expected,
    );
  });

  test('refuses other input', () => {
    expect(() => call('crypto.x509.parse_certificates', 'foobar')).toThrow('illegal base64 data at input byte 4');
    expect(() => call('crypto.x509.parse_certificates', 'YmFkc3RyaW5n')).toThrow(
      'x509: malformed certificate: asn1: structure error',
    );
    expect(() => call('crypto.x509.parse_certificates', PEM.key)).toThrow(
      "PEM block type is 'EC PRIVATE KEY', expected CERTIFICATE",
    );
    const der = [...(pemBlocks(PEM.good)[0]?.der ?? [])];
    expect(() => parseCertificates(Uint8Array.from([...der, 0]))).toThrow(DerError);
    expect(() => parseCertificates(Uint8Array.from(der.slice(0, -1)))).toThrow(DerError);
  });

  test('fuzz: a changed certificate parses or is refused, never crashes', () => {
    const der = pemBlocks(PEM.inter)[0]?.der ?? new Uint8Array(0);
    const request = pemBlocks(PEM.request)[0]?.der ?? new Uint8Array(0);
    const edit = fc.array(fc.tuple(fc.nat(1000), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const tryRead = (read: () => unknown): void => {
      try {
        read();
      } catch (error) {
        expect(error).toBeInstanceOf(DerError);
      }
    };
    fc.assert(
      fc.property(edit, fc.nat(40), (edits, cut) => {
        for (const source of [der, request]) {
          const bytes = Uint8Array.from(source.subarray(0, source.length - (cut > 20 ? cut - 20 : 0)));
          for (const [index, value] of edits) bytes[index % bytes.length] = value;
          tryRead(() => parseCertificates(bytes));
          tryRead(() => certificateRequestValue(bytes));
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('PEM', () => {
  test('blocks are found among other text, broken ones are skipped', () => {
    const types = (text: string): string[] => pemBlocks(text).map(({ type }) => type);
    expect(types(`junk\n${PEM.root}more\n${PEM.key}`)).toEqual(['CERTIFICATE', 'EC PRIVATE KEY']);
    expect(types('-----BEGIN A-----\n!!!!\n-----END A-----\n-----BEGIN B-----\nAAAA\n-----END B-----')).toEqual(['B']);
    expect(types('-----BEGIN A-----\nAAAA\n-----END B-----\n')).toEqual([]);
    expect(types('x-----BEGIN A-----\nAAAA\n-----END A-----\n')).toEqual([]);
    expect(types('-----BEGIN A-----\nProc-Type: 4\n\nAAAA\n-----END A-----\r\n')).toEqual(['A']);
  });

  test('fuzz: any text is read or refused', () => {
    const part = fc.constantFrom(
      '-----BEGIN ',
      '-----END ',
      'CERTIFICATE',
      '-----',
      '\n',
      'AAAA',
      'MIIB',
      '=',
      ' ',
      'A: b',
      '\r',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 16 }), (parts) => {
        for (const name of [
          'crypto.x509.parse_certificates',
          'crypto.parse_private_keys',
          'crypto.x509.parse_certificate_request',
        ]) {
          try {
            call(name, parts.join(''));
          } catch (error) {
            expect(error).toBeInstanceOf(BuiltinError);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('verifying chains', () => {
  const verify = (...pems: string[]): Value | undefined =>
    call('crypto.x509.parse_and_verify_certificates', pems.join(''));
  const withOptions = (options: Value, ...pems: string[]): Value | undefined =>
    call('crypto.x509.parse_and_verify_certificates_with_options', pems.join(''), options);

  test('a good chain comes back leaf first', () => {
    const result = verify(PEM.root, PEM.inter, PEM.good);
    expect(at(result, 0)).toBe(true);
    expect([0, 1, 2].map((i) => at(result, 1, i, 'Subject', 'CommonName'))).toEqual(['good', 'Intermediate', 'Root']);
  });

  test.each([
    ['a missing intermediate', [PEM.root, PEM.good]],
    ['an excluded name', [PEM.root, PEM.inter, PEM.excluded]],
    ['a name outside the permitted ones', [PEM.root, PEM.inter, PEM.outside]],
    ['a leaf for clients only', [PEM.root, PEM.inter, PEM.client]],
    ['a certificate issued by a leaf', [PEM.root, PEM.inter, PEM.good, PEM.underleaf]],
    ['the wrong root', [PEM.client, PEM.inter, PEM.good]],
    ['a single certificate', [PEM.root]],
    ['no certificate at all', ['-----BEGIN nothing']],
  ])('%s is invalid', (_, pems) => {
    expect(verify(...pems)).toEqual([false, []]);
  });

  test('a changed signature is invalid', () => {
    const der = Uint8Array.from(pemBlocks(PEM.good)[0]?.der ?? []);
    der[der.length - 1] = (der[der.length - 1] as number) ^ 1;
    const forged = `-----BEGIN CERTIFICATE-----\n${encodeBase64(der)}\n-----END CERTIFICATE-----\n`;
    expect(verify(PEM.root, PEM.inter, forged)).toEqual([false, []]);
  });

  test('options', () => {
    const chain = [PEM.root, PEM.inter, PEM.good];
    const holds = (options: Value, pems = chain): Value | undefined => at(withOptions(options, ...pems), 0);
    expect(holds({})).toBe(true);
    expect(holds({ DNSName: 'www.example.com' })).toBe(true);
    expect(holds({ DNSName: 'x.w.example.com' })).toBe(true);
    expect(holds({ DNSName: 'x.y.w.example.com' })).toBe(false);
    expect(holds({ DNSName: '10.1.2.3' })).toBe(true);
    expect(holds({ DNSName: '10.1.2.4' })).toBe(false);
    expect(holds({ CurrentTime: 0 })).toBe(false);
    expect(holds({ KeyUsages: ['KeyUsageClientAuth'] })).toBe(false);
    expect(holds({ KeyUsages: ['KeyUsageClientAuth'] }, [PEM.root, PEM.inter, PEM.client])).toBe(true);
    expect(holds({ KeyUsages: ['KeyUsageAny'] }, [PEM.root, PEM.inter, PEM.client])).toBe(true);
    expect(() => holds({ KeyUsages: ['Nope'] })).toThrow("invalid entries for 'KeyUsages' found: [Nope]");
    expect(() => holds({ CurrentTime: 'now' })).toThrow("'CurrentTime' should be a number");
    expect(() => holds({ Nope: 1 })).toThrow('invalid key option');
    expect(at(withOptions({}, ...chain), 1, 0, 'URIStrings')).toBeUndefined();
  });
});

describe('name constraints', () => {
  const none = { dns: [], email: [], ip: [], uri: [] };
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
  const ok = (names: object, permitted: object, excluded: object = {}): boolean =>
    namesAllowed({ ...none, ...names }, { permitted: { ...none, ...permitted }, excluded: { ...none, ...excluded } });

  test('each kind by its own rule', () => {
    expect(ok({ dns: ['a.Example.com'] }, { dns: ['example.com'] })).toBe(true);
    expect(ok({ dns: ['example.com'] }, { dns: ['.example.com'] })).toBe(false);
    expect(ok({ dns: ['notexample.com'] }, { dns: ['example.com'] })).toBe(false);
    expect(ok({ email: ['a@example.com'] }, { email: ['example.com'] })).toBe(true);
    expect(ok({ email: ['a@b.example.com'] }, { email: ['example.com'] })).toBe(false);
    expect(ok({ email: ['a@b.example.com'] }, { email: ['.example.com'] })).toBe(true);
    expect(ok({ email: ['b@example.com'] }, { email: ['a@example.com'] })).toBe(false);
    expect(ok({ uri: ['spiffe://example.com/x'] }, { uri: ['example.com'] })).toBe(true);
    expect(ok({ uri: ['spiffe://u@x.example.com:1/y'] }, { uri: ['.example.com'] })).toBe(true);
    expect(ok({ ip: [bytes(10, 1, 2, 3)] }, { ip: [{ ip: bytes(10, 0, 0, 0), mask: bytes(255, 0, 0, 0) }] })).toBe(
      true,
    );
    expect(ok({ ip: [bytes(11, 1, 2, 3)] }, { ip: [{ ip: bytes(10, 0, 0, 0), mask: bytes(255, 0, 0, 0) }] })).toBe(
      false,
    );
    expect(ok({ dns: ['x.org'] }, { email: ['example.com'] })).toBe(true);
  });

  test('names that cannot be read do not slip past an exclusion', () => {
    for (const [kind, name] of [
      ['email', 'no-at-sign '],
      ['uri', 'urn:x'],
      ['uri', 'https://10.0.0.1/'],
      ['dns', 'a..b'],
    ]) {
      expect(ok({ [kind as string]: [name] }, {}, { [kind as string]: ['example.com'] })).toBe(false);
      expect(ok({ [kind as string]: [name] }, {})).toBe(true);
    }
  });
});

describe('requests and keys', () => {
  test('a request', () => {
    const parsed = call('crypto.x509.parse_certificate_request', PEM.request);
    expect(at(parsed, 'Subject', 'CommonName')).toBe('csr');
    expect(at(parsed, 'DNSNames')).toEqual(['r.example.com']);
    expect(at(parsed, 'Extensions', 0, 'Id')).toEqual([2, 5, 29, 17]);
    expect(() =>
      call('crypto.x509.parse_certificate_request', encodeBase64(new TextEncoder().encode(PEM.good))),
    ).toThrow('invalid PEM-encoded certificate signing request');
  });

  test('private keys', () => {
    expect(call('crypto.parse_private_keys', '')).toBeNull();
    expect(call('crypto.parse_private_keys', 'nope')).toEqual([]);
    expect(at(call('crypto.parse_private_keys', PEM.key), 0, 'D')).toBeTypeOf('bigint');
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const ed = generateKeyPairSync('ed25519').privateKey;
    const pem = `${rsa.export({ type: 'pkcs1', format: 'pem' })}${ed.export({ type: 'pkcs8', format: 'pem' })}`;
    const keys = call('crypto.parse_private_keys', pem);
    expect(at(keys, 0, 'E')).toBe(65537);
    const [p, q] = [at(keys, 0, 'Primes', 0), at(keys, 0, 'Primes', 1)] as [bigint, bigint];
    expect(at(keys, 0, 'N')).toBe(p * q);
    expect(decodeBase64(at(keys, 1) as string)).toHaveLength(64);
    expect(at(call('crypto.x509.parse_rsa_private_key', pem), 'kty')).toBe('RSA');
    expect(() => call('crypto.x509.parse_rsa_private_key', '')).toThrow('input PEM data was empty');
  });

  test('a broken key is refused without quoting it', () => {
    const broken = PEM.key.replace(/\n[^\n]{10}/, '\nAAAAAAAAAA');
    try {
      call('crypto.parse_private_keys', broken);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(BuiltinError);
      expect((error as Error).message).toBe('x509: failed to parse private key (PEM block EC PRIVATE KEY)');
    }
  });

  test('a key pair must belong together', () => {
    const pair = call('crypto.x509.parse_keypair', PEM.good + PEM.inter, PEM.key);
    expect(at(pair, 'Certificate')).toHaveLength(2);
    expect(at(pair, 'Leaf', 'Subject', 'CommonName')).toBe('good');
    expect(() => call('crypto.x509.parse_keypair', PEM.good, PEM.otherKey)).toThrow(
      'tls: private key does not match public key',
    );
  });
});

describe('base64', () => {
  test.each([
    ['eyJhbGciOiJIU^%zI1', 13],
    ['YQ=', 3],
    ['YQ', 0],
    ['YQ==YQ==', 4],
    ['Y===', 1],
    ['YWJj=', 4],
  ])('%s is illegal at byte %i', (text, offset) => {
    expect(() => decodeBase64(text)).toThrow(`illegal base64 data at input byte ${offset}`);
  });

  test('fuzz: agrees with the platform', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const buffer = Buffer.from(bytes);
        expect(encodeBase64(bytes)).toBe(buffer.toString('base64'));
        expect(encodeBase64Url(bytes)).toBe(buffer.toString('base64url'));
        expect([...decodeBase64(buffer.toString('base64'))]).toEqual([...bytes]);
        expect([...decodeBase64Url(buffer.toString('base64url'))]).toEqual([...bytes]);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'AZaz09+/=-_\n'), maxLength: 12 }), (text) => {
        try {
          expect(Buffer.from(decodeBase64(text)).toString('hex')).toBe(Buffer.from(text, 'base64').toString('hex'));
        } catch (error) {
          expect(error).toBeInstanceOf(Base64Error);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
