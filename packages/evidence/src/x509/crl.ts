import { DER_TAG, DecodeError, type DerElement, DerReader, decodePem, decodeUtf8 } from '@assay/bytes';
import { type AlgorithmIdentifier, readSignatureAlgorithm } from './algorithm.js';
import { sameAlgorithm, serialText, wholeBytes } from './certificate.js';
import { EXTENSION, type Extension, extensionReader, readAuthorityKeyIdentifier, readExtensions } from './extension.js';
import { type Name, readName } from './name.js';

/** A certificate revocation list, read strictly and not verified (RFC 5280 section 5). */
export interface CertificateList {
  readonly der: Uint8Array;
  readonly tbs: Uint8Array;
  readonly version: 1 | 2;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  readonly issuer: Name;
  readonly thisUpdate: Date;
  /** Undefined when the list does not say; RFC 5280 wants it. */
  readonly nextUpdate: Date | undefined;
  /** Serial number (as {@link Certificate.serial}) to the time of revocation. */
  readonly revoked: ReadonlyMap<string, Date>;
  readonly extensions: readonly Extension[];
  readonly crlNumber: bigint | undefined;
  readonly authorityKeyIdentifier: Uint8Array | undefined;
}

const FORMAT = 'X.509 CRL';
const LARGEST_CRL = 4 * 1024 * 1024;

/** Reads one CRL that is exactly the bytes given, in DER. @throws DecodeError */
export function parseCrl(der: Uint8Array): CertificateList {
  if (der.length > LARGEST_CRL) throw new DecodeError(FORMAT, `${der.length} bytes are too many`);
  const outer = new DerReader(der);
  const list = outer.sequence();
  outer.end();
  const tbsElement = list.element(DER_TAG.sequence);
  const signatureAlgorithm = readSignatureAlgorithm(list);
  const signature = wholeBytes(list);
  list.end();

  const tbs = list.inside(tbsElement);
  const version = readVersion(tbs);
  sameAlgorithm(tbs, signatureAlgorithm, FORMAT);
  const issuer = readName(tbs);
  const thisUpdate = tbs.time();
  const next = tbs.peekTag();
  const nextUpdate = next === DER_TAG.utcTime || next === DER_TAG.generalizedTime ? tbs.time() : undefined;
  const revoked = tbs.peekTag() === DER_TAG.sequence ? readRevoked(tbs.sequence()) : new Map<string, Date>();
  const extensions = readListExtensions(tbs, version);
  tbs.end();
  return {
    der,
    tbs: tbsElement.encoded,
    version,
    signatureAlgorithm,
    signature,
    issuer,
    thisUpdate,
    nextUpdate,
    revoked,
    extensions,
    crlNumber: readCrlNumber(extensions),
    authorityKeyIdentifier: readAuthorityKeyIdentifier(extensions),
  };
}

/**
 * The DER of a CRL that a server gave as DER, PEM, hex text or base64 text: caches deliver all four.
 *
 * @throws DecodeError
 */
export function normaliseCrl(input: Uint8Array): Uint8Array {
  if (input.length > 2 * LARGEST_CRL) throw new DecodeError(FORMAT, `${input.length} bytes are too many`);
  if (input[0] === DER_TAG.sequence && !isText(input)) return input;
  const text = decodeUtf8(input).trim();
  if (text.includes('-----BEGIN ')) {
    const [block, ...others] = decodePem(text);
    if (block === undefined || others.length > 0 || block.label !== 'X509 CRL') {
      throw new DecodeError(FORMAT, 'PEM text is not one X509 CRL');
    }
    return block.bytes;
  }
  const compact = /\s/.test(text) ? text.replace(/\s+/g, '') : text;
  // Decoding ends at the first character that is no digit, so that a whole text gives all of its bytes.
  const hex = Buffer.from(compact, 'hex');
  if (hex.length > 0 && 2 * hex.length === compact.length) return new Uint8Array(hex);
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(compact)) return new Uint8Array(Buffer.from(compact, 'base64'));
  throw new DecodeError(FORMAT, 'neither DER, PEM, hex nor base64');
}

/** Hex and base64 texts start with a character, DER of more than 127 bytes has a second octet above 0x7f. */
function isText(input: Uint8Array): boolean {
  return (input[1] ?? 0) < 0x80;
}

function readVersion(tbs: DerReader): 1 | 2 {
  if (tbs.peekTag() !== DER_TAG.integer) return 1;
  const at = tbs.offset;
  const value = tbs.smallInteger();
  if (value !== 1) throw new DecodeError(FORMAT, `version ${value + 1}`, at);
  return 2;
}

function readRevoked(entries: DerReader): Map<string, Date> {
  const revoked = new Map<string, Date>();
  // Entries have the same extensions over and over, most often one reason: equal bytes need no second look.
  let looked: DerElement | undefined;
  while (!entries.atEnd) {
    const entry = entries.sequence();
    const serial = serialText(entry.element(DER_TAG.integer).content, entry.offset);
    const date = entry.time();
    if (!entry.atEnd) {
      const element = entry.element(DER_TAG.sequence);
      if (looked === undefined || !element.equals(looked)) {
        refuseCritical(readExtensions(entry.inside(element)), [], entry.offset);
        looked = element;
      }
    }
    entry.end();
    revoked.set(serial, date);
  }
  return revoked;
}

function readListExtensions(tbs: DerReader, version: number): Extension[] {
  const explicit = tbs.explicit(0);
  if (explicit === undefined) return [];
  if (version !== 2) throw new DecodeError(FORMAT, 'extensions in version 1', explicit.offset);
  const at = explicit.offset;
  const extensions = readExtensions(explicit.sequence());
  explicit.end();
  // A list for part of the certificates, or a delta, would say "not revoked" of what it does not cover.
  refuseCritical(extensions, [EXTENSION.authorityKeyIdentifier, EXTENSION.crlNumber], at);
  return extensions;
}

function refuseCritical(extensions: readonly Extension[], known: readonly string[], offset: number): void {
  const unknown = extensions.find(({ critical, oid }) => critical && !known.includes(oid));
  if (unknown !== undefined) throw new DecodeError(FORMAT, `critical extension ${unknown.oid} is unknown`, offset);
}

function readCrlNumber(extensions: readonly Extension[]): bigint | undefined {
  const reader = extensionReader(extensions, EXTENSION.crlNumber);
  if (reader === undefined) return undefined;
  const number = reader.integer();
  reader.end();
  return number;
}
