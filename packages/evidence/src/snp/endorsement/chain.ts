/**
 * AMD's chain: ARK → ASK or ASVK → VCEK or VLEK, with the ARK's CRL.
 *
 * What does not depend on time is checked once per set of exact bytes and kept as a {@link VerifiedAmdChain}; dates are judged
 * at each use, which makes it a {@link CurrentAmdChain}. No report is part of either.
 */
import { createHash, type KeyObject } from 'node:crypto';
import { DecodeError } from '@assay/bytes';
import type { CollateralUse, FindingDraft } from '@assay/bytes/findings';
import { utc } from '@assay/bytes/findings';
import {
  type Certificate,
  type CertificateList,
  checkCriticalExtensions,
  checkCrlSignature,
  checkEndEntity,
  checkLink,
  KeyCache,
  type Name,
  nameInWords,
  normaliseCrl,
  parseCertificates,
  parseCrl,
  pinned,
  sameName,
  selfIssued,
  type TrustAnchor,
} from '../../x509/index.js';
import { isProduct, type Product } from '../product.js';
import * as say from './chain-findings.js';
import { type AmdLeaf, readLeaf } from './leaf.js';
import type { AmdTrust } from './roots.js';

/** Certificates as they came: each DER or PEM, in any order; a CRL as DER, PEM, hex or base64. */
export interface AmdCertificates {
  readonly leaf: Uint8Array;
  /** ASK or ASVK, and ARK; what is missing is taken from the built-in ones. */
  readonly authorities: readonly Uint8Array[];
  readonly crl: Uint8Array | undefined;
}

declare const verified: unique symbol;
/** Every check that does not depend on time holds. Only `examineChain` makes one. */
export interface VerifiedAmdChain {
  readonly [verified]: true;
  readonly leaf: AmdLeaf;
  readonly issuer: Certificate;
  readonly root: Certificate;
  readonly product: Product;
  readonly anchor: TrustAnchor;
  readonly crl: CertificateList | undefined;
  /** The leaf's key, imported. */
  readonly key: KeyObject;
  readonly findings: readonly FindingDraft[];
}

declare const current: unique symbol;
/** A verified chain whose certificates and CRL are valid at a time. */
export type CurrentAmdChain = VerifiedAmdChain & { readonly [current]: true };

/** What could be found out about a chain, good or not: a report is compared with it all the same. */
export interface ChainExamination {
  readonly findings: readonly FindingDraft[];
  readonly leaf?: AmdLeaf;
  /** Product line of the root, by its name. */
  readonly product?: Product;
  readonly issuer?: Certificate;
  readonly root?: Certificate;
  readonly crl?: CertificateList | undefined;
  readonly verified?: VerifiedAmdChain;
}

/** Examines a chain, or gives what is known of the same bytes. Never throws for what certificates may hold. */
export function examineChain(certificates: AmdCertificates, trust: AmdTrust): ChainExamination {
  const digest = digestOf(certificates);
  const known = trust.chains.get(digest);
  if (known !== undefined) return { ...known, verified: known };
  const examination = examine(certificates, trust);
  if (examination.verified !== undefined) trust.chains.set(digest, examination.verified);
  return examination;
}

/**
 * The authorities that may be meant for one of several leaves. A table for reports has one place for an intermediate: where a host
 * loads a VCEK and a VLEK, the ASK of the one would stand in the way of the other's ASVK, which is built in.
 *
 * @param others the other leaves
 */
export function authoritiesFor(
  leaf: Uint8Array,
  others: readonly Uint8Array[],
  authorities: readonly Uint8Array[],
): readonly Uint8Array[] {
  if (others.length === 0) return authorities;
  const meant = attempt(() => {
    const [own, ...foreign] = [leaf, ...others].map((der) => only(parseCertificates(der)).issuer);
    const issues = (issuer: Name | undefined, { subject }: Certificate): boolean =>
      issuer !== undefined && sameName(subject, issuer);
    return authorities
      .flatMap((bytes) => parseCertificates(bytes))
      .filter((one) => issues(own, one) || !foreign.some((issuer) => issues(issuer, one)))
      .map(({ der }) => der);
  });
  // What cannot be read is told by whoever examines it.
  return typeof meant === 'string' ? authorities : meant;
}

