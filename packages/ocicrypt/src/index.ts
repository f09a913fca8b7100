/** `@assay/ocicrypt`: encrypted image layers as containers/ocicrypt, skopeo and Confidential Containers write and read them. */
export {
  type Annotations,
  addRecipients,
  ENCRYPTION_PREFIX,
  encryptionAnnotations,
  type OpenedLayer,
  openLayer,
  PUBLIC_OPTIONS,
  plainAnnotations,
  recipientsOf,
} from './annotations.js';
export {
  JWE_ALGORITHMS,
  type JweAlgorithm,
  type RecipientKey,
  readCertificate,
  readPrivateKey,
  readPublicKey,
} from './keys/load.js';
export { LayerDecryption } from './layer/decrypt.js';
export { type CountDigests, type Counted, countHere, type Digests } from './layer/digests.js';
export { type EncryptedLayer, LayerEncryption } from './layer/encrypt.js';
export { encryptedMediaType, isEncrypted, plainMediaType } from './layer/media-type.js';
export {
  LAYER_CIPHER,
  type PrivateOptions,
  type PublicOptions,
  readPrivateOptions,
  readPublicOptions,
  writePrivateOptions,
  writePublicOptions,
} from './layer/options.js';
export {
  type AnnotationPacket,
  PACKET_PROVIDERS,
  PACKET_VERSION,
  type PacketProvider,
  readPacket,
  type WrapType,
  writePacket,
} from './packet/packet.js';
export { KEK_SIZE, openPacket, type SealOptions, sealPacket } from './packet/seal.js';
export {
  findPgpRecipient,
  isPgpPrivateKey,
  type PgpPrivateKey,
  type PgpPublicKey,
  readPgpKeyring,
  readPgpPrivateKeys,
} from './pgp/keys.js';
export { openpgp } from './pgp/library.js';
export { type ProviderAddress, type ProviderTls, readProviderConfig } from './provider/config.js';
export {
  type ProviderParameters,
  type ProviderRequest,
  readProviderRequest,
  readUnwrapAnswer,
  readWrapAnswer,
  writeProviderRequest,
  writeUnwrapAnswer,
  writeWrapAnswer,
} from './provider/messages.js';
export { type AskProvider, providerUnwrapper, providerWrapper } from './provider/wrapper.js';
export { jweUnwrapper, jweWrapper } from './wrap/jwe.js';
export { pgpUnwrapper, pgpWrapper } from './wrap/pgp.js';
export { type Pkcs7Identity, pkcs7Unwrapper, pkcs7Wrapper } from './wrap/pkcs7.js';
export {
  KEY_ANNOTATION,
  type KeyScheme,
  type KeyUnwrapper,
  type KeyWrapper,
  type OpenedWith,
  type Unwrapped,
} from './wrap/wrapper.js';
