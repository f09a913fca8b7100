/** NVIDIA's reference integrity manifests: SWID tags with golden measurements, signed as a whole. */
import { DecodeError, decodeHex } from '@assay/bytes';
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
import { type Certificate, checkPath, nameInWords, pinned, type TrustAnchor, validity } from '../../x509/index.js';
import {
  attributeOf,
  childElements,
  type SignedDocument,
  verifyXmlSignature,
  type XmlElement,
} from '../../xmldsig/index.js';
import { anchorNames } from '../chain/roots.js';

const FORMAT = 'RIM';
const SWID = 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd';
const SHA384 = 'http://www.w3.org/2001/04/xmlenc#sha384';
const DIGEST_SIZE = 48;
const MOST_ALTERNATIVES = 64;
const MOST_INDEX = 254;

declare const authentic: unique symbol;
/** A manifest that its signature covers, by a current signer under a trusted root. Only `verifyManifest` makes one. */
export interface AuthenticManifest {
  readonly [authentic]: true;
  readonly id: string;
  /** Version of the driver or VBIOS: `550.90.07`, `96.00.9f.00.01`. */
  readonly version: string;
  /** Alternatives by index of the manifest, which is one less than the index of the report's block; inactive ones are left out. */
  readonly golden: ReadonlyMap<number, readonly Uint8Array[]>;
  readonly certificates: readonly Certificate[];
  readonly anchor: TrustAnchor;
}

export interface ManifestVerification {
  readonly findings: readonly FindingDraft[];
  readonly manifest?: AuthenticManifest;
}