/** Length-prefixed, so that no two inputs run together. */
function digestOf({ leaf, authorities, crl }: AmdCertificates): string {
  const hash = createHash('sha256');
  const parts = [leaf, ...authorities, ...(crl === undefined ? [] : [crl])];
  hash.update(`${authorities.length} ${crl === undefined ? 0 : 1} ${parts.map((part) => part.length).join(' ')}\n`);
  for (const part of parts) hash.update(part);
  return hash.digest('base64');
}

function examine(certificates: AmdCertificates, trust: AmdTrust): ChainExamination {
  const leaf = attempt(() => readLeaf(only(parseCertificates(certificates.leaf))));
  if (typeof leaf === 'string') return { findings: [say.leafForm(leaf)] };
  const pool = attempt(() => certificates.authorities.flatMap((bytes) => parseCertificates(bytes)));
  if (typeof pool === 'string') return { findings: [say.holds('snp.leaf.form'), say.links(pool)], leaf };

  const issuer = findIssuer(leaf, pool, trust);
  const root = issuer === undefined ? undefined : findRoot(issuer, pool, trust);
  if (issuer === undefined || root === undefined) {
    const missing = nameInWords((issuer ?? leaf.certificate).issuer);
    return { findings: [say.holds('snp.leaf.form'), say.links(`no certificate of ${missing} is at hand`)], leaf };
  }
  const crl =
    certificates.crl === undefined
      ? undefined
      : attempt(() => parseCrl(normaliseCrl(certificates.crl ?? new Uint8Array())));
  const anchor = pinned(root, trust.anchors);
  const product = productOfRoot(root);
  // The leaf's key goes into no shared cache before anything vouches for it.
  const key = new KeyCache(0).key(leaf.certificate.publicKey);
  const findings = [
    key === undefined ? say.leafForm('key is not a point of P-384') : say.holds('snp.leaf.form'),
    ...[leaf.certificate, issuer, root].map(say.pss),
    say.links(linkProblem(leaf.certificate, issuer, root, trust.keys)),
    ...say.pinnedRoot(root, anchor, trust),
    say.kind(leaf, issuer, product ?? leaf.product),
    ...examineCrl(crl, issuer, root, trust.keys),
  ];
  const seen = { findings, leaf, issuer, root, ...(product === undefined ? {} : { product }) };
  const list = typeof crl === 'string' ? undefined : crl;
  const good = findings.every(({ outcome }) => outcome !== 'fail');
  if (!good || anchor === undefined || product === undefined || key === undefined) return { ...seen, crl: list };
  const chain = { leaf, issuer, root, product, anchor, crl: list, key, findings } as unknown as VerifiedAmdChain;
  return { ...seen, crl: list, verified: chain };
}

function attempt<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
}

function only(certificates: readonly Certificate[]): Certificate {
  const [certificate, ...others] = certificates;
  if (certificate === undefined || others.length > 0) {
    throw new DecodeError('AMD leaf certificate', `${certificates.length} certificates; 1 is wanted`);
  }
  return certificate;
}

/** The supplied issuer: by name, else whatever intermediate came, so that a wrong one is told; else a built-in one. */
function findIssuer(leaf: AmdLeaf, pool: readonly Certificate[], trust: AmdTrust): Certificate | undefined {
  const issued = (candidate: Certificate): boolean => sameName(candidate.subject, leaf.certificate.issuer);
  const intermediates = pool.filter((candidate) => !selfIssued(candidate));
  return intermediates.find(issued) ?? intermediates[0] ?? trust.authorities.find(issued);
}

