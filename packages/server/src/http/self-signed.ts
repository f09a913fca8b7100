import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import {
  contextTag,
  derBitString,
  derBoolean,
  derElement,
  derExplicit,
  derOctetString,
  derOid,
  derSequence,
  derSetOf,
  derTime,
  derUnsignedInteger,
  derUtf8String,
  encodePem,
} from '@assay/bytes';

/** A server certificate with its key, both PEM. The key is a secret. */
export interface ServerCertificate {
  readonly certificate: string;
  readonly privateKey: string;
  /** SHA-256 of the DER, lower-case hex with colons, as browsers and `openssl x509 -fingerprint` show it. */
  readonly fingerprint: string;
  readonly notAfter: Date;
}

const day = 24 * 60 * 60 * 1000;

const oid = {
  commonName: '2.5.4.3',
  ecPublicKeySha256: '1.2.840.10045.4.3.2',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  subjectAltName: '2.5.29.17',
} as const;

/**
 * Makes a self-signed P-256 server certificate for the hosts a server listens on: for the first start, until the owner
 * gives a certificate of an own CA. Valid for 397 days, the longest that TLS clients agree on.
 */
export function createServerCertificate(options: {
  readonly hosts: readonly string[];
  readonly now: Date;
  readonly random: (bytes: number) => Uint8Array;
}): ServerCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = derSequence(derSetOf(derSequence(derOid(oid.commonName), derUtf8String('Assay server'))));
  const algorithm = derSequence(derOid(oid.ecPublicKeySha256));
  const serial = Uint8Array.from(options.random(16));
  // RFC 5280 section 4.1.2.2: positive, so the first bit is clear, and not zero.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const notBefore = new Date(Math.floor((options.now.getTime() - 5 * 60 * 1000) / 1000) * 1000);
  const notAfter = new Date(notBefore.getTime() + 397 * day);
  const tbs = derSequence(
    derExplicit(0, derUnsignedInteger(Uint8Array.of(2))),
    derUnsignedInteger(serial),
    algorithm,
    name,
    derSequence(derTime(notBefore), derTime(notAfter)),
    name,
    Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' })),
    derExplicit(3, derSequence(...extensions(options.hosts))),
  );
  const signature = sign('sha256', tbs, privateKey);
  const der = derSequence(tbs, algorithm, derBitString(signature));
  return describeCertificate(
    encodePem('CERTIFICATE', der),
    String(privateKey.export({ format: 'pem', type: 'pkcs8' })),
  );
}

/**
 * A certificate chain and its key as given by the owner.
 *
 * @throws Error when the key does not belong to the first certificate, or either does not parse
 */
export function describeCertificate(certificate: string, privateKey: string): ServerCertificate {
  const leaf = new X509Certificate(certificate);
  const key = createPrivateKey(privateKey);
  if (!leaf.publicKey.equals(createPublicKey(key)))
    throw new Error('the private key does not belong to the certificate');
  return { certificate, privateKey, fingerprint: leaf.fingerprint256.toLowerCase(), notAfter: new Date(leaf.validTo) };
}

/** Most names that one certificate takes over from the one before it. */
const mostTakenOver = 32;

/** Hosts that a certificate of {@link createServerCertificate} names. */
export function namesOf(certificate: string): readonly string[] {
  const names = new X509Certificate(certificate).subjectAltName ?? '';
  return names
    .split(', ')
    .flatMap((name) => /^(?:DNS|IP Address):(.+)$/.exec(name)?.[1] ?? [])
    .map(oneForm)
    .slice(0, mostTakenOver);
}

/** Whether a certificate names every host that one for these hosts would name. A name that cannot be read back counts as named. */
export function namesAll(certificate: string, hosts: readonly string[]): boolean {
  const named = new Set(namesOf(certificate));
  return namedHosts(hosts).every((host) => named.has(host) || !/^[a-z0-9.:_-]+$/.test(host));
}

function extensions(hosts: readonly string[]): Uint8Array[] {
  const extension = (id: string, critical: boolean, value: Uint8Array): Uint8Array =>
    derSequence(derOid(id), ...(critical ? [derBoolean(true)] : []), derOctetString(value));
  return [
    // Not a CA: rustls, which kbs-client and guests come with, refuses one as a server's certificate even where it is the root it
    // was given; and who gets hold of this key must not be able to certify other servers with it.
    extension(oid.basicConstraints, true, derSequence()),
    // digitalSignature, RFC 5280 section 4.2.1.3
    extension(oid.keyUsage, true, derElement(0x03, Uint8Array.of(7, 0x80))),
    extension(oid.extendedKeyUsage, false, derSequence(derOid(oid.serverAuth))),
    extension(oid.subjectAltName, false, derSequence(...subjectAltNames(hosts))),
  ];
}

/** This machine under its own names, and the hosts that are names or addresses of somebody. */
function namedHosts(hosts: readonly string[]): readonly string[] {
  const own = ['localhost', '127.0.0.1', '::1'];
  return [...new Set([...own, ...hosts.filter((host) => host !== '0.0.0.0' && host !== '::').map(oneForm)])];
}

/** A name in lower case; an IPv6 address, which has many texts, in the one of RFC 5952. */
function oneForm(host: string): string {
  return isIP(host) === 6 ? new URL(`http://[${host.split('%', 1)[0]}]/`).hostname.slice(1, -1) : host.toLowerCase();
}

/** RFC 5280 section 4.2.1.6: dNSName [2], iPAddress [7]. */
function subjectAltNames(hosts: readonly string[]): Uint8Array[] {
  return namedHosts(hosts).map((host) => {
    const address = ipBytes(host);
    return address === undefined
      ? derElement(contextTag(2, false), new TextEncoder().encode(host))
      : derElement(contextTag(7, false), address);
  });
}

function ipBytes(host: string): Uint8Array | undefined {
  switch (isIP(host)) {
    case 4:
      return Uint8Array.from(host.split('.').map(Number));
    case 6:
      return ipv6Bytes(host);
    default:
      return undefined;
  }
}

function ipv6Bytes(text: string): Uint8Array {
  // The URL parser writes an address in one form, RFC 5952: groups without leading zeros, at most one `::`, no dotted quad.
  const [head = '', tail] = new URL(`http://[${text.split('%', 1)[0]}]/`).hostname.slice(1, -1).split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return Uint8Array.from(
    groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]),
  );
}
