/** Checks of a certification path (RFC 5280 section 6), each reported on its own. Trust is the caller's: see `pinned`. */
import { constantTimeEqual } from '@assay/bytes';
import type { Certificate } from './certificate.js';
import type { CertificateList } from './crl.js';
import { EXTENSION } from './extension.js';
import { type KeyCache, vendorKeys, verifySignature } from './key.js';
import type { LruMap } from './lru.js';
import { nameInWords, sameName } from './name.js';

/** What is wrong with one link or one certificate. */
export interface ChainProblem {
  readonly kind:
    | 'issuer-name'
    | 'signature'
    | 'key-identifier'
    | 'not-a-ca'
    | 'is-a-ca'
    | 'path-length'
    | 'key-usage'
    | 'critical-extension'
    | 'version';
  readonly certificate: Certificate;
  readonly issuer?: Certificate;
  /** One line in the wording of findings: what was found, what was wanted. */
  readonly text: string;
}

/** A trust anchor: the key counts, not the certificate around it. */
export interface TrustAnchor {
  /** For findings: `built-in pin of Intel SGX Root CA`. */
  readonly name: string;
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  /** The root of emulated hardware, added by name; evidence under it proves nothing. */
  readonly emulated?: true;
}

/** Extensions that the checks here take into account; another one that is critical refuses (RFC 5280 section 4.2). */
const PROCESSED: readonly string[] = [
  EXTENSION.basicConstraints,
  EXTENSION.keyUsage,
  EXTENSION.subjectKeyIdentifier,
  EXTENSION.authorityKeyIdentifier,
  EXTENSION.crlDistributionPoints,
];

/** The anchor whose key the certificate has. */
export function pinned(certificate: Certificate, anchors: readonly TrustAnchor[]): TrustAnchor | undefined {
  return anchors.find(({ publicKey }) => constantTimeEqual(publicKey, certificate.publicKey.der));
}

export function selfIssued(certificate: Certificate): boolean {
  return sameName(certificate.issuer, certificate.subject);
}

/**
 * Orders certificates from the leaf to the one self-issued root, by names and whatever their order.
 *
 * @returns the path that uses every certificate exactly once, or one line that says why there is none.
 */
export function orderChain(certificates: readonly Certificate[]): readonly Certificate[] | string {
  const roots = certificates.filter(selfIssued);
  if (roots.length !== 1) return `chain has ${roots.length} self-issued certificates; 1 is wanted`;
  const path = [...roots];
  const left = new Set(certificates.filter((certificate) => !selfIssued(certificate)));
  for (let issuer = path[0]; issuer !== undefined && left.size > 0; issuer = path[0]) {
    const parent = issuer;
    const children = [...left].filter((certificate) => sameName(certificate.issuer, parent.subject));
    const [child] = children;
    if (child === undefined || children.length > 1) {
      return `${children.length} certificates of the chain are issued by ${nameInWords(parent.subject)}; 1 is wanted`;
    }
    left.delete(child);
    path.unshift(child);
  }
  // The same certificate twice is one member of a set.
  if (path.length !== certificates.length)
    return `chain has ${certificates.length} certificates; ${path.length} are of it`;
  return path;
}

/**
 * Checks that `issuer` issued `child`: names, key identifiers, signature, CA flag, key usage, path length.
 *
 * @param below number of intermediate certificates between `issuer` and the end-entity certificate
 * @param links where it is kept that a signature holds
 */
export function checkLink(
  child: Certificate,
  issuer: Certificate,
  below: number,
  keys: KeyCache = vendorKeys,
  links?: LinkCache,
): ChainProblem[] {
  const problems: ChainProblem[] = [];
  const name = nameInWords(child.subject);
  const parent = nameInWords(issuer.subject);
  const add = (kind: ChainProblem['kind'], text: string): void => {
    problems.push({ kind, certificate: child, issuer, text });
  };
  if (!sameName(child.issuer, issuer.subject)) add('issuer-name', `${name} names another issuer than ${parent}`);
  const { authorityKeyIdentifier: wanted } = child;
  const { subjectKeyIdentifier: has } = issuer;
  if (wanted !== undefined && has !== undefined && Buffer.compare(wanted, has) !== 0) {
    add('key-identifier', `${name} names another key of its issuer than ${parent} has`);
  }
  if (!isSigned(child, issuer, keys, links)) {
    add('signature', `${name} is not signed by ${parent}`);
  }
  if (issuer.basicConstraints?.ca !== true) add('not-a-ca', `${parent} is not a CA`);
  const limit = issuer.basicConstraints?.pathLength;
  if (limit !== undefined && below > limit) {
    add('path-length', `${parent} allows ${limit} intermediate certificates; ${below} follow`);
  }
  if (issuer.keyUsage !== undefined && !issuer.keyUsage.has('keyCertSign')) {
    add('key-usage', `${parent} may not sign certificates (key usage)`);
  }
  return problems;
}

