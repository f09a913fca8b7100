/** IBM's signing key and what is above it: read from certificates and CRLs, checked as far as no time is needed. */
import { DecodeError } from '@assay/bytes';
import {
  type Certificate,
  type CertificateList,
  checkCriticalExtensions,
  checkCrlSignature,
  checkLink,
  KeyCache,
  normaliseCrl,
  parseCertificates,
  parseCrl,
  pinned,
  sameName,
  selfIssued,
  type TrustAnchor,
  verifySignature,
} from '../../x509/index.js';
import { rsaBits } from '../request/key.js';
import { namesSigningKey, signingKeySubjectFault } from './names.js';

/** Files as they came: certificates in PEM or DER, one or more each; CRLs in DER or PEM. */
export interface AuthorityFiles {
  readonly certificates: readonly Uint8Array[];
  readonly crls: readonly Uint8Array[];
  /** Certificates of roots; trusted only through {@link anchors}. */
  readonly roots: readonly Uint8Array[];
  readonly anchors: readonly TrustAnchor[];
}

/** A question about the authorities with its answer: `fault` is one line of text where it does not hold. */
export interface AuthorityAnswer {
  readonly question: 'subject' | 'chain' | 'crl' | 'crl-missing' | 'revoked';
  readonly subject: string;
  readonly fault: string | undefined;
}

export interface Authorities {
  readonly answers: readonly AuthorityAnswer[];
  readonly signingKey: Certificate | undefined;
  /** From the signing key to the root, as far as it could be built. */
  readonly path: readonly Certificate[];
  readonly anchor: TrustAnchor | undefined;
  /** CRLs that their issuer signed, with it. */
  readonly crls: readonly IssuedCrl[];
}

export interface IssuedCrl {
  readonly list: CertificateList;
  readonly issuer: Certificate;
  readonly name: string;
}

/** Longest way from the signing key to the root: two intermediates. */
const LONGEST_PATH = 4;
const LEAST_RSA_BITS = 2048;
const FEWEST_ISSUERS = 2;

/** Reads and checks. Never throws for what files may hold. */
export function readAuthorities(files: AuthorityFiles): Authorities {
  const answers: AuthorityAnswer[] = [];
  const answer = (question: AuthorityAnswer['question'], subject: string, fault?: string): void => {
    answers.push({ question, subject, fault });
  };
  const certificates = unique([...files.certificates, ...files.roots].flatMap((bytes) => read(bytes, answer)));
  const signingKey = pickSigningKey(certificates, answer);
  if (signingKey === undefined) return { answers, signingKey, path: [], anchor: undefined, crls: [] };
  const path = pathOf(signingKey, certificates);
  const root = path.at(-1);
  const anchor = root === undefined ? undefined : pinned(root, files.anchors);
  for (const [subject, fault] of chainFaults(path, anchor)) answer('chain', subject, fault);
  const crls = issuedCrls(files.crls, path, answer);
  checkRevocation(path, crls, answer);
  return { answers, signingKey, path, anchor, crls };
}