/** Verifies one manifest. Never throws for what it may hold. */
export function verifyManifest(
  bytes: Uint8Array,
  id: string,
  anchors: readonly TrustAnchor[],
  now: Date,
  clock: string,
): ManifestVerification {
  let document: SignedDocument;
  try {
    document = verifyXmlSignature(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const unread = notChecked('nvidia.rim.form', 'not read: nothing stands behind it', { subject: id });
    return { findings: [manifestSignature(id, error.message, anchors), unread] };
  }
  const { certificates } = document;
  const anchor = pinned(certificates[certificates.length - 1] as Certificate, anchors);
  const problem = signerProblem(certificates, anchor, anchors, now, clock);
  const signature =
    problem === undefined ? passed('nvidia.rim.signature', id) : manifestSignature(id, problem, anchors);
  try {
    const content = readManifest(document.root);
    const findings = [passed('nvidia.rim.form', id, content.version), signature];
    if (problem !== undefined || anchor === undefined) return { findings };
    return { findings, manifest: { id, ...content, certificates, anchor } as unknown as AuthenticManifest };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { findings: [manifestForm(id, error.message), signature] };
  }
}

/** Certificates that a manifest brings, for whoever asks about their revocation; empty where it cannot be read. */
export function manifestCertificates(bytes: Uint8Array): readonly Certificate[] {
  try {
    return verifyXmlSignature(bytes).certificates;
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}

function signerProblem(
  certificates: readonly Certificate[],
  anchor: TrustAnchor | undefined,
  anchors: readonly TrustAnchor[],
  now: Date,
  clock: string,
): string | undefined {
  const [signer] = certificates;
  const root = certificates[certificates.length - 1];
  if (signer === undefined || root === undefined || certificates.length < 2) return 'brings no chain of its signer';
  const [broken] = checkPath(certificates);
  if (broken !== undefined) return broken.text;
  if (anchor === undefined) {
    return `signer's chain ends in ${cut(nameInWords(root.subject), 28)}; trusted is ${anchorNames(anchors)}`;
  }
  if (signer.keyUsage !== undefined && !signer.keyUsage.has('digitalSignature')) {
    return `${nameInWords(signer.subject)} may not sign (key usage)`;
  }
  for (const certificate of certificates) {
    const where = validity(certificate.notBefore, certificate.notAfter, now);
    if (where === 'within') continue;
    const when =
      where === 'before' ? notYetValid(certificate.notBefore, now, clock) : ended(certificate.notAfter, now, clock);
    return `${cut(nameInWords(certificate.subject), 20)} ${when}`;
  }
  return undefined;
}

/** Reads the golden measurements of a tag. @throws DecodeError */
function readManifest(root: XmlElement): Pick<AuthenticManifest, 'version' | 'golden'> {
  if (root.local !== 'SoftwareIdentity' || root.namespace !== SWID) throw new DecodeError(FORMAT, 'not a SWID tag');
  const version = attributeOf(only(root, 'Meta'), 'colloquialVersion') ?? '';
  if (!/^[0-9A-Za-z._-]{1,64}$/.test(version)) throw new DecodeError(FORMAT, 'Meta has no version');
  const golden = new Map<number, readonly Uint8Array[]>();
  const seen = new Set<number>();
  for (const resource of childElements(only(root, 'Payload'))) {
    const index = integer(resource, 'index', 0, MOST_INDEX);
    if (resource.local !== 'Resource' || resource.namespace !== SWID) throw new DecodeError(FORMAT, 'not a Resource');
    if (attributeOf(resource, 'type') !== 'Measurement') throw new DecodeError(FORMAT, 'Resource is no measurement');
    if (seen.has(index)) throw new DecodeError(FORMAT, `measurement ${index} stands twice`);
    seen.add(index);
    const values = alternatives(resource, index);
    if (active(resource)) golden.set(index, values);
  }
  if (golden.size === 0) throw new DecodeError(FORMAT, 'no measurement is active');
  return { version, golden };
}

function only(root: XmlElement, local: string): XmlElement {
  const [element, ...others] = childElements(root).filter((child) => child.local === local && child.namespace === SWID);
  if (element === undefined || others.length > 0) throw new DecodeError(FORMAT, `${local} is not there once`);
  return element;
}

function alternatives(resource: XmlElement, index: number): Uint8Array[] {
  const count = integer(resource, 'alternatives', 1, MOST_ALTERNATIVES);
  if (integer(resource, 'size', 0, 64) !== DIGEST_SIZE) throw new DecodeError(FORMAT, `size of measurement ${index}`);
  const values = resource.attributes.filter(({ namespace }) => namespace === SHA384);
  if (values.length !== count)
    throw new DecodeError(FORMAT, `measurement ${index} has ${values.length} of ${count} values`);
  return Array.from({ length: count }, (_, place) => {
    const text = attributeOf(resource, `Hash${place}`, SHA384) ?? '';
    if (!/^[0-9a-fA-F]{96}$/.test(text)) throw new DecodeError(FORMAT, `value ${place} of measurement ${index}`);
    return decodeHex(text.toLowerCase());
  });
}

function active(resource: XmlElement): boolean {
  const text = attributeOf(resource, 'active')?.toLowerCase();
  if (text !== 'true' && text !== 'false') throw new DecodeError(FORMAT, 'active is neither True nor False');
  return text === 'true';
}

function integer(resource: XmlElement, name: string, least: number, most: number): number {
  const text = attributeOf(resource, name) ?? '';
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw new DecodeError(FORMAT, `${name} of a Resource`);
  return value;
}

const SOURCE = 'reference manifest of NVIDIA';

function manifestForm(id: string, what: string): FindingDraft {
  const line = cut(visible(what), 60);
  return failed('nvidia.rim.form', {
    subject: id,
    params: { rim: cut(id, 36), what: line },
    actual: line,
    compare: { relation: 'well-formed', type: 'text' },
    source: SOURCE,
    origin: { kind: 'vendor', vendor: 'NVIDIA', document: id },
  });
}

function manifestSignature(id: string, what: string, anchors: readonly TrustAnchor[]): FindingDraft {
  const line = cut(visible(what), 60);
  return failed('nvidia.rim.signature', {
    subject: id,
    params: { rim: cut(id, 36), what: line },
    actual: cut(visible(what), 160),
    compare: { relation: 'chains-to', type: 'certificate' },
    source: anchorNames(anchors),
    origin: { kind: 'pin', name: anchorNames(anchors) },
  });
}

/** For a verdict: what was used, with the dates of its signer. */
export function manifestUse({ id, certificates }: AuthenticManifest): {
  readonly item: string;
  readonly issued: string;
  readonly next_update: string;
} {
  const [signer] = certificates as readonly [Certificate];
  return { item: `RIM ${id}`, issued: utc(signer.notBefore), next_update: utc(signer.notAfter) };
}
