import { contextTag, DER_TAG, DecodeError, type DerElement, DerReader, decodeText } from '@assay/bytes';

/** Object identifiers of the extensions that are understood here. */
export const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  issuingDistributionPoint: '2.5.29.28',
  deltaCrlIndicator: '2.5.29.27',
} as const;

/** One extension as it stands; `value` is the content of its OCTET STRING. */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
  /** Offset of the value in the certificate or CRL. */
  readonly offset: number;
}

export type KeyUsage =
  | 'digitalSignature'
  | 'nonRepudiation'
  | 'keyEncipherment'
  | 'dataEncipherment'
  | 'keyAgreement'
  | 'keyCertSign'
  | 'cRLSign'
  | 'encipherOnly'
  | 'decipherOnly';

export interface BasicConstraints {
  readonly ca: boolean;
  /** Intermediate certificates that may follow; undefined: no limit. */
  readonly pathLength: number | undefined;
}

/** Order of the bits in KeyUsage (RFC 5280 section 4.2.1.3). */
const KEY_USAGES: readonly KeyUsage[] = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
];

const MOST_EXTENSIONS = 64;

/** Reads Extensions; an extension that stands twice is refused (RFC 5280 section 4.2). @throws DecodeError */
export function readExtensions(reader: DerReader): Extension[] {
  const extensions: Extension[] = [];
  const seen = new Set<string>();
  while (!reader.atEnd) {
    const at = reader.offset;
    const inner = reader.sequence();
    const oid = inner.oid();
    // FALSE written out is not DER, yet certificates have it; the meaning is the same.
    const critical = inner.peekTag() === DER_TAG.boolean ? inner.boolean() : false;
    const element = inner.element(DER_TAG.octetString);
    inner.end();
    if (seen.has(oid)) throw new DecodeError('X.509 extensions', `extension ${oid} stands twice`, at);
    seen.add(oid);
    if (seen.size > MOST_EXTENSIONS) throw new DecodeError('X.509 extensions', 'too many extensions', at);
    extensions.push({ oid, critical, value: element.content, offset: element.contentOffset });
  }
  return extensions;
}

/** A reader of the extension's value; undefined when the extension is absent. */
export function extensionReader(extensions: readonly Extension[], oid: string): DerReader | undefined {
  const extension = extensions.find((candidate) => candidate.oid === oid);
  return extension === undefined ? undefined : new DerReader(extension.value, extension.offset);
}

/** @throws DecodeError */
export function readBasicConstraints(extensions: readonly Extension[]): BasicConstraints | undefined {
  const outer = extensionReader(extensions, EXTENSION.basicConstraints);
  if (outer === undefined) return undefined;
  const inner = outer.sequence();
  const ca = inner.peekTag() === DER_TAG.boolean ? inner.boolean() : false;
  const pathLength = inner.atEnd ? undefined : inner.smallInteger();
  inner.end();
  outer.end();
  return { ca, pathLength };
}

/** @throws DecodeError */
export function readKeyUsage(extensions: readonly Extension[]): ReadonlySet<KeyUsage> | undefined {
  const reader = extensionReader(extensions, EXTENSION.keyUsage);
  if (reader === undefined) return undefined;
  const { bytes } = reader.bitString();
  reader.end();
  return new Set(KEY_USAGES.filter((_, bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0));
}

/** @throws DecodeError */
export function readSubjectKeyIdentifier(extensions: readonly Extension[]): Uint8Array | undefined {
  const reader = extensionReader(extensions, EXTENSION.subjectKeyIdentifier);
  if (reader === undefined) return undefined;
  const identifier = reader.octetString();
  reader.end();
  return identifier;
}

/** The keyIdentifier member; issuer and serial number forms give undefined. @throws DecodeError */
export function readAuthorityKeyIdentifier(extensions: readonly Extension[]): Uint8Array | undefined {
  const outer = extensionReader(extensions, EXTENSION.authorityKeyIdentifier);
  if (outer === undefined) return undefined;
  const inner = outer.sequence();
  outer.end();
  return inner.optional(contextTag(0, false))?.content;
}

/** URLs of full names among the distribution points (RFC 5280 section 4.2.1.13). @throws DecodeError */
export function readDistributionPoints(extensions: readonly Extension[]): string[] {
  const outer = extensionReader(extensions, EXTENSION.crlDistributionPoints);
  if (outer === undefined) return [];
  const urls: string[] = [];
  for (const points = outer.sequence(); !points.atEnd; ) {
    const names = points.sequence().explicit(0)?.explicit(0);
    while (names !== undefined && !names.atEnd) {
      const name = names.any();
      if (name.tag === contextTag(6, false)) urls.push(ia5(name));
    }
  }
  outer.end();
  return urls;
}

/** An implicitly tagged IA5String. */
function ia5(element: DerElement): string {
  return decodeText(element, DER_TAG.ia5String);
}
