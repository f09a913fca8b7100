/** `@assay/evidence/sm`: the Chinese algorithms of Hygon's evidence, SM2 signatures and the SM3 hash. */
export {
  SM2_ORDER,
  Sm2Point,
  type Sm2PublicKey,
  sm2MessageNumber,
  sm2PublicKey,
  sm2UserDigest,
  sm2Verify,
} from './sm2.js';
export { hmacSm3, SM3_SIZE, type Sm3, sm3, sm3OfLibrary } from './sm3.js';
