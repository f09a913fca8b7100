/** Structures of the TPM 2.0 library that attestation uses: strict readers, and writers that give the same bytes again. */
export {
  algorithmName,
  curveById,
  curveOf,
  hashById,
  hashOf,
  isTpmHash,
  TPM_ALG,
  type TpmCurve,
  type TpmCurveAlgorithm,
  type TpmHash,
  type TpmHashAlgorithm,
} from './algorithm.js';
export {
  ATTEST_TYPE,
  type AttestHeader,
  attestTypeName,
  type ClockInfo,
  marshalQuote,
  parseQuote,
  type QuoteAttest,
  readAttestHeader,
  readQuote,
  TPM_GENERATED,
  writeAttestHeader,
} from './attest.js';
export {
  decodeAttributes,
  encodeAttributes,
  OBJECT_ATTRIBUTES,
  type ObjectAttribute,
  type ObjectAttributes,
} from './attributes.js';
export { HIERARCHY, hierarchyName, nameOf, publicKeyOf, qualifiedNameOf, rsaKeyOf, spkiOf } from './key.js';
export { marshalSized, readHash, readSized, TpmWriter } from './marshal.js';
export {
  marshalPcrSelectionList,
  type PcrSelection,
  type PcrSelectionList,
  readPcrSelectionList,
  selectPcrs,
  writePcrSelectionList,
} from './pcr-selection.js';
export {
  type EccPublicArea,
  type KeyScheme,
  marshalPublic,
  type PublicArea,
  parsePublic,
  type RsaPublicArea,
  readPublic,
  type SymmetricDefinition,
} from './public-area.js';
export {
  type EcdsaTpmSignature,
  marshalSignature,
  parseSignature,
  type RsaTpmSignature,
  readSignature,
  type TpmSignature,
  UnservedSchemeError,
} from './signature.js';
