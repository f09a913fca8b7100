/** Certificate chain of a device: leaf first, pinned root last (sheet of NVIDIA's attestation, and RFC 5280 section 6). */
import { createHash } from 'node:crypto';
import { DecodeError } from '@assay/bytes';
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
  certificateSubject,
  checkPath,
  LruMap,
  nameInWords,
  parseCertificates,
  pinned,
  saysEmulated,
  type TrustAnchor,
  validity,
} from '../../x509/index.js';
import { anchorDigests, anchorNames } from './roots.js';

/** Root and leaf at least. */
const SHORTEST_CHAIN = 2;
/** Links of certificates that are the same for every device of a kind, and of some hundred devices. */
const links = new LruMap<ReturnType<typeof checkPath>>(2048);

const SOURCE = 'certificate chain of the device';
const origin = { kind: 'vendor', vendor: 'NVIDIA', document: 'device certificate chain' } as const;

export interface ChainExamination {
  readonly findings: readonly FindingDraft[];
  /** As they came, leaf first; empty where they could not be read. */
  readonly certificates: readonly Certificate[];
  /** Every link holds and there are enough of them. */
  readonly linked: boolean;
  /** The anchor that the last certificate is. */
  readonly anchor?: TrustAnchor;
  /** Linked, pinned, and valid now. */
  readonly trusted: boolean;
}

/** Examines a chain. Never throws for what it may hold. */
export function examineChain(
  chain: Uint8Array,
  gpu: string,
  anchors: readonly TrustAnchor[],
  now: Date,
  clock: string,
): ChainExamination {
  let certificates: readonly Certificate[];
  try {
    certificates = parseCertificates(chain);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const unread = ['nvidia.chain.links', 'nvidia.chain.root', 'nvidia.chain.validity'] as const;
    return {
      findings: [
        chainForm(gpu, error.message),
        ...unread.map((id) => notChecked(id, 'not checked: the chain was not read', { subject: gpu })),
      ],
      certificates: [],
      linked: false,
      trusted: false,
    };
  }
  const long = certificates.length >= SHORTEST_CHAIN;
  const form = long
    ? passed('nvidia.chain.form', gpu, certificates.length)
    : chainForm(gpu, `${certificates.length} certificate; ${SHORTEST_CHAIN} or more are wanted`);
  const problem = linkProblem(certificates);
  const anchor = pinned(certificates[certificates.length - 1] as Certificate, anchors);
  const root = pinnedRoot(certificates[certificates.length - 1] as Certificate, anchor, anchors, gpu);
  const dates = certificates.map((certificate) => judgeDates(certificate, gpu, now, clock));
  const findings = [form, chainLinks(gpu, problem), ...root, ...dates];
  const linked = long && problem === undefined;
  return {
    findings,
    certificates,
    linked,
    ...(anchor === undefined ? {} : { anchor }),
    trusted: linked && anchor !== undefined && dates.every(({ outcome }) => outcome === 'pass'),
  };
}

/** The first thing that is wrong with names, signatures, CA flags, key usage and critical extensions. */
function linkProblem(path: readonly Certificate[]): string | undefined {
  const name = createHash('sha256')
    .update(path.map(({ fingerprint }) => fingerprint).join(' '))
    .digest('base64');
  const known = links.get(name);
  const problems = known ?? checkPath(path);
  if (known === undefined) links.set(name, problems);
  const [first] = problems;
  if (first !== undefined) return first.text;
  // RFC 5280 lets a CA do without keyUsage; NVIDIA's all have it, so that one without is none of them.
  const [, ...issuers] = path;
  const bare = issuers.find(({ keyUsage }) => keyUsage === undefined);
  return bare === undefined ? undefined : `${nameInWords(bare.subject)} may not sign certificates (no key usage)`;
}

function chainForm(gpu: string, what: string): FindingDraft {
  const line = cut(visible(what), 60);
  return failed('nvidia.chain.form', {
    subject: gpu,
    params: { gpu, what: line },
    actual: line,
    compare: { relation: 'well-formed', type: 'certificate' },
    source: SOURCE,
    origin,
  });
}

function chainLinks(gpu: string, what: string | undefined): FindingDraft {
  if (what === undefined) return passed('nvidia.chain.links', gpu);
  const line = cut(visible(what), 70);
  return failed('nvidia.chain.links', {
    subject: gpu,
    params: { gpu, what: line },
    actual: line,
    compare: { relation: 'chains-to', type: 'certificate' },
    source: SOURCE,
    origin,
  });
}

function pinnedRoot(
  root: Certificate,
  anchor: TrustAnchor | undefined,
  anchors: readonly TrustAnchor[],
  gpu: string,
): FindingDraft[] {
  const subject = gpu;
  if (anchor !== undefined) return [passed('nvidia.chain.root', subject, anchor.name)];
  const cn = cut(nameInWords(root.subject), 24);
  const key = createHash('sha256').update(root.publicKey.der).digest('hex');
  const unknown = failed('nvidia.chain.root', {
    subject,
    params: { gpu, cn, actual: key, expected: anchorDigests(anchors)[0] ?? '' },
    expected: anchorDigests(anchors),
    actual: key,
    compare: { relation: 'one-of', type: 'key' },
    source: anchorNames(anchors),
    origin: { kind: 'pin', name: anchorNames(anchors), fingerprint: anchorDigests(anchors) },
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

function judgeDates(certificate: Certificate, gpu: string, now: Date, clock: string): FindingDraft {
  const { notBefore, notAfter } = certificate;
  const where = validity(notBefore, notAfter, now);
  if (where === 'within') return passed('nvidia.chain.validity', gpu, utc(notAfter));
  return failed('nvidia.chain.validity', {
    subject: gpu,
    params: {
      cn: cut(nameInWords(certificate.subject), 24),
      gpu,
      when: where === 'before' ? notYetValid(notBefore, now, clock) : ended(notAfter, now, clock),
    },
    expected: [utc(notBefore), utc(notAfter)],
    actual: utc(now),
    compare: { relation: 'within', type: 'interval' },
    source: `validity of ${certificateSubject(certificate)}`,
    origin: { ...origin, issued: utc(notBefore), next_update: utc(notAfter) },
  });
}
