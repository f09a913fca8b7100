/** Enveloped XML signatures, in a strict profile. */
export { canonicalise } from './canonical.js';
export {
  attributeOf,
  childElements,
  isElement,
  parseXml,
  textOf,
  XML_NAMESPACE,
  type XmlAttribute,
  type XmlElement,
} from './reader.js';
export { type SignedDocument, verifyXmlSignature } from './verify.js';
