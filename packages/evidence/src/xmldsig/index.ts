/** Enveloped XML signatures, in a strict profile. */
export { attributeOf, childElements, type XmlElement } from './reader.js';
export { type SignedDocument, verifyXmlSignature } from './verify.js';
