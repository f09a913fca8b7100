/** Checks that depend on the time of verification; nothing of them is ever kept. */
import {
  type Cause,
  type ClockName,
  distance,
  ended,
  type FindingDraft,
  type FindingId,
  failed,
  notYetValid,
  passed,
  registerEntry,
  utc,
  warned,
} from '@assay/bytes/findings';
import { type Certificate, nameInWords, validity } from '../x509/index.js';
import { named } from './pck/names.js';

/** A statement of the vendor that is good from `from` to `to`. */
export interface DatedItem {
  readonly id: Extract<FindingId, 'dcap.tcbinfo.dates' | 'dcap.qe-identity.dates' | 'dcap.crl.dates'>;
  /** `TCB info`, `root CA CRL` … */
  readonly name: string;
  readonly from: Date;
  readonly to: Date;
}

/** Use of collateral past its next update, by the owner's setting. */
export interface Grace {
  readonly milliseconds: number;
  /** For findings: `collateral.stale_if_error = 24h`. */
  readonly setting: string;
}

export interface Clock {
  readonly now: Date;
  readonly name: ClockName;
  readonly grace: Grace | undefined;
}

export interface DateChecks {
  readonly findings: FindingDraft[];
  /** Something was used, or would have been, past its next update. */
  readonly expired: boolean;
}

const SOURCE = 'validity stated by the vendor';

/** Checks vendor documents: issued ≤ now ≤ next update. */
export function checkItems({ dated }: { readonly dated: readonly DatedItem[] }, clock: Clock): DateChecks {
  const findings: FindingDraft[] = [];
  let expired = false;
  for (const item of dated) {
    const where = validity(item.from, item.to, clock.now);
    expired ||= where === 'after';
    findings.push(...(where === 'within' ? [passed(item.id, item.name)] : outside(item, where, clock)));
  }
  return { findings, expired };
}

/** Certificates with the time in which all of them are good. */
export interface DatedCertificates {
  readonly certificates: readonly Certificate[];
  readonly certificateSpan: { readonly latestIssue: number; readonly earliestExpiration: number } | undefined;
  /** What is said while the time is inside. */
  readonly validityFindings: readonly FindingDraft[];
}

/** Checks the dates of certificates, each once. */
export function checkCertificates(dated: DatedCertificates, clock: Clock): readonly FindingDraft[] {
  const { certificates, certificateSpan: span, validityFindings } = dated;
  const now = clock.now.getTime();
  if (span !== undefined && span.latestIssue <= now && now <= span.earliestExpiration) return validityFindings;
  const findings: FindingDraft[] = [];
  for (const certificate of certificates) {
    const where = validity(certificate.notBefore, certificate.notAfter, clock.now);
    if (where === 'within') {
      findings.push(passed('dcap.pck.validity', named(certificate)));
      continue;
    }
    const relation =
      where === 'before'
        ? notYetValid(certificate.notBefore, clock.now, clock.name)
        : ended(certificate.notAfter, clock.now, clock.name);
    findings.push(
      failed('dcap.pck.validity', {
        subject: named(certificate),
        params: { cn: nameInWords(certificate.subject), relation },
        ...interval(certificate.notBefore, certificate.notAfter, clock),
        ...causesOf('dcap.pck.validity', clock),
      }),
    );
  }
  return findings;
}

function outside(item: DatedItem, where: 'before' | 'after', clock: Clock): FindingDraft[] {
  const { grace, now } = clock;
  const late = now.getTime() - item.to.getTime();
  if (where === 'after' && grace !== undefined && late <= grace.milliseconds) {
    const stale = warned('collateral.item.stale', {
      subject: item.name,
      params: { item: item.name, age: distance(late), setting: grace.setting },
      ...interval(item.from, item.to, clock),
      source: `setting ${grace.setting}`,
      origin: { kind: 'setting', key: grace.setting },
    });
    return [passed(item.id, item.name, utc(item.to)), stale];
  }
  const relation = where === 'before' ? notYetValid(item.from, now, clock.name) : ended(item.to, now, clock.name);
  const facts = { subject: item.name, ...interval(item.from, item.to, clock), ...causesOf(item.id, clock) };
  if (item.id === 'dcap.crl.dates') return [failed(item.id, { ...facts, params: { crl: item.name, relation } })];
  return [failed(item.id, { ...facts, params: { relation } })];
}

/** A clock is no hypothesis where the caller chose the time. */
function causesOf(id: FindingId, clock: Clock): { readonly causes?: readonly Cause[] } {
  if (!clock.name.startsWith('--at')) return {};
  return { causes: registerEntry(id).causes.flatMap((text) => (text.includes('clock') ? [] : [{ text }])) };
}

function interval(from: Date, to: Date, clock: Clock) {
  return {
    expected: { from: utc(from), to: utc(to) },
    actual: utc(clock.now),
    compare: { relation: 'within', type: 'time', display: { expected: `${utc(from)} to ${utc(to)}` } },
    source: SOURCE,
  } as const;
}
