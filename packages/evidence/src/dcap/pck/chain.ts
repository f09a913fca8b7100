/** PCK certificate chain: leaf, Platform or Processor CA, root. Checks that do not depend on time, once per exact bytes. */
import { hash, type KeyObject } from 'node:crypto';
import { DER_TAG, DecodeError, encodeHex } from '@assay/bytes';
import { type FindingDraft, failed, notChecked, passed } from '@assay/bytes/findings';
import {
  type Certificate,
  checkEndEntity,
  checkPath,
  nameInWords,
  orderChain,
  pinned,
  saysEmulated,
  type TrustAnchor,
  vendorKeys,
} from '../../x509/index.js';
import { anchorKeys, type DcapTrust, readChain } from '../roots.js';
import { type PckPlatform, readPckPlatform } from './extension.js';
import { CA_NAMES, isPckName, isRootName, named, PCK_PHRASE, type PckCa, pckCaOf, ROOT_NAME } from './names.js';

/** A PCK chain with what was found about it. Parts are undefined where they could not be read. */
export interface PckChain {
  /** Leaf, intermediate, root; empty when there is no order. */
  readonly certificates: readonly Certificate[];
  readonly leaf: Certificate | undefined;
  readonly intermediate: Certificate | undefined;
  readonly root: Certificate | undefined;
  readonly leafKey: KeyObject | undefined;
  readonly platform: PckPlatform | undefined;
  readonly ca: PckCa | undefined;
  /** The anchor that the root's key is. */
  readonly anchor: TrustAnchor | undefined;
  readonly findings: readonly FindingDraft[];
}

const SUBJECT = 'PCK chain';
const SOURCE = 'Intel SGX PCK certificate profile';
/** Three certificates in PEM are 4 KiB. */
const LARGEST_CHAIN = 64 * 1024;

/**
 * Reads and checks a chain; the answer for the same bytes is kept.
 *
 * @param inQuote chains in quotes are PEM; those from elsewhere may be DER as well
 */
export function pckChain(input: Uint8Array, trust: DcapTrust, inQuote: boolean): PckChain {
  if (input.length > LARGEST_CHAIN) return broken([form(`chain of ${input.length} bytes is too long`)]);
  if (inQuote && input[0] === DER_TAG.sequence) return broken([form('the chain in the quote is DER where PEM is due')]);
  const digest = hash('sha256', input, 'base64');
  const known = trust.chains.get(digest);
  if (known !== undefined) return known;
  const chain = evaluate(input, trust);
  // What is refused is cheap to refuse again, and must not push out what is used.
  if (chain.findings.every(({ outcome }) => outcome === 'pass')) trust.chains.set(digest, chain);
  return chain;
}

/** Says that no chain is at hand. */
export function withoutChain(finding: FindingDraft): PckChain {
  return broken([finding]);
}

function evaluate(input: Uint8Array, trust: DcapTrust): PckChain {
  let certificates: readonly Certificate[];
  try {
    certificates = readChain(input, trust);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return broken([form(error.message)]);
  }
  const path = orderChain(certificates);
  if (typeof path === 'string' || path.length !== 3) {
    const what = typeof path === 'string' ? path : `chain has ${path.length} certificates; 3 are wanted`;
    return broken([passed('dcap.pck.source', SUBJECT), chainProblem(SUBJECT, what)]);
  }
  return checkChain(path, trust);
}

function checkChain(path: readonly Certificate[], trust: DcapTrust): PckChain {
  const [leaf, intermediate, root] = path;
  if (leaf === undefined || intermediate === undefined || root === undefined) return broken([]);
  const findings: FindingDraft[] = [passed('dcap.pck.source', SUBJECT)];
  let platform: PckPlatform | undefined;
  try {
    platform = readPckPlatform(leaf);
    findings.push(passed('dcap.pck.form', named(leaf)));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    findings.push(form(error.message, named(leaf)));
  }
  findings.push(...checkLinks(path, leaf, trust));
  const anchor = pinned(root, trust.anchors);
  findings.push(...rootFindings(root, anchor, trust));
  findings.push(...checkNames(leaf, intermediate, root));
  return {
    certificates: path,
    leaf,
    intermediate,
    root,
    leafKey: vendorKeys.key(leaf.publicKey),
    platform,
    ca: pckCaOf(intermediate),
    anchor,
    findings,
  };
}

function checkLinks(path: readonly Certificate[], leaf: Certificate, trust: DcapTrust): FindingDraft[] {
  const findings = [...checkPath(path, trust.links), ...checkEndEntity(leaf)].map(({ certificate, text }) =>
    chainProblem(named(certificate), text),
  );
  findings.push(...path.flatMap(algorithmProblem).map(({ subject, what }) => chainProblem(subject, what)));
  return findings.length > 0 ? findings : [passed('dcap.pck.chain', SUBJECT)];
}

