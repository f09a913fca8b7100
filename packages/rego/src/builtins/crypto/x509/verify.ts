/** Path validation (RFC 5280 section 6) with the rules of Go's `Certificate.Verify`, on certificates supplied in full. */
import { X509Certificate } from 'node:crypto';
import { parseAddress } from '../../net/address.js';
import { type ParsedCertificate, sameBytes } from './certificate.js';
import { ipText } from './general-names.js';
import { namesAllowed } from './name-constraints.js';
import { INSECURE_ALGORITHMS, KEY_USAGE_CERT_SIGN, USAGE_ANY, USAGE_SERVER_AUTH } from './oids.js';

export interface VerifyOptions {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly dnsName?: string;
  /** Acceptable extended key usages (Go's numbers); one must hold along the whole chain. Default: server authentication. */
  readonly usages?: readonly number[];
}

/** Signatures checked before giving up on a tangle of cross-signed intermediates. */
const MAX_SIGNATURE_CHECKS = 100;

/**
 * Builds a chain from the last certificate to the first, through any of those between. Returns it leaf first, or
 * undefined when there is none that is valid.
 */
export function verifyChain(
  certificates: readonly ParsedCertificate[],
  options: VerifyOptions,
): ParsedCertificate[] | undefined {
  const root = certificates[0];
  const leaf = certificates[certificates.length - 1];
  if (certificates.length < 2 || root === undefined || leaf === undefined) return undefined;
  if (!acceptable(leaf, options.time)) return undefined;
  if (options.dnsName !== undefined && options.dnsName !== '' && !matchesHost(leaf, options.dnsName)) return undefined;
  const usages = options.usages === undefined || options.usages.length === 0 ? [USAGE_SERVER_AUTH] : options.usages;
  const search = new Search(root, certificates.slice(1, -1), options.time, usages);
  return search.from([leaf]);
}

class Search {
  readonly #root: ParsedCertificate;
  readonly #intermediates: readonly ParsedCertificate[];
  readonly #time: number;
  readonly #usages: readonly number[];
  #checks = 0;

  constructor(
    root: ParsedCertificate,
    intermediates: readonly ParsedCertificate[],
    time: number,
    usages: readonly number[],
  ) {
    this.#root = root;
    this.#intermediates = intermediates;
    this.#time = time;
    this.#usages = usages;
  }

  from(chain: readonly ParsedCertificate[]): ParsedCertificate[] | undefined {
    const current = chain[chain.length - 1] as ParsedCertificate;
    if (this.#isIssuer(this.#root, chain)) {
      const complete = [...chain, this.#root];
      if (usageHolds(complete, this.#usages)) return complete;
    }
    for (const candidate of this.#intermediates) {
      if (chain.some((used) => sameBytes(used.raw, candidate.raw))) continue;
      if (sameBytes(candidate.raw, current.raw) || !this.#isIssuer(candidate, chain)) continue;
      const found = this.from([...chain, candidate]);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #isIssuer(issuer: ParsedCertificate, chain: readonly ParsedCertificate[]): boolean {
    const child = chain[chain.length - 1] as ParsedCertificate;
    if (!sameBytes(issuer.subject.raw, child.issuer.raw)) return false;
    if (!acceptable(issuer, this.#time)) return false;
    const { basicConstraints, keyUsage, constraints } = issuer.extensions;
    if (issuer.version === 3 ? basicConstraints?.isCa !== true : basicConstraints?.isCa === false) return false;
    // Intermediates below this issuer, the leaf not counted.
    const below = chain.length - 1;
    if (
      basicConstraints !== undefined &&
      basicConstraints.maxPathLength >= 0 &&
      below > basicConstraints.maxPathLength
    ) {
      return false;
    }
    if (keyUsage !== 0 && (keyUsage & KEY_USAGE_CERT_SIGN) === 0) return false;
    if (INSECURE_ALGORITHMS.has(child.signatureAlgorithm)) return false;
    if (!chain.every((certificate) => namesAllowed(certificate.extensions.names, constraints))) return false;
    if (++this.#checks > MAX_SIGNATURE_CHECKS) return false;
    try {
      return new X509Certificate(child.raw).verify(new X509Certificate(issuer.raw).publicKey);
    } catch {
      // A key that the platform cannot load verifies nothing.
      return false;
    }
  }
}

function acceptable(certificate: ParsedCertificate, time: number): boolean {
  return (
    certificate.extensions.unhandledCritical.length === 0 &&
    time >= certificate.notBefore &&
    time <= certificate.notAfter
  );
}

/** A usage counts when every certificate of the chain that restricts usages allows it. */
function usageHolds(chain: readonly ParsedCertificate[], usages: readonly number[]): boolean {
  if (usages.includes(USAGE_ANY)) return true;
  return usages.some((usage) =>
    chain.every(({ extensions: { extendedUsages, unknownUsages } }) => {
      if (extendedUsages.length + unknownUsages.length === 0) return true;
      return extendedUsages.includes(USAGE_ANY) || extendedUsages.includes(usage);
    }),
  );
}

/** Host names match the DNS names of the certificate (RFC 6125: `*` is the whole leftmost label), addresses the IP ones. */
function matchesHost(certificate: ParsedCertificate, host: string): boolean {
  const { names } = certificate.extensions;
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const address = parseAddress(bare);
  if (address !== undefined) {
    return names.ip.some((ip) => {
      const other = parseAddress(ipText(ip));
      return other?.bits === address.bits && other.value === address.value;
    });
  }
  const wanted = host.toLowerCase().replace(/\.$/, '').split('.');
  if (wanted.some((label) => !/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/.test(label))) return false;
  return names.dns.some((pattern) => {
    const labels = pattern.toLowerCase().replace(/\.$/, '').split('.');
    return (
      labels.length === wanted.length && labels.every((label, i) => label === wanted[i] || (i === 0 && label === '*'))
    );
  });
}