function read(bytes: Uint8Array, answer: (question: 'chain', subject: string, fault: string) => void): Certificate[] {
  try {
    return parseCertificates(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    answer('chain', 'certificates', error.message);
    return [];
  }
}

function unique(certificates: readonly Certificate[]): Certificate[] {
  return [...new Map(certificates.map((certificate) => [certificate.fingerprint, certificate])).values()];
}

type Answer = (question: AuthorityAnswer['question'], subject: string, fault?: string) => void;

/** One and only one certificate with the subject of IBM's signing keys. */
function pickSigningKey(certificates: readonly Certificate[], answer: Answer): Certificate | undefined {
  const subject = 'signing key';
  const right = certificates.filter((certificate) => signingKeySubjectFault(certificate.subject) === undefined);
  if (right.length === 1) {
    answer('subject', subject);
    return right[0];
  }
  if (right.length > 1) {
    answer('subject', subject, `${right.length} certificates have the subject of a signing key; 1 is right`);
    return undefined;
  }
  // To say what is wrong with it, the one that is nobody's issuer is taken for it.
  const [leaf] = certificates.filter(
    (one) => !selfIssued(one) && !certificates.some((other) => other !== one && sameName(other.issuer, one.subject)),
  );
  const fault = leaf === undefined ? 'no certificate' : (signingKeySubjectFault(leaf.subject) ?? '');
  answer('subject', subject, `no certificate has the subject of a signing key: ${fault}`);
  return leaf;
}

function pathOf(leaf: Certificate, certificates: readonly Certificate[]): Certificate[] {
  const path = [leaf];
  for (let last: Certificate | undefined = leaf; last !== undefined && path.length < LONGEST_PATH; last = path.at(-1)) {
    const { issuer } = last;
    if (selfIssued(last)) break;
    const next = certificates.find((one) => sameName(one.subject, issuer) && !path.includes(one));
    if (next === undefined) break;
    path.push(next);
  }
  return path;
}

/** Every link of the path, the self-signature of the root, and its pin. */
function chainFaults(
  path: readonly Certificate[],
  anchor: TrustAnchor | undefined,
): (readonly [subject: string, fault: string | undefined])[] {
  const keys = new KeyCache(0);
  const root = path.at(-1);
  const answers = path.slice(0, -1).map((child, index): readonly [string, string | undefined] => {
    const issuer = path[index + 1] ?? child;
    const problem = [...checkLink(child, issuer, index, keys), ...checkCriticalExtensions(child, USAGE_EXTENSIONS)][0];
    return [nameOf(child, index), problem?.text ?? weakness(child)];
  });
  if (root === undefined) return answers;
  const self = verifySignature(root.signatureAlgorithm.name, root.tbs, root.signature, root.publicKey, keys);
  const fault = !selfIssued(root)
    ? 'ends in a certificate that is no root: its issuer is not among them'
    : !self
      ? 'the root is not signed by itself'
      : path.length <= FEWEST_ISSUERS
        ? 'at least one intermediate certificate is due between signing key and root'
        : anchor === undefined
          ? 'the root is none of the trusted ones'
          : weakness(root);
  return [...answers, ['root', fault]];
}

/** Extended key usage and policies: they limit other uses, and say nothing against this one. */
const USAGE_EXTENSIONS = ['2.5.29.37', '2.5.29.32'];

function weakness(certificate: Certificate): string | undefined {
  if (certificate.publicKey.type !== 'rsa') return undefined;
  const bits = rsaBits(certificate.publicKey.der);
  return bits >= LEAST_RSA_BITS ? undefined : `its RSA key has ${bits} bits; at least ${LEAST_RSA_BITS} are due`;
}

/** `signing key`, `intermediate`, `root`. */
export function nameOf(certificate: Certificate, index: number): string {
  if (index === 0) return 'signing key';
  return selfIssued(certificate) ? 'root' : 'intermediate';
}

/** Assigns every CRL to the certificate of the path that issued it, by name; the signature must hold. */
function issuedCrls(files: readonly Uint8Array[], path: readonly Certificate[], answer: Answer): IssuedCrl[] {
  const keys = new KeyCache(0);
  return files.flatMap((bytes): IssuedCrl[] => {
    let list: CertificateList;
    try {
      list = parseCrl(normaliseCrl(bytes));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      answer('crl', 'CRL', error.message);
      return [];
    }
    const index = path.findIndex((certificate, at) =>
      at === 0 ? namesSigningKey(list.issuer, certificate.subject) : sameName(list.issuer, certificate.subject),
    );
    const issuer = path[index];
    if (issuer === undefined) {
      answer('crl', 'CRL', 'is of an issuer that is not in the chain');
      return [];
    }
    const name = `CRL of the ${nameOf(issuer, index)}`;
    // The signing key's certificate has no usage for CRLs, and signs them all the same.
    const signed =
      index === 0
        ? verifySignature(list.signatureAlgorithm.name, list.tbs, list.signature, issuer.publicKey, keys)
        : checkCrlSignature(list, issuer, keys);
    const { authorityKeyIdentifier: wanted } = list;
    const { subjectKeyIdentifier: has } = issuer;
    const otherKey = wanted !== undefined && has !== undefined && Buffer.compare(wanted, has) !== 0;
    answer('crl', name, otherKey ? 'names another key of its issuer' : signed ? undefined : 'is not signed by it');
    return signed && !otherKey ? [{ list, issuer, name }] : [];
  });
}

/** Every certificate below the root needs a CRL of its issuer; the root's own, where it is there, is asked too. */
function checkRevocation(path: readonly Certificate[], crls: readonly IssuedCrl[], answer: Answer): void {
  path.forEach((certificate, index) => {
    const issuer = path[index + 1] ?? certificate;
    const subject = nameOf(certificate, index);
    const own = crls.filter((crl) => crl.issuer === issuer);
    if (own.length > 0) answer('revoked', subject, revokedAt(certificate, own));
    else if (issuer !== certificate) answer('crl-missing', `CRL of the ${nameOf(issuer, index + 1)}`, 'is missing');
  });
}

/** Of several lists of one issuer the newest, whose dates count. */
export function newest(crls: readonly IssuedCrl[]): IssuedCrl[] {
  const latest = new Map<Certificate, IssuedCrl>();
  for (const crl of crls) {
    const known = latest.get(crl.issuer);
    if (known === undefined || known.list.thisUpdate < crl.list.thisUpdate) latest.set(crl.issuer, crl);
  }
  return [...latest.values()];
}

/** When a certificate was revoked, as text; undefined when no list has it. */
export function revokedAt(certificate: Certificate, crls: readonly IssuedCrl[]): string | undefined {
  for (const { list } of crls) {
    const date = list.revoked.get(certificate.serial);
    if (date !== undefined) return date.toISOString().slice(0, 10);
  }
  return undefined;
}