/** P-256 and ECDSA with SHA-256 throughout. */
export function algorithmProblem(certificate: Certificate): { subject: string; what: string }[] {
  const { publicKey, signatureAlgorithm } = certificate;
  if (publicKey.type === 'ec-p256' && signatureAlgorithm.name === 'ecdsa-sha256') return [];
  const what = `${nameInWords(certificate.subject)} is ${publicKey.type} signed by ${signatureAlgorithm.name}; P-256 is wanted`;
  return [{ subject: named(certificate), what }];
}

/** The pin, and whether a root that is not pinned is that of emulated hardware. */
function rootFindings(root: Certificate, anchor: TrustAnchor | undefined, trust: DcapTrust): FindingDraft[] {
  const cn = nameInWords(root.subject);
  if (anchor !== undefined) {
    const findings = [passed('dcap.pck.root', named(root), anchor.name)];
    return anchor.emulated === true
      ? [...findings, passed('evidence.emulated.root', named(root), root.fingerprint)]
      : findings;
  }
  const [expected = ''] = anchorKeys(trust);
  const actual = encodeHex(root.publicKey.key);
  const emulated = saysEmulated(root.subject);
  const pin = failed('dcap.pck.root', {
    subject: named(root),
    params: { cn, actual, expected },
    expected: anchorKeys(trust),
    actual,
    compare: { relation: 'one-of', type: 'key' },
    source: trust.anchors.map(({ name }) => name).join(', '),
    origin: { kind: 'pin', names: trust.anchors.map(({ name }) => name) },
    ...(emulated ? { causedBy: ['evidence.emulated.root' as const] } : {}),
  });
  if (!emulated) return [pin];
  const named_ = failed('evidence.emulated.root', {
    subject: named(root),
    params: { cn, fp: root.fingerprint },
    expected: null,
    actual: root.fingerprint,
    compare: { relation: 'one-of', type: 'certificate' },
    source: 'roots of emulated hardware that were added by name',
    origin: { kind: 'setting', key: 'trust.emulated_roots' },
  });
  return [named_, pin];
}

function checkNames(leaf: Certificate, intermediate: Certificate, root: Certificate): FindingDraft[] {
  const findings: FindingDraft[] = [];
  if (!isPckName(leaf)) findings.push(wrongName(leaf, `a name with "${PCK_PHRASE}"`, PCK_PHRASE));
  if (pckCaOf(intermediate) === undefined) {
    findings.push(wrongName(intermediate, 'a PCK CA', [CA_NAMES.platform, CA_NAMES.processor]));
  }
  if (!isRootName(root)) findings.push(wrongName(root, ROOT_NAME, ROOT_NAME));
  return findings.length > 0 ? findings : [passed('dcap.pck.names', SUBJECT)];
}

function wrongName(certificate: Certificate, belongs: string, expected: string | string[]): FindingDraft {
  const cn = nameInWords(certificate.subject);
  return failed('dcap.pck.names', {
    subject: named(certificate),
    params: { cn, expected: belongs },
    expected,
    actual: cn,
    compare: { relation: typeof expected === 'string' ? 'equal' : 'one-of', type: 'text' },
    source: SOURCE,
  });
}

function chainProblem(subject: string, what: string): FindingDraft {
  return failed('dcap.pck.chain', {
    subject,
    params: { what },
    compare: { relation: 'chains-to', type: 'certificate' },
    source: SOURCE,
  });
}

function form(what: string, subject = SUBJECT): FindingDraft {
  return failed('dcap.pck.form', {
    subject,
    params: { what },
    compare: { relation: 'well-formed', type: 'certificate' },
    source: SOURCE,
  });
}

/** What leaves a chain unread. */
const BREAKS = ['dcap.pck.source', 'dcap.pck.form', 'dcap.pck.chain'] as const;

function broken(findings: readonly FindingDraft[]): PckChain {
  const unread = (['dcap.pck.form', 'dcap.pck.chain', 'dcap.pck.root', 'dcap.pck.names'] as const)
    .filter((id) => !findings.some((finding) => finding.id === id))
    .map((id) => notChecked(id, 'not checked: the PCK chain was not read', { subject: SUBJECT, causedBy: BREAKS }));
  return {
    certificates: [],
    leaf: undefined,
    intermediate: undefined,
    root: undefined,
    leafKey: undefined,
    platform: undefined,
    ca: undefined,
    anchor: undefined,
    findings: [...findings, ...unread],
  };
}
