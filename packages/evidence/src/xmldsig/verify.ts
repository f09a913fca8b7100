/**
 * Enveloped XML signatures (W3C XML Signature Syntax and Processing 1.1) in the one profile of NVIDIA's reference manifests:
 * one reference to the whole document, enveloped-signature and Canonical XML 1.1, SHA-384, ECDSA P-384, certificates inside.
 */
import { createHash } from 'node:crypto';
import { constantTimeEqual, DecodeError, decodeBase64 } from '@assay/bytes';
import { type Certificate, KeyCache, parseCertificate, verifyFixedWidth } from '../x509/index.js';
import { canonicalise } from './canonical.js';
import { attributeOf, childElements, isElement, parseXml, textOf, type XmlElement } from './reader.js';

const FORMAT = 'XML signature';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const C14N_1_1 = 'http://www.w3.org/2006/12/xml-c14n11';
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';
const SHA384 = 'http://www.w3.org/2001/04/xmldsig-more#sha384';
const ECDSA_SHA384 = 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384';
const MOST_CERTIFICATES = 8;

declare const signed: unique symbol;
/** A document without its signature: exactly what the signature covers, and the certificates that came with it. Only `verifyXmlSignature` makes one. */
export interface SignedDocument {
  readonly [signed]: true;
  readonly root: XmlElement;
  /** As they came, the signer's first. Trust in them is another question. */
  readonly certificates: readonly Certificate[];
}

/**
 * Verifies the signature of a document with the key of the first certificate that it brings.
 *
 * @throws DecodeError where the document is not of the profile, or the digest or signature is not right
 */
export function verifyXmlSignature(bytes: Uint8Array): SignedDocument {
  const root = parseXml(bytes);
  const signatures = descendants(root).filter((element) => is(element, 'Signature'));
  const [signature] = signatures;
  if (signature === undefined || signatures.length > 1 || !root.children.includes(signature)) {
    throw new DecodeError(FORMAT, `${signatures.length} signatures; one below the root is wanted`);
  }
  const [signedInfo, value, keyInfo] = members(signature, ['SignedInfo', 'SignatureValue', 'KeyInfo']);
  const digest = readSignedInfo(signedInfo);
  const actual = createHash('sha384')
    .update(canonicalise(root, [], signature))
    .digest();
  if (!constantTimeEqual(digest, Uint8Array.from(actual))) {
    throw new DecodeError(FORMAT, 'document has another digest than its signature says');
  }
  const certificates = readCertificates(keyInfo);
  const [signer] = certificates;
  const key = signer?.publicKey.type === 'ec-p384' ? new KeyCache(0).key(signer.publicKey) : undefined;
  const data = canonicalise(signedInfo, [root, signature]);
  if (key === undefined || !verifyFixedWidth('sha384', data, base64Of(value), key)) {
    throw new DecodeError(FORMAT, 'signature does not verify under the first certificate');
  }
  const content = { ...root, children: root.children.filter((child) => child !== signature) };
  return { root: content, certificates } as unknown as SignedDocument;
}

/** The digest of the one reference. */
function readSignedInfo(signedInfo: XmlElement): Uint8Array {
  const [canonicalization, method, reference] = members(signedInfo, [
    'CanonicalizationMethod',
    'SignatureMethod',
    'Reference',
  ]);
  algorithm(canonicalization, C14N_1_1);
  algorithm(method, ECDSA_SHA384);
  if (reference.attributes.length !== 1 || attributeOf(reference, 'URI') !== '') {
    throw new DecodeError(FORMAT, 'reference is not to the whole document');
  }
  const [transforms, digestMethod, digest] = members(reference, ['Transforms', 'DigestMethod', 'DigestValue'], false);
  const [enveloped, canonical] = members(transforms, ['Transform', 'Transform']);
  algorithm(enveloped, ENVELOPED);
  algorithm(canonical, C14N_1_1);
  algorithm(digestMethod, SHA384);
  return base64Of(digest);
}

function readCertificates(keyInfo: XmlElement): Certificate[] {
  const [data] = members(keyInfo, ['X509Data']);
  const elements = childElements(data);
  if (elements.length > MOST_CERTIFICATES) throw new DecodeError(FORMAT, 'too many certificates');
  return elements.map((element) => {
    expectElement(element, 'X509Certificate');
    return parseCertificate(base64Of(element));
  });
}

/** Exactly these children, in this order, without attributes of the parent unless they are read elsewhere. */
function members<const Names extends readonly string[]>(
  parent: XmlElement,
  names: Names,
  bare = true,
): { readonly [I in keyof Names]: XmlElement } {
  if (bare && parent.attributes.length > 0) throw new DecodeError(FORMAT, `${parent.local} has attributes`);
  const children = childElements(parent);
  if (children.length !== names.length) {
    throw new DecodeError(FORMAT, `${parent.local} has ${children.length} members; ${names.length} are wanted`);
  }
  names.forEach((name, index) => {
    expectElement(children[index], name);
  });
  return children as unknown as { readonly [I in keyof Names]: XmlElement };
}

function expectElement(element: XmlElement | undefined, name: string): void {
  if (element === undefined || !is(element, name)) {
    throw new DecodeError(FORMAT, `${name} is wanted, found ${element?.local ?? 'nothing'}`);
  }
}

/** An empty element that names an algorithm and nothing else. */
function algorithm(element: XmlElement, expected: string): void {
  const actual = attributeOf(element, 'Algorithm');
  if (actual !== expected || element.attributes.length !== 1 || element.children.length > 0) {
    throw new DecodeError(FORMAT, `${element.local} is not ${expected}`);
  }
}

function base64Of(element: XmlElement): Uint8Array {
  if (element.attributes.length > 0) throw new DecodeError(FORMAT, `${element.local} has attributes`);
  return decodeBase64(textOf(element).replace(/[ \t\n\r]/g, ''));
}

function is({ local, namespace }: XmlElement, name: string): boolean {
  return namespace === DSIG && local === name;
}

function descendants(element: XmlElement): XmlElement[] {
  return element.children.filter(isElement).flatMap((child) => [child, ...descendants(child)]);
}