/** Checks of a certificate by itself: a critical extension that nothing here understands. */
export function checkCriticalExtensions(
  certificate: Certificate,
  alsoProcessed: readonly string[] = [],
): ChainProblem[] {
  return certificate.extensions.flatMap(({ oid, critical }): ChainProblem[] =>
    critical && !PROCESSED.includes(oid) && !alsoProcessed.includes(oid)
      ? [
          {
            kind: 'critical-extension',
            certificate,
            text: `${nameInWords(certificate.subject)} has the critical extension ${oid}, unknown here`,
          },
        ]
      : [],
  );
}

/** Checks that a certificate at the end of a path is none of a CA. */
export function checkEndEntity(certificate: Certificate): ChainProblem[] {
  const ca = certificate.basicConstraints?.ca === true;
  return ca
    ? [{ kind: 'is-a-ca', certificate, text: `${nameInWords(certificate.subject)} is a CA; an end entity is wanted` }]
    : [];
}

/** Whether a certificate is signed by another one, by their fingerprints: a property of the two that never changes. */
export type LinkCache = LruMap<boolean>;

/** Under what a link is kept. */
export function linkName(child: Certificate, issuer: Certificate): string {
  return `${child.fingerprint} ${issuer.fingerprint}`;
}

function isSigned(child: Certificate, issuer: Certificate, keys: KeyCache, links: LinkCache | undefined): boolean {
  const name = links === undefined ? '' : linkName(child, issuer);
  const known = links?.get(name);
  if (known !== undefined) return known;
  const { signature, signatureAlgorithm, tbs } = child;
  const signed = verifySignature(signatureAlgorithm.name, tbs, signature, issuer.publicKey, keys);
  links?.set(name, signed);
  return signed;
}

/**
 * Checks every link of a path, leaf first, its root's self-signature, CA flags and critical extensions. Dates and the
 * root's pin are separate questions.
 *
 * @param links where answers are kept, for callers that see the same certificates in several paths
 */
export function checkPath(path: readonly Certificate[], links?: LinkCache): ChainProblem[] {
  return path.flatMap((certificate, index) => [...checkCriticalExtensions(certificate), ...linkAt(path, index, links)]);
}

function linkAt(path: readonly Certificate[], index: number, links: LinkCache | undefined): readonly ChainProblem[] {
  const [certificate, issuer] = [path[index], path[index + 1]];
  if (certificate === undefined) return [];
  if (issuer !== undefined) return checkLink(certificate, issuer, index, vendorKeys, links);
  const problems = checkLink(certificate, certificate, Math.max(0, index - 1), vendorKeys, links);
  // What the root may do as an issuer was asked at the link below it.
  return path.length === 1 ? problems : problems.filter(({ kind }) => kind === 'signature');
}

/** Whether a CRL is signed by a CA that may sign CRLs. Names and dates are separate questions. */
export function checkCrlSignature(crl: CertificateList, issuer: Certificate, keys: KeyCache = vendorKeys): boolean {
  const may = issuer.keyUsage === undefined || issuer.keyUsage.has('cRLSign');
  return may && verifySignature(crl.signatureAlgorithm.name, crl.tbs, crl.signature, issuer.publicKey, keys);
}

/** Where a time stands to a validity, both ends included. */
export function validity(notBefore: Date, notAfter: Date, now: Date): 'before' | 'within' | 'after' {
  if (now < notBefore) return 'before';
  return now <= notAfter ? 'within' : 'after';
}
