/** Certificates that Fulcio issues to signers: for ten minutes, with who vouched for whom. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { contextTag, DER_TAG, DecodeError, DerReader, decodeUtf8, decodeText as derText } from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';
import {
  type Certificate,
  certificateSubject,
  checkCriticalExtensions,
  checkEndEntity,
  checkLink,
  extensionReader,
  parseCertificate,
  sameName,
  selfIssued,
  validity,
} from '@assay/evidence/x509';
import { malformed } from './failure.js';

const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
/** Fulcio's statement of who vouched: as a DER text, and in certificates until 2022 as bare bytes. */
const ISSUER = '1.3.6.1.4.1.57264.1.8';
const ISSUER_BARE = '1.3.6.1.4.1.57264.1.1';
const LONGEST_PATH = 8;

export interface SignerIdentity {
  /** URL of the identity provider. */
  readonly issuer: string;
  /** One of the names in the certificate: a mail address, or the URI of a workflow. */
  readonly subject: { readonly kind: 'email' | 'uri'; readonly value: string };
}

/** @throws AssayError `signature.bundle.form` */
export function readSignerCertificate(der: Uint8Array): Certificate {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (error instanceof DecodeError) throw malformed(`a certificate cannot be read: ${error.message}`);
    throw error;
  }
}

/**
 * The key of a signer whose certificate leads to one of the authorities, all of it good at a time, and who is whom the policy wants.
 *
 * @param intermediates as they came with the signature: they are believed for what an authority says of them
 * @throws AssayError `signature.certificate.*`, `signature.signer.*`
 */
export function checkSigner(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  authorities: readonly Certificate[],
  at: Date,
  identity: SignerIdentity,
): KeyObject {
  const path = pathTo(leaf, intermediates, authorities);
  for (const certificate of path) checkTime(certificate, at);
  checkUse(path, leaf);
  checkIdentity(leaf, identity);
  return keyOf(leaf);
}

/** Leaf first, an authority last. */
function pathTo(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  authorities: readonly Certificate[],
): readonly Certificate[] {
  const path = [leaf];
  const problems: string[] = [];
  for (let last: Certificate | undefined = leaf; last !== undefined && path.length <= LONGEST_PATH; ) {
    const child: Certificate = last;
    const below = path.length - 1;
    const anchor = authorities.find((one) => issued(one, child, below, problems));
    if (anchor !== undefined) return [...path, anchor];
    last = intermediates.find((one) => !selfIssued(one) && !path.includes(one) && issued(one, child, below, problems));
    if (last !== undefined) path.push(last);
  }
  throw untrusted(problems[0] ?? `${certificateSubject(leaf)} leads to none of ${authorities.length} authorities`);
}

function issued(issuer: Certificate, child: Certificate, below: number, problems: string[]): boolean {
  if (!sameName(child.issuer, issuer.subject)) return false;
  const found = checkLink(child, issuer, below);
  problems.push(...found.map(({ text }) => text));
  return found.length === 0;
}

function checkTime(certificate: Certificate, at: Date): void {
  const { notBefore, notAfter } = certificate;
  if (validity(notBefore, notAfter, at) === 'within') return;
  const [from, to, actual] = [notBefore, notAfter, at].map((time) => time.toISOString()) as [string, string, string];
  const params = { certificate: certificateSubject(certificate), from, to, actual };
  throw assayError('signature.certificate.time', { params, expected: `${from} to ${to}`, actual });
}

function checkUse(path: readonly Certificate[], leaf: Certificate): void {
  for (const certificate of path) {
    const [unknown] = checkCriticalExtensions(certificate, [SUBJECT_ALTERNATIVE_NAME, EXTENDED_KEY_USAGE]);
    if (unknown !== undefined) throw unfit(certificate, unknown.text);
    const usages = extendedUsages(certificate);
    // An authority without any is for everything; a signer must have it.
    if (usages === undefined ? certificate === leaf : !usages.includes(CODE_SIGNING)) {
      throw unfit(certificate, 'it is not for signing code (extended key usage)');
    }
  }
  const [ca] = checkEndEntity(leaf);
  if (ca !== undefined) throw unfit(leaf, ca.text);
  if (leaf.keyUsage?.has('digitalSignature') !== true) throw unfit(leaf, 'its key is not for signatures (key usage)');
}

function checkIdentity(leaf: Certificate, { issuer, subject }: SignerIdentity): void {
  const vouched = issuerOf(leaf);
  if (vouched !== issuer) {
    const actual = vouched ?? 'nobody';
    throw assayError('signature.signer.issuer', { params: { actual, expected: issuer }, expected: issuer, actual });
  }
  const names = subjectsOf(leaf);
  if (names.some(({ kind, value }) => kind === subject.kind && value === subject.value)) return;
  const actual = names.map(({ value }) => value).join(', ') || 'nobody';
  const expected = subject.value;
  throw assayError('signature.signer.subject', { params: { actual, expected }, expected, actual });
}

/** Mail addresses and URIs of a certificate; other names are nobody's. @throws AssayError `signature.bundle.form` */
export function subjectsOf(certificate: Certificate): readonly SignerIdentity['subject'][] {
  return reading(() => {
    const outer = extensionReader(certificate.extensions, SUBJECT_ALTERNATIVE_NAME);
    if (outer === undefined) return [];
    const found: SignerIdentity['subject'][] = [];
    for (const names = outer.sequence(); !names.atEnd; ) {
      const name = names.any();
      const kind = name.tag === contextTag(1, false) ? 'email' : name.tag === contextTag(6, false) ? 'uri' : undefined;
      if (kind !== undefined) found.push({ kind, value: derText(name, DER_TAG.ia5String) });
    }
    outer.end();
    return found;
  });
}

/** Who vouched for the signer. A certificate that says two different things says nothing. */
export function issuerOf({ extensions }: Certificate): string | undefined {
  return reading(() => {
    const said = [ISSUER, ISSUER_BARE].flatMap((oid) => {
      const value = extensions.find((extension) => extension.oid === oid)?.value;
      if (value === undefined) return [];
      if (oid === ISSUER_BARE) return [decodeUtf8(value)];
      const reader = new DerReader(value);
      const text = decodeUtf8(reader.element(DER_TAG.utf8String).content);
      reader.end();
      return [text];
    });
    return new Set(said).size === 1 ? said[0] : undefined;
  });
}

function extendedUsages({ extensions }: Certificate): readonly string[] | undefined {
  return reading(() => {
    const outer = extensionReader(extensions, EXTENDED_KEY_USAGE);
    if (outer === undefined) return undefined;
    const usages: string[] = [];
    for (const list = outer.sequence(); !list.atEnd; ) usages.push(list.oid());
    outer.end();
    return usages;
  });
}

function keyOf({ publicKey }: Certificate): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(publicKey.der), format: 'der', type: 'spki' });
  } catch {
    throw malformed('the key of the signer’s certificate cannot be read');
  }
}

function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DecodeError) throw malformed(`an extension of a certificate cannot be read: ${error.message}`);
    throw error;
  }
}

function untrusted(what: string): AssayError {
  return assayError('signature.certificate.chain', { params: { what } });
}

function unfit(certificate: Certificate, what: string): AssayError {
  return assayError('signature.certificate.usage', {
    params: { certificate: certificateSubject(certificate), what },
    subject: certificateSubject(certificate),
  });
}
