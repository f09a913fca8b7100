/**
 * Certificates of attestation keys (TCG EK Credential Profile and AK certificates of cloud providers): a path to a root that
 * the owner named.
 */
import { constantTimeEqual, DER_TAG, DecodeError, DerReader, decodePem, decodeUtf8 } from '@assay/bytes';
import { utc } from '@assay/bytes/findings';
import {
  type Certificate,
  checkCriticalExtensions,
  checkEndEntity,
  checkLink,
  extensionReader,
  nameInWords,
  parseCertificate,
  pinned,
  sameName,
  selfIssued,
  type TrustAnchor,
  validity,
} from '../../x509/index.js';
import { isGoogleKey } from './google.js';

/** Roots (or intermediates) that may certify attestation keys. */
export interface AkRoots {
  /** Keys that are trusted. */
  readonly anchors: readonly TrustAnchor[];
  /** Their certificates, as far as they are at hand: chains in the field leave their root out. */
  readonly certificates: readonly Certificate[];
}

/** Certificates named by the owner. */
export function akRootsOf(certificates: readonly Certificate[], emulated: readonly TrustAnchor[] = []): AkRoots {
  return {
    certificates,
    anchors: [
      ...certificates.map(({ subject, publicKey }) => ({
        name: `AK root ${nameInWords(subject)}`,
        publicKey: publicKey.der,
      })),
      ...emulated.map((anchor) => ({ ...anchor, emulated: true as const })),
    ],
  };
}

export interface AkCertificateExamination {
  /** Leaf first, as far as the path could be followed. */
  readonly path: readonly Certificate[];
  /** One line each, in the wording of findings. */
  readonly problems: readonly string[];
  readonly keyMatches: boolean;
  /** Names of issuers and signatures fit, from the leaf to the last certificate of the path. */
  readonly linksHold: boolean;
  /** The trusted root that the path ends in. */
  readonly anchor: TrustAnchor | undefined;
}

/** Extended key usage of an attestation key: tcg-kp-AIKCertificate. */
const AIK_CERTIFICATE = '2.23.133.8.3';
const EXTENDED_KEY_USAGE = '2.5.29.37';
/** Extensions of AK certificates that may be critical: what they say of the device and its policies is not read. */
const TOLERATED = [EXTENDED_KEY_USAGE, '2.5.29.17', '2.5.29.32'];
const LONGEST_PATH = 8;
const LARGEST_CHAIN = 64 * 1024;
const MOST_CERTIFICATES = 8;

/** Reads a chain, leaf first: PEM or DER, with or without zeros behind each certificate, as NV indexes have them. @throws DecodeError */
export function parseAkCertificates(bytes: Uint8Array): readonly [leaf: Certificate, ...others: Certificate[]] {
  if (bytes.length > LARGEST_CHAIN) throw new DecodeError('AK certificate', `${bytes.length} bytes are too many`);
  const blocks = bytes[0] === DER_TAG.sequence ? [bytes] : pemBlocks(bytes);
  const ders = blocks.flatMap(withoutPadding);
  if (ders.length > MOST_CERTIFICATES) {
    throw new DecodeError('AK certificate', `${ders.length} certificates are too many`);
  }
  const [leaf, ...others] = ders.map((der) => parseCertificate(der));
  if (leaf === undefined) throw new DecodeError('AK certificate', 'no certificate');
  return [leaf, ...others];
}

function pemBlocks(bytes: Uint8Array): Uint8Array[] {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return decodePem(decodeUtf8(bytes.subarray(0, end))).map((block) => {
    if (block.label !== 'CERTIFICATE') throw new DecodeError('PEM', `block ${block.label} is not a CERTIFICATE`);
    return block.bytes;
  });
}

