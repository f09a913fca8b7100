/** Findings about AMD's chain, in one place so that their facts have one form. */
import {
  cut,
  ended,
  type FindingDraft,
  failed,
  notChecked,
  notYetValid,
  passed,
  utc,
  visible,
} from '@assay/bytes/findings';
import {
  type Certificate,
  type CertificateList,
  certificateSubject,
  nameInWords,
  saysEmulated,
  selfIssued,
  type TrustAnchor,
  validity,
} from '../../x509/index.js';
import type { Product } from '../product.js';
import type { AmdLeaf } from './leaf.js';
import { type AmdTrust, anchorDigests, anchorNames, sha256 } from './roots.js';

const KDS = 'AMD 57230, VCEK certificate and KDS interface';
const spec = { kind: 'spec', document: 'AMD 57230' } as const;

export function holds(id: 'snp.leaf.form' | 'snp.chain.links'): FindingDraft {
  return passed(id, id === 'snp.leaf.form' ? 'leaf certificate' : 'chain');
}

export function leafForm(what: string): FindingDraft {
  const line = cut(visible(what), 70);
  return failed('snp.leaf.form', {
    subject: 'leaf certificate',
    params: { certificate: 'leaf certificate', what: line },
    actual: line,
    compare: { relation: 'well-formed', type: 'certificate' },
    source: KDS,
    origin: spec,
  });
}

export function links(what: string | undefined): FindingDraft {
  if (what === undefined) return holds('snp.chain.links');
  const line = cut(visible(what), 100);
  return failed('snp.chain.links', {
    subject: 'chain',
    params: { what: line },
    actual: line,
    compare: { relation: 'chains-to', type: 'certificate' },
    source: KDS,
    origin: spec,
    causedBy: ['snp.product.agree'],
  });
}

export function pss(certificate: Certificate): FindingDraft {
  const { name } = certificate.signatureAlgorithm;
  const subject = certificateSubject(certificate);
  if (name === 'rsa-pss-sha384') return passed('snp.chain.pss', subject);
  return failed('snp.chain.pss', {
    subject,
    params: { cn: cut(nameInWords(certificate.subject), 24), actual: cut(name, 40) },
    expected: 'rsa-pss-sha384',
    actual: name,
    compare: { relation: 'equal', type: 'text' },
    source: KDS,
    origin: spec,
  });
}

export function pinnedRoot(root: Certificate, anchor: TrustAnchor | undefined, trust: AmdTrust): FindingDraft[] {
  const subject = certificateSubject(root);
  if (anchor !== undefined) return [passed('snp.chain.root', subject, anchor.name)];
  const cn = cut(nameInWords(root.subject), 40);
  const key = sha256(root.publicKey.der);
  const unknown = failed('snp.chain.root', {
    subject,
    params: { cn, actual: key, expected: cut(anchorNames(trust), 40) },
    expected: anchorDigests(trust),
    actual: key,
    compare: { relation: 'one-of', type: 'key' },
    source: anchorNames(trust),
    origin: { kind: 'pin', name: anchorNames(trust), fingerprint: anchorDigests(trust) },
  });
  if (!saysEmulated(root.subject)) return [unknown];
  return [
    failed('evidence.emulated.root', {
      subject,
      params: { cn, fp: root.fingerprint },
      expected: null,
      actual: root.fingerprint,
      compare: { relation: 'not-in', type: 'certificate' },
      source: 'roots of emulated TEEs that were added by name',
      origin: { kind: 'setting', key: 'trust.emulated_roots', value: null },
    }),
    { ...unknown, causedBy: [{ id: 'evidence.emulated.root', subject }] },
  ];
}

/** A VCEK is issued by `SEV-{product}`, a VLEK by `SEV-VLEK-{product}`. */
export function kind(leaf: AmdLeaf, issuer: Certificate, product: Product): FindingDraft {
  const expected = leaf.kind === 'VCEK' ? `SEV-${product}` : `SEV-VLEK-${product}`;
  const actual = issuer.subject.commonName ?? '';
  if (actual === expected) return passed('snp.chain.kind', `certificate "${actual}"`);
  return failed('snp.chain.kind', {
    subject: certificateSubject(issuer),
    params: { leaf: leaf.kind, actual: cut(nameInWords(issuer.subject), 32), expected },
    expected,
    actual,
    compare: { relation: 'equal', type: 'text' },
    source: KDS,
    origin: spec,
  });
}

