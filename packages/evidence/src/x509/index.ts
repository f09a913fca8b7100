/** `@assay/evidence/x509`: certificates and CRLs, read strictly; signatures and paths, checked one question at a time. */
export type { AlgorithmIdentifier, KeyType, SignatureAlgorithm, SubjectPublicKey } from './algorithm.js';
export {
  type Certificate,
  certificateSubject,
  parseCertificate,
  parseCertificates,
  splitCertificates,
} from './certificate.js';
export {
  type ChainProblem,
  checkCriticalExtensions,
  checkCrlSignature,
  checkEndEntity,
  checkLink,
  checkPath,
  type LinkCache,
  linkName,
  orderChain,
  pinned,
  selfIssued,
  type TrustAnchor,
  validity,
} from './chain.js';
export { type CertificateList, normaliseCrl, parseCrl } from './crl.js';
export { EMULATED_ORGANIZATION, saysEmulated } from './emulated.js';
export { type BasicConstraints, EXTENSION, type Extension, extensionReader, type KeyUsage } from './extension.js';
export { KeyCache, vendorKeys, verifyFixedWidth, verifySignature } from './key.js';
export { LruMap } from './lru.js';
export { ATTRIBUTE_TYPE, attributeTexts, type Name, nameInWords, sameName } from './name.js';