/** The certificates of a block; what follows the last one is zero: the index is longer than what it holds. */
function withoutPadding(block: Uint8Array): Uint8Array[] {
  const ders: Uint8Array[] = [];
  const reader = new DerReader(block);
  while (!reader.atEnd && reader.peekTag() === DER_TAG.sequence) ders.push(reader.element(DER_TAG.sequence).encoded);
  const used = ders.reduce((length, der) => length + der.length, 0);
  if (block.subarray(used).some((byte) => byte !== 0)) {
    throw new DecodeError('AK certificate', 'something other than zeros follows', used);
  }
  return ders;
}

/**
 * Examines the certificate of a key. Everything is asked, whatever the answers before.
 *
 * @param spki key that the leaf must have
 * @param others intermediates that came along, in any order
 */
export function examineAkCertificate(
  leaf: Certificate,
  others: readonly Certificate[],
  spki: Uint8Array,
  roots: AkRoots,
  now: Date,
): AkCertificateExamination {
  const keyMatches = constantTimeEqual(leaf.publicKey.der, spki);
  const path = pathOf(leaf, [...others, ...roots.certificates], roots);
  const links = path.flatMap((certificate, index) => {
    const issuer = path[index + 1];
    return issuer === undefined ? [] : checkLink(certificate, issuer, index);
  });
  const last = path.at(-1) ?? leaf;
  const anchor = pinned(last, roots.anchors);
  return {
    path,
    keyMatches,
    linksHold: links.length === 0,
    anchor,
    problems: [
      ...(keyMatches ? [] : ['it is for another key than the AK']),
      ...links.map(({ text }) => text),
      ...path.flatMap((certificate) => checkCriticalExtensions(certificate, TOLERATED).map(({ text }) => text)),
      ...checkEndEntity(leaf).map(({ text }) => text),
      ...usage(leaf),
      ...path.flatMap((certificate) => dates(certificate, now)),
      ...(anchor === undefined ? [`${nameInWords(last.subject)} is no root that the owner named`] : []),
    ],
  };
}

/** From the leaf up to the first certificate that is trusted, or as far as issuers are at hand. */
function pathOf(leaf: Certificate, candidates: readonly Certificate[], { anchors }: AkRoots): Certificate[] {
  const path = [leaf];
  for (let last = leaf; path.length < LONGEST_PATH; ) {
    if (pinned(last, anchors) !== undefined || selfIssued(last)) return path;
    const child = last;
    const named = candidates.filter(({ subject }) => sameName(subject, child.issuer));
    // Roots are renewed under one name: the one whose key signed is meant.
    const issuer = named.find((candidate) => checkLink(child, candidate, path.length - 1).length === 0) ?? named[0];
    if (issuer === undefined || path.includes(issuer)) return path;
    path.push(issuer);
    last = issuer;
  }
  return path;
}

function usage(leaf: Certificate): string[] {
  const signs = leaf.keyUsage === undefined || leaf.keyUsage.has('digitalSignature');
  return [
    ...(signs ? [] : ['its key may not sign (key usage)']),
    ...(extendedUsages(leaf).includes(AIK_CERTIFICATE) || isGoogleKey(leaf, 'attestation')
      ? []
      : [`extended key usage ${AIK_CERTIFICATE} (attestation key) is not in it`]),
  ];
}

/** Object identifiers of the extended key usage; an extension that does not parse has none. */
function extendedUsages({ extensions }: Certificate): string[] {
  try {
    const reader = extensionReader(extensions, EXTENDED_KEY_USAGE);
    if (reader === undefined) return [];
    const usages: string[] = [];
    for (const list = reader.sequence(); !list.atEnd; ) usages.push(list.oid());
    reader.end();
    return usages;
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}

function dates(certificate: Certificate, now: Date): string[] {
  const { notAfter, notBefore, subject } = certificate;
  const when = validity(notBefore, notAfter, now);
  if (when === 'within') return [];
  const name = nameInWords(subject);
  return [when === 'before' ? `${name} begins ${utc(notBefore)}` : `${name} ended ${utc(notAfter)}`];
}