const NO_CRL = 'no CRL is at hand: AMD publishes one per product line';

export function noCrl(): FindingDraft[] {
  return (['snp.crl.signature', 'snp.crl.dates', 'snp.ca.revoked'] as const).map((id) =>
    notChecked(id, `not checked: ${NO_CRL}`, { subject: 'CRL' }),
  );
}

export function crlUnread(): FindingDraft[] {
  return [notChecked('snp.crl.dates', 'not checked: the CRL was not read', { subject: 'CRL' }), revocationUnknown()];
}

export function revocationUnknown(): FindingDraft {
  return notChecked('snp.ca.revoked', 'not checked: the CRL was not accepted', { subject: 'CRL' });
}

export function crlSignature(what: string | undefined): FindingDraft {
  if (what === undefined) return passed('snp.crl.signature', 'CRL');
  const line = cut(visible(what), 80);
  return failed('snp.crl.signature', {
    subject: 'CRL',
    params: { what: line },
    actual: line,
    compare: { relation: 'signed-by', type: 'key' },
    source: 'CRL of the ARK, signed with RSA-PSS SHA-384',
    origin: { kind: 'vendor', vendor: 'AMD', document: 'CRL' },
  });
}

export function revocation(certificate: Certificate, crl: CertificateList): FindingDraft {
  const subject = certificateSubject(certificate);
  const date = crl.revoked.get(certificate.serial);
  if (date === undefined) return passed('snp.ca.revoked', subject);
  return failed('snp.ca.revoked', {
    subject,
    params: { cn: cut(nameInWords(certificate.subject), 40), date: utc(date) },
    expected: null,
    actual: { serial: certificate.serial, revoked: utc(date) },
    compare: { relation: 'not-in', type: 'certificate' },
    source: `AMD CRL of ${utc(crl.thisUpdate)}`,
    origin: { kind: 'vendor', vendor: 'AMD', document: 'CRL', issued: utc(crl.thisUpdate) },
  });
}

export function dates(certificate: Certificate, now: Date, clock: string): FindingDraft {
  const { notBefore, notAfter } = certificate;
  const subject = certificateSubject(certificate);
  const where = validity(notBefore, notAfter, now);
  if (where === 'within') return passed('snp.leaf.validity', subject, utc(notAfter));
  const name = cut(nameInWords(certificate.subject), 24);
  return failed('snp.leaf.validity', {
    subject,
    params: {
      certificate: selfIssued(certificate) ? `root ${name}` : name,
      when: where === 'before' ? notYetValid(notBefore, now, clock) : ended(notAfter, now, clock),
    },
    expected: [utc(notBefore), utc(notAfter)],
    actual: utc(now),
    compare: { relation: 'within', type: 'interval' },
    source: `validity of ${subject}`,
    origin: { kind: 'vendor', vendor: 'AMD', document: subject, issued: utc(notBefore), next_update: utc(notAfter) },
  });
}

export function crlDates(crl: CertificateList, now: Date, clock: string): FindingDraft {
  const { thisUpdate, nextUpdate } = crl;
  const early = now < thisUpdate;
  if (!early && nextUpdate !== undefined && now <= nextUpdate) return passed('snp.crl.dates', 'CRL', utc(nextUpdate));
  let when = 'does not say when the next one is due';
  if (early) when = notYetValid(thisUpdate, now, clock);
  else if (nextUpdate !== undefined) when = ended(nextUpdate, now, clock);
  return failed('snp.crl.dates', {
    subject: 'CRL',
    params: { when },
    expected: [utc(thisUpdate), nextUpdate === undefined ? null : utc(nextUpdate)],
    actual: utc(now),
    compare: { relation: 'within', type: 'interval' },
    source: 'dates of the CRL',
    origin: { kind: 'vendor', vendor: 'AMD', document: 'CRL', issued: utc(thisUpdate) },
  });
}
