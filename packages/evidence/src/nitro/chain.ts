/** Certificates of a document: the leaf, its authorities root first, the pinned root, and the dates. */
import { DecodeError, encodeHex } from '@assay/bytes';
import {
  type ClockName,
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
  checkEndEntity,
  checkPath,
  nameInWords,
  parseCertificate,
  pinned,
  type TrustAnchor,
  validity,
} from '../x509/index.js';
import type { DocumentParse } from './document.js';
import { keyDigest, type NitroTrust } from './roots.js';

const origin = { kind: 'vendor', vendor: 'AWS', document: 'certificates of the attestation document' } as const;
const source = 'certificates of the attestation document';

/** Answers about the certificates; none of them depends on time. */
export interface ChainExamination {
  readonly findings: readonly FindingDraft[];
  /** Leaf first; undefined when a certificate was not read. */
  readonly path?: readonly Certificate[];
  readonly leaf?: Certificate;
  readonly linked: boolean;
  /** The anchor whose key the last certificate of the path has. */
  readonly anchor?: TrustAnchor;
}

/** Reads and checks the path from the leaf to the root, in the order in which the document has it. */
export function examineChain(certificates: DocumentParse['certificates'], trust: NitroTrust): ChainExamination {
  if (certificates === undefined) return { findings: unread('the document was not read'), linked: false };
  const ders = [certificates.leaf, ...certificates.authorities.toReversed()];
  const path: Certificate[] = [];
  const problems: FindingDraft[] = [];
  for (const [index, der] of ders.entries()) {
    try {
      path.push(parseCertificate(der));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const which = index === 0 ? 'the leaf' : `certificate ${ders.length - index} of cabundle`;
      problems.push(broken(`${which} is not read: ${visible(error.message)}`, which));
    }
  }
  const [leaf] = path;
  const root = path.at(-1);
  if (problems.length > 0 || leaf === undefined || root === undefined) {
    return { findings: [...problems, ...unread('a certificate was not read').slice(1)], linked: false };
  }
  for (const { certificate, text } of [...checkPath(path, trust.links), ...checkEndEntity(leaf)]) {
    problems.push(broken(text, nameInWords(certificate.subject)));
  }
  problems.push(...checkLeaf(leaf));
  const anchor = pinned(root, trust.anchors);
  const links = problems.length === 0 ? [passed('nitro.chain.links', 'certificates', path.length)] : problems;
  return {
    findings: [...links, judgeRoot(root, anchor, trust)],
    path,
    leaf,
    linked: problems.length === 0,
    ...(anchor === undefined ? {} : { anchor }),
  };
}

/** ES384 wants a key on P-384, and a certificate that says what its key is for must say signatures. */
function checkLeaf({ keyUsage, publicKey, subject }: Certificate): FindingDraft[] {
  const name = nameInWords(subject);
  return [
    ...(publicKey.type === 'ec-p384' ? [] : [broken(`key of ${name} is ${publicKey.type}; ec-p384 is due`, name)]),
    ...(keyUsage === undefined || keyUsage.has('digitalSignature')
      ? []
      : [broken(`${name} may not sign (key usage)`, name)]),
  ];
}

function judgeRoot(root: Certificate, anchor: TrustAnchor | undefined, { anchors }: NitroTrust): FindingDraft {
  if (anchor !== undefined) return passed('nitro.chain.root', 'root', anchor.name);
  const [actual, expected] = [keyDigest(root.publicKey.der), anchors.map(({ publicKey }) => keyDigest(publicKey))];
  return failed('nitro.chain.root', {
    subject: 'root',
    params: { cn: nameInWords(root.subject), actual, expected: expected[0] ?? '' },
    expected: expected.length === 1 ? (expected[0] ?? '') : expected,
    actual,
    compare: { relation: expected.length === 1 ? 'equal' : 'one-of', type: 'key' },
    source: anchors.map(({ name }) => name).join(', '),
    origin: { kind: 'pin', what: 'AWS Nitro Enclaves root' },
  });
}

/**
 * Dates of every certificate and of the document. The end of a certificate is exact; its beginning, and the document's
 * time, may be ahead of `now` by the allowed skew.
 *
 * @param timestamp undefined when the document's form is not right
 * @param skew seconds
 */
export function judgeDates(
  path: readonly Certificate[] | undefined,
  timestamp: Date | undefined,
  now: Date,
  skew: number,
  clock: ClockName,
): readonly FindingDraft[] {
  const [leaf] = path ?? [];
  if (path === undefined || leaf === undefined || timestamp === undefined) {
    return [notChecked('nitro.chain.validity', 'not checked: the document was not read', { subject: 'certificates' })];
  }
  const early = (date: Date): Date => new Date(date.getTime() - skew * 1000);
  const findings = path.flatMap(({ notAfter, notBefore, subject }): FindingDraft[] => {
    const where = validity(early(notBefore), notAfter, now);
    if (where === 'within') return [];
    const when = where === 'after' ? ended(notAfter, now, clock) : notYetValid(notBefore, now, clock);
    return [outside(nameInWords(subject), when, [notBefore, notAfter], now)];
  });
  if (validity(early(leaf.notBefore), leaf.notAfter, timestamp) !== 'within') {
    const when = `made ${utc(timestamp)}, outside the dates of its certificate`;
    findings.push(outside('document', when, [leaf.notBefore, leaf.notAfter], timestamp));
  } else if (now < early(timestamp)) {
    findings.push(outside('document', notYetValid(timestamp, now, clock), [timestamp, leaf.notAfter], now));
  }
  return findings.length === 0 ? [passed('nitro.chain.validity', 'certificates', utc(leaf.notAfter))] : findings;
}

function outside(what: string, when: string, [from, to]: readonly [Date, Date], actual: Date): FindingDraft {
  return failed('nitro.chain.validity', {
    subject: what,
    params: { what: cut(visible(what), 32), when },
    expected: [utc(from), utc(to)],
    actual: utc(actual),
    compare: { relation: 'within', type: 'interval' },
    source,
    origin,
  });
}

function broken(what: string, subject: string): FindingDraft {
  return failed('nitro.chain.links', {
    subject: cut(visible(subject), 64),
    params: { what },
    expected: 'a chain in which every certificate is issued by the next one',
    actual: cut(what, 200),
    compare: { relation: 'chains-to', type: 'certificate' },
    source,
    origin,
  });
}

function unread(why: string): FindingDraft[] {
  return (['nitro.chain.links', 'nitro.chain.root'] as const).map((id) =>
    notChecked(id, `not checked: ${why}`, { subject: 'certificates' }),
  );
}

/** For findings: the key of a certificate. */
export function keyHex({ publicKey }: Certificate): string {
  return encodeHex(publicKey.key);
}
