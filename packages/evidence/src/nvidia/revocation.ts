/** Revocation of NVIDIA's certificates, by the OCSP answers that came along. */
import { createHash } from 'node:crypto';
import {
  type CollateralUse,
  cut,
  type FindingDraft,
  failed,
  notChecked,
  passed,
  utc,
  visible,
  warned,
} from '@assay/bytes/findings';
import { verifyOcsp } from '../ocsp/index.js';
import type { Endorsements } from '../verifier.js';
import { type Certificate, nameInWords } from '../x509/index.js';
import type { Demand } from './rules.js';

export interface Revocation {
  readonly findings: readonly FindingDraft[];
  readonly uses: readonly CollateralUse[];
  /** Every certificate that was asked about is good. */
  readonly good: boolean;
}

export interface RevocationInput {
  /** A verified path, leaf first. */
  readonly path: readonly Certificate[];
  /** The first certificate that is asked about: a device issues its own leaf, which no responder knows. */
  readonly from: number;
  readonly subject: string;
  readonly endorsements: Endorsements;
  readonly demand: Demand;
  readonly now: Date;
  readonly clock: string;
}

/** Names of the endorsements about one certificate, by its issuer's key and its serial number: the answer, and the nonce that was asked with. */
export function ocspNames(
  { serial }: Certificate,
  issuer: Certificate,
): { readonly response: string; readonly nonce: string } {
  const key = createHash('sha256').update(issuer.publicKey.der).digest('hex');
  return { response: `ocsp:${key}:${serial}`, nonce: `ocsp_nonce:${key}:${serial}` };
}

/** Judges every certificate between the leaf and the root. */
export function judgeRevocation(input: RevocationInput): Revocation {
  const { demand, from, path, subject } = input;
  const asked = path.slice(from, -1);
  if (demand === 'off') {
    const off = notChecked('nvidia.chain.revoked', 'not asked: `nvidia.ocsp` is off', {
      subject,
      origin: { kind: 'setting', key: 'nvidia.ocsp', value: 'off' },
    });
    return { findings: [off], uses: [], good: false };
  }
  const judged = asked.map((certificate, index) => judgeOne(certificate, path.slice(from + index + 1), input));
  return {
    findings: judged.map(({ finding }) => finding),
    uses: judged.flatMap(({ use }) => (use === undefined ? [] : [use])),
    good: judged.length > 0 && judged.every(({ finding }) => finding.outcome === 'pass'),
  };
}

function judgeOne(
  certificate: Certificate,
  issuers: readonly Certificate[],
  { clock, demand, endorsements, now, subject }: RevocationInput,
): { readonly finding: FindingDraft; readonly use?: CollateralUse } {
  const [issuer = certificate] = issuers;
  const names = ocspNames(certificate, issuer);
  const cn = cut(visible(nameInWords(certificate.subject)), 36);
  const response = named(endorsements, names.response);
  if (response === undefined) return { finding: missing(cn, subject, demand) };
  const nonce = named(endorsements, names.nonce);
  const result = verifyOcsp({ response, certificate, issuers, ...(nonce === undefined ? {} : { nonce }), now, clock });
  if ('problem' in result) return { finding: unusable(cn, subject, demand, result.problem) };
  const { nextUpdate, revokedAt, status, thisUpdate } = result;
  const use = {
    item: `OCSP status of ${cn}`,
    issued: utc(thisUpdate),
    ...(nextUpdate === undefined ? {} : { next_update: utc(nextUpdate) }),
  };
  if (status === 'good') return { finding: passed('nvidia.chain.revoked', subject, cn), use };
  const words = revokedAt === undefined ? status : `${status} since ${utc(revokedAt)}`;
  const finding = failed('nvidia.chain.revoked', {
    subject,
    params: { cn, status: words },
    expected: 'good',
    actual: words,
    compare: { relation: 'equal', type: 'certificate' },
    source: `OCSP answer of ${utc(thisUpdate)}`,
    origin: { kind: 'vendor', vendor: 'NVIDIA', document: 'OCSP', issued: utc(thisUpdate) },
  });
  return { finding, use };
}

function missing(cn: string, subject: string, demand: Demand): FindingDraft {
  if (demand !== 'required') {
    return notChecked('nvidia.chain.revoked', `not checked: no OCSP answer about ${cn} is at hand`, { subject });
  }
  return failed('nvidia.ocsp.missing', {
    subject,
    params: { cn },
    expected: 'an OCSP answer',
    actual: null,
    compare: { relation: 'present', type: 'certificate' },
    source: 'rule of the owner: nvidia.ocsp',
    origin: { kind: 'setting', key: 'nvidia.ocsp', value: 'required' },
  });
}

/** An answer that nobody may give counts as none: what it takes to forge one is what it takes to hold one back. */
function unusable(cn: string, subject: string, demand: Demand, problem: string): FindingDraft {
  const line = cut(visible(problem), 60);
  const facts = {
    subject,
    params: { cn, what: line },
    expected: 'a signed and current answer',
    actual: line,
    compare: { relation: 'well-formed', type: 'certificate' },
    source: 'RFC 6960, section 3.2',
    origin: { kind: 'vendor', vendor: 'NVIDIA', document: 'OCSP' },
  } as const;
  return demand === 'required' ? failed('nvidia.ocsp.answer', facts) : warned('nvidia.ocsp.answer', facts);
}

function named(endorsements: Endorsements, name: string): Uint8Array | undefined {
  const bytes = Object.hasOwn(endorsements, name) ? endorsements[name] : undefined;
  return bytes === undefined || bytes.length === 0 ? undefined : bytes;
}
