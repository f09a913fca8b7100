/** Host-key documents: the public key of a machine, certified by IBM. */
import { DecodeError } from '@assay/bytes';
import { type CollateralUse, type FindingDraft, utc } from '@assay/bytes/findings';
import {
  type Certificate,
  checkCriticalExtensions,
  KeyCache,
  parseCertificates,
  type TrustAnchor,
  verifySignature,
} from '../../x509/index.js';
import { type HostPublicKey, hostKeyOfPoint } from '../request/key.js';
import { type Authorities, type IssuedCrl, nameOf, newest, revokedAt } from './authorities.js';
import * as say from './findings.js';
import { namesSigningKey } from './names.js';

const P521 = 'unknown curve 1.3.132.0.35';
const USAGES = ['2.5.29.37', '2.5.29.32'];

declare const verified: unique symbol;
/** A host key for which every check that needs no time holds. Only `examineHostKey` makes one. */
export interface VerifiedHostKey {
  readonly [verified]: true;
  readonly certificate: Certificate;
  readonly key: HostPublicKey;
  readonly anchor: TrustAnchor;
  readonly dated: Dated;
}

declare const trusted: unique symbol;
/** A verified host key whose certificates and CRLs are valid at a time. Only `judgeDates` makes one. */
export type TrustedHostKey = VerifiedHostKey & { readonly [trusted]: true };

/** Everything with dates that a host key hangs on. */
export interface Dated {
  readonly certificates: readonly (readonly [name: string, certificate: Certificate])[];
  readonly crls: readonly IssuedCrl[];
}

export interface HostKeyExamination {
  /** File name or common name, for findings. */
  readonly name: string;
  readonly findings: readonly FindingDraft[];
  readonly key?: HostPublicKey;
  readonly dated?: Dated;
  readonly verified?: VerifiedHostKey;
}

/** Examines a document, DER or PEM. Never throws for what it may hold. */
export function examineHostKey(document: Uint8Array, name: string, authorities: Authorities): HostKeyExamination {
  const subject = `host-key document ${name}`;
  let certificate: Certificate;
  try {
    const [only, ...others] = parseCertificates(document);
    if (only === undefined || others.length > 0) throw new DecodeError('host-key document', 'not one certificate');
    certificate = only;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { name, findings: [say.form(subject, error.reason), ...say.authorities(authorities)] };
  }
  const key = certificate.publicKey.type === P521 ? hostKeyOfPoint(certificate.publicKey.key) : undefined;
  const { signingKey, anchor, path } = authorities;
  const crls = authorities.crls.filter(({ issuer }) => issuer === signingKey);
  const findings = [
    say.form(subject, key === undefined ? 'its key is no point of P-521' : undefined),
    say.trust(subject, issueFault(certificate, signingKey)),
    crls.length > 0 ? say.revoked(subject, revokedAt(certificate, crls)) : say.crlMissing('CRL of the signing key'),
    ...say.authorities(authorities),
  ];
  const dated: Dated = {
    certificates: [
      [subject, certificate],
      ...path.map((one, index): readonly [string, Certificate] => [nameOf(one, index), one]),
    ],
    crls: newest(authorities.crls),
  };
  const good = findings.every(({ outcome }) => outcome === 'pass');
  const examination = { name, findings, dated, ...(key === undefined ? {} : { key }) };
  if (!good || key === undefined || anchor === undefined) return examination;
  return { ...examination, verified: { certificate, key, anchor, dated } as unknown as VerifiedHostKey };
}

function issueFault(certificate: Certificate, signingKey: Certificate | undefined): string | undefined {
  if (signingKey === undefined) return 'there is no signing key to check it with';
  if (!namesSigningKey(certificate.issuer, signingKey.subject)) return 'names another issuer than the signing key';
  const { authorityKeyIdentifier: wanted } = certificate;
  const { subjectKeyIdentifier: has } = signingKey;
  if (wanted !== undefined && has !== undefined && Buffer.compare(wanted, has) !== 0) {
    return 'names another key of its issuer';
  }
  const { signatureAlgorithm, tbs, signature } = certificate;
  if (!verifySignature(signatureAlgorithm.name, tbs, signature, signingKey.publicKey, new KeyCache(0))) {
    return 'is not signed by the signing key';
  }
  return checkCriticalExtensions(certificate, USAGES)[0]?.text;
}

/** Dates of everything that the key hangs on. */
export function judgeDates(
  { dated, verified: key }: HostKeyExamination,
  now: Date,
  clock: string,
): { readonly findings: readonly FindingDraft[]; readonly trusted?: TrustedHostKey } {
  if (dated === undefined) return { findings: [] };
  const findings = [
    ...dated.certificates.map(([name, certificate]) => say.validity(name, certificate, now, clock)),
    ...dated.crls.map((crl) => say.crlDates(crl, now, clock)),
  ];
  const current = findings.every(({ outcome }) => outcome === 'pass');
  return { findings, ...(key === undefined || !current ? {} : { trusted: key as TrustedHostKey }) };
}

/** What was used of the vendor's statements. */
export function collateralUses({ dated }: HostKeyExamination): CollateralUse[] {
  return (dated?.crls ?? []).map(({ list, name }) => ({
    item: name,
    issued: utc(list.thisUpdate),
    ...(list.nextUpdate === undefined ? {} : { next_update: utc(list.nextUpdate) }),
  }));
}
