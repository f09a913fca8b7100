/** `@assay/evidence/cose`: CBOR and COSE_Sign1 as evidence uses them, read strictly. */
export { type CoseAlgorithm, type CoseCurve, coseAlgorithm } from './algorithm.js';
export {
  type CborKey,
  type CborLimits,
  type CborMap,
  CborTagged,
  type CborValue,
  decodeCbor,
  describeCbor,
  isCborArray,
  isCborMap,
} from './cbor.js';
export { type CoseKey, keyFromCoseKey, keyFromJwk, keyFromPoint } from './key.js';
export { parseSign1, type Sign1, verifySign1 } from './sign1.js';
