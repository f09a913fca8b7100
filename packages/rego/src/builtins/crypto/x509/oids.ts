/** Object identifiers and the numbers Go gives to what they name (package `crypto/x509`). */

export const SIGNATURE_ALGORITHM = {
  unknown: 0,
  md5WithRsa: 2,
  sha1WithRsa: 3,
  ecdsaWithSha1: 9,
  sha256WithRsaPss: 13,
  sha384WithRsaPss: 14,
  sha512WithRsaPss: 15,
} as const;

export const SIGNATURE_OIDS: ReadonlyMap<string, number> = new Map([
  ['1.2.840.113549.1.1.4', SIGNATURE_ALGORITHM.md5WithRsa],
  ['1.2.840.113549.1.1.5', SIGNATURE_ALGORITHM.sha1WithRsa],
  ['1.3.14.3.2.29', SIGNATURE_ALGORITHM.sha1WithRsa],
  ['1.2.840.113549.1.1.11', 4],
  ['1.2.840.113549.1.1.12', 5],
  ['1.2.840.113549.1.1.13', 6],
  ['1.2.840.10040.4.3', 7],
  ['2.16.840.1.101.3.4.3.2', 8],
  ['1.2.840.10045.4.1', SIGNATURE_ALGORITHM.ecdsaWithSha1],
  ['1.2.840.10045.4.3.2', 10],
  ['1.2.840.10045.4.3.3', 11],
  ['1.2.840.10045.4.3.4', 12],
  ['1.3.101.112', 16],
]);

export const OID_RSA_PSS = '1.2.840.113549.1.1.10';

/** Hash named in RSASSA-PSS parameters to the algorithm number. */
export const PSS_HASHES: ReadonlyMap<string, number> = new Map([
  ['2.16.840.1.101.3.4.2.1', SIGNATURE_ALGORITHM.sha256WithRsaPss],
  ['2.16.840.1.101.3.4.2.2', SIGNATURE_ALGORITHM.sha384WithRsaPss],
  ['2.16.840.1.101.3.4.2.3', SIGNATURE_ALGORITHM.sha512WithRsaPss],
]);

/** Signatures with MD5 or SHA-1 do not count when a chain is verified. */
export const INSECURE_ALGORITHMS: ReadonlySet<number> = new Set([
  SIGNATURE_ALGORITHM.unknown,
  SIGNATURE_ALGORITHM.md5WithRsa,
  SIGNATURE_ALGORITHM.sha1WithRsa,
  7,
  8,
  SIGNATURE_ALGORITHM.ecdsaWithSha1,
]);

export const KEY_OIDS: ReadonlyMap<string, number> = new Map([
  ['1.2.840.113549.1.1.1', 1],
  ['1.2.840.10040.4.1', 2],
  ['1.2.840.10045.2.1', 3],
  ['1.3.101.112', 4],
]);

/** Named curves to the length of a coordinate in bytes. */
export const CURVES: ReadonlyMap<string, number> = new Map([
  ['1.3.132.0.33', 28],
  ['1.2.840.10045.3.1.7', 32],
  ['1.3.132.0.34', 48],
  ['1.3.132.0.35', 66],
]);

/** Extended key usages in the order of Go's numbering. */
const EXTENDED_KEY_USAGES = [
  ['KeyUsageAny', '2.5.29.37.0'],
  ['KeyUsageServerAuth', '1.3.6.1.5.5.7.3.1'],
  ['KeyUsageClientAuth', '1.3.6.1.5.5.7.3.2'],
  ['KeyUsageCodeSigning', '1.3.6.1.5.5.7.3.3'],
  ['KeyUsageEmailProtection', '1.3.6.1.5.5.7.3.4'],
  ['KeyUsageIPSECEndSystem', '1.3.6.1.5.5.7.3.5'],
  ['KeyUsageIPSECTunnel', '1.3.6.1.5.5.7.3.6'],
  ['KeyUsageIPSECUser', '1.3.6.1.5.5.7.3.7'],
  ['KeyUsageTimeStamping', '1.3.6.1.5.5.7.3.8'],
  ['KeyUsageOCSPSigning', '1.3.6.1.5.5.7.3.9'],
  ['KeyUsageMicrosoftServerGatedCrypto', '1.3.6.1.4.1.311.10.3.3'],
  ['KeyUsageNetscapeServerGatedCrypto', '2.16.840.1.113730.4.1'],
  ['KeyUsageMicrosoftCommercialCodeSigning', '1.3.6.1.4.1.311.2.1.22'],
  ['KeyUsageMicrosoftKernelCodeSigning', '1.3.6.1.4.1.311.61.1.1'],
] as const;

export const USAGE_BY_OID: ReadonlyMap<string, number> = new Map(EXTENDED_KEY_USAGES.map(([, oid], i) => [oid, i]));
export const USAGE_BY_NAME: ReadonlyMap<string, number> = new Map(EXTENDED_KEY_USAGES.map(([name], i) => [name, i]));
export const USAGE_ANY = 0;
export const USAGE_SERVER_AUTH = 1;

/** Bit of `keyCertSign` in a key usage. */
export const KEY_USAGE_CERT_SIGN = 1 << 5;