function findRoot(issuer: Certificate, pool: readonly Certificate[], trust: AmdTrust): Certificate | undefined {
  const issued = (candidate: Certificate): boolean => sameName(candidate.subject, issuer.issuer);
  const roots = pool.filter(selfIssued);
  return roots.find(issued) ?? roots[0] ?? trust.authorities.find(issued);
}

/** `ARK-Milan` → Milan. The name counts once the key is pinned. */
function productOfRoot({ subject }: Certificate): Product | undefined {
  const name = subject.commonName ?? '';
  const product = name.startsWith('ARK-') ? name.slice('ARK-'.length) : '';
  return isProduct(product) ? product : undefined;
}

/** The first thing that is wrong with names, signatures, CA flags and critical extensions. */
function linkProblem(leaf: Certificate, issuer: Certificate, root: Certificate, keys: KeyCache): string | undefined {
  const problems = [
    ...checkLink(root, root, 1, keys),
    ...checkLink(issuer, root, 1, keys),
    ...checkLink(leaf, issuer, 0, keys),
    ...[root, issuer, leaf].flatMap((certificate) => checkCriticalExtensions(certificate)),
    ...checkEndEntity(leaf),
  ];
  return problems[0]?.text;
}

function examineCrl(
  crl: CertificateList | string | undefined,
  issuer: Certificate,
  root: Certificate,
  keys: KeyCache,
): FindingDraft[] {
  if (crl === undefined) return say.noCrl();
  if (typeof crl === 'string') return [say.crlSignature(crl), ...say.crlUnread()];
  const what = crlProblem(crl, root, keys);
  if (what !== undefined) return [say.crlSignature(what), say.revocationUnknown()];
  return [say.crlSignature(undefined), ...[root, issuer].map((certificate) => say.revocation(certificate, crl))];
}

function crlProblem(crl: CertificateList, root: Certificate, keys: KeyCache): string | undefined {
  if (!sameName(crl.issuer, root.subject)) {
    return `issuer is ${nameInWords(crl.issuer)}, the root is ${nameInWords(root.subject)}`;
  }
  if (crl.signatureAlgorithm.name !== 'rsa-pss-sha384') return `signed with ${crl.signatureAlgorithm.name}`;
  return checkCrlSignature(crl, root, keys) ? undefined : `does not verify under ${nameInWords(root.subject)}`;
}

/** Judges dates: of the certificates at hand, and of the CRL. */
export function judgeDates(
  examination: ChainExamination,
  now: Date,
  clock: string,
): { readonly findings: readonly FindingDraft[]; readonly current?: CurrentAmdChain } {
  const { leaf, issuer, root, crl, verified: chain } = examination;
  const certificates = [leaf?.certificate, issuer, root].filter((one) => one !== undefined);
  const findings = [
    ...certificates.map((certificate) => say.dates(certificate, now, clock)),
    ...(crl === undefined ? [] : [say.crlDates(crl, now, clock)]),
  ];
  const good = findings.every(({ outcome }) => outcome !== 'fail');
  return good && chain !== undefined ? { findings, current: chain as CurrentAmdChain } : { findings };
}

/** What a verdict rests on, with its dates. */
export function collateralUses({ leaf, issuer, root, crl }: ChainExamination): CollateralUse[] {
  const certificates = [leaf?.certificate, issuer, root].filter((one) => one !== undefined);
  return [
    ...certificates.map(
      ({ subject, notBefore, notAfter }): CollateralUse => ({
        item: `certificate ${nameInWords(subject)}`,
        issued: utc(notBefore),
        next_update: utc(notAfter),
      }),
    ),
    ...(crl === undefined
      ? []
      : [
          {
            item: `CRL of ${nameInWords(crl.issuer)}`,
            issued: utc(crl.thisUpdate),
            ...(crl.nextUpdate === undefined ? {} : { next_update: utc(crl.nextUpdate) }),
          },
        ]),
  ];
}
