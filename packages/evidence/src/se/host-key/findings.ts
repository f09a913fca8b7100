/** Findings about host-key documents and what they hang on, in one place so that their facts have one form. */
import { cut, ended, type FindingDraft, failed, notYetValid, passed, utc, visible } from '@assay/bytes/findings';
import { type Certificate, validity as standing } from '../../x509/index.js';
import type { Authorities, AuthorityAnswer, IssuedCrl } from './authorities.js';

const GUIDE = 'IBM Secure Execution, verifying host-key documents';
const spec = { kind: 'spec', document: GUIDE } as const;
const vendor = (document: string) => ({ kind: 'vendor', vendor: 'IBM', document }) as const;

type Rule =
  | 'se.host-key.form'
  | 'se.host-key.trust'
  | 'se.signing-key.subject'
  | 'se.signing-key.chain'
  | 'se.crl.trust';

function rule(id: Rule, subject: string, what: string | undefined): FindingDraft {
  if (what === undefined) return passed(id, subject);
  const line = cut(visible(what), 64);
  return failed(id, {
    subject,
    params: { certificate: cut(subject, 32), what: line },
    actual: visible(what),
    compare: { relation: id === 'se.host-key.form' ? 'well-formed' : 'chains-to', type: 'certificate' },
    source: GUIDE,
    origin: spec,
  });
}

export const form = (subject: string, what?: string): FindingDraft => rule('se.host-key.form', subject, what);
export const trust = (subject: string, what?: string): FindingDraft => rule('se.host-key.trust', subject, what);

/** Every answer about the authorities, as a finding. */
export function authorities({ answers }: Authorities): FindingDraft[] {
  return answers.map(({ question, subject, fault }) => say(question, subject, fault));
}

function say(question: AuthorityAnswer['question'], subject: string, fault: string | undefined): FindingDraft {
  switch (question) {
    case 'subject':
      return rule('se.signing-key.subject', subject, fault);
    case 'chain':
      return rule('se.signing-key.chain', subject, fault);
    case 'crl':
      return rule('se.crl.trust', subject, fault);
    case 'crl-missing':
      return crlMissing(subject);
    case 'revoked':
      return revoked(subject, fault);
  }
}

export function crlMissing(name: string): FindingDraft {
  return failed('se.crl.missing', {
    subject: name,
    params: { crl: name },
    expected: name,
    actual: null,
    compare: { relation: 'present', type: 'certificate' },
    source: GUIDE,
    origin: vendor(name),
  });
}

export function revoked(subject: string, date: string | undefined): FindingDraft {
  if (date === undefined) return passed('se.host-key.revoked', subject);
  return failed('se.host-key.revoked', {
    subject,
    params: { certificate: cut(subject, 48), date },
    expected: null,
    actual: date,
    compare: { relation: 'not-in', type: 'certificate' },
    source: 'CRL of its issuer',
    origin: vendor('CRL'),
  });
}

export function validity(
  subject: string,
  { notBefore, notAfter }: Certificate,
  now: Date,
  clock: string,
): FindingDraft {
  const where = standing(notBefore, notAfter, now);
  if (where === 'within') return passed('se.host-key.validity', subject, utc(notAfter));
  return failed('se.host-key.validity', {
    subject,
    params: {
      certificate: cut(subject, 32),
      when: where === 'before' ? notYetValid(notBefore, now, clock) : ended(notAfter, now, clock),
    },
    expected: [utc(notBefore), utc(notAfter)],
    actual: utc(now),
    compare: { relation: 'within', type: 'interval' },
    source: `validity of the ${subject}`,
    origin: { ...vendor(subject), issued: utc(notBefore), next_update: utc(notAfter) },
  });
}

export function crlDates(
  { list: { thisUpdate, nextUpdate }, name }: IssuedCrl,
  now: Date,
  clock: string,
): FindingDraft {
  const early = now < thisUpdate;
  if (!early && nextUpdate !== undefined && now <= nextUpdate) return passed('se.crl.dates', name, utc(nextUpdate));
  let when = 'does not say when the next one is due';
  if (early) when = notYetValid(thisUpdate, now, clock);
  else if (nextUpdate !== undefined) when = ended(nextUpdate, now, clock);
  return failed('se.crl.dates', {
    subject: name,
    params: { crl: name, when },
    expected: [utc(thisUpdate), nextUpdate === undefined ? null : utc(nextUpdate)],
    actual: utc(now),
    compare: { relation: 'within', type: 'interval' },
    source: `dates of the ${name}`,
    origin: { ...vendor(name), issued: utc(thisUpdate) },
  });
}
