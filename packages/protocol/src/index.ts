export {
  parseRestAttestationRequest,
  parseRestChallengeRequest,
  parseRestSetPolicy,
  type RestAttestationRequest,
  RestAttestationRequestSchema,
  type RestChallengeRequest,
  RestChallengeRequestSchema,
  type RestSetPolicy,
  RestSetPolicySchema,
  type RestVerificationRequest,
} from './as/rest-schemas.js';
export {
  EAR_PROFILE,
  EAR_TIERS,
  type EarAppraisal,
  EarAppraisalSchema,
  type EarClaims,
  EarClaimsSchema,
  type EarTier,
  type EarVerifierId,
  INIT_DATA_CLAIMS_POINTER,
  isTrustClaim,
  parseEarClaims,
  TEE_PUBKEY_POINTERS,
  TRUST_CLAIMS,
  type TrustClaim,
  type TrustVector,
  TrustVectorSchema,
  teePubkeyOfToken,
  trustStatus,
  trustTier,
} from './ear/ear.js';
export {
  DEFAULT_HASH_ALGORITHM,
  digest,
  findHashAlgorithm,
  HASH_ALGORITHMS,
  type HashAlgorithm,
} from './hash-algorithm.js';
export { type InitData, initDataPcr8, parseInitData } from './init-data/init-data.js';
export { tomlToJson } from './init-data/toml.js';
export {
  defaultAlgorithm,
  isJwsAlgorithm,
  JWS_ALGORITHMS,
  type JwsAlgorithm,
  keyFits,
} from './jose/algorithms.js';
export { exportPublicJwk, importJwk, importJwkSet, jwkThumbprint, type VerificationKey } from './jose/jwk.js';
export { decodeJws, type JwsLimits, signJws, type UnverifiedJws, verifyJws } from './jose/jws.js';
export {
  DEFAULT_LEEWAY_SECONDS,
  decodeJwtUnverified,
  type JwtVerifyOptions,
  signJwt,
  type VerifiedJwt,
  verifyJwt,
} from './jose/jwt.js';
export { type DecryptJweOptions, decryptJwe, parseResponse } from './jwe/decrypt.js';
export { type EncryptJweOptions, encryptJwe, jweFormWithoutSession } from './jwe/encrypt.js';
export {
  generateTeeKeyPair,
  TEE_KEY_ALGORITHMS,
  type TeeKeyAlgorithm,
  type TeeKeyPair,
  type TeePrivateKey,
  teeKeyPair,
  teeKeyPairFromPem,
  teePrivateKeyToPem,
} from './jwe/key-pair.js';
export type { RandomSource } from './jwe/random.js';
export { importTeePubkey, type TeePublicKey } from './jwe/tee-public-key.js';
export {
  type Attestation,
  type AttestationParts,
  type DeviceEvidence,
  formatAttestation,
  parseAdditionalEvidence,
  parseAttestation,
} from './kbs/attestation.js';
export {
  parseReferenceValueMessage,
  parseSetAttestationPolicy,
  parseSetResourcePolicy,
  parseTokenResponse,
} from './kbs/bodies.js';
export { KBS_ERROR_KINDS, type KbsErrorKind, kbsErrorBody, parseErrorBody } from './kbs/error-body.js';
export {
  type Challenge,
  formatChallenge,
  formatRequest,
  parseChallenge,
  parseRequest,
  type Request,
} from './kbs/handshake.js';
export {
  canonicalBytes,
  type RuntimeDataBinding,
  type RuntimeDataInput,
  runtimeDataBindings,
  runtimeDataDigest,
} from './kbs/runtime-data.js';
export {
  type AttestationMessage,
  AttestationSchema,
  type ChallengeMessage,
  ChallengeSchema,
  type ErrorBody,
  ErrorBodySchema,
  type FlatAttestationMessage,
  FlatAttestationSchema,
  type FlattenedJwe,
  type ReferenceValueMessage,
  ReferenceValueMessageSchema,
  type RequestMessage,
  RequestSchema,
  ResponseSchema,
  SetAttestationPolicySchema,
  SetResourcePolicySchema,
  type TokenResponseMessage,
  TokenResponseSchema,
} from './kbs/schemas.js';
export {
  type AkpTeePubkey,
  type EcTeePubkey,
  parseTeePubkey,
  type RsaTeePubkey,
  type TeePubkey,
} from './kbs/tee-pubkey.js';
export {
  CURRENT_PROTOCOL_VERSION,
  type JweForm,
  PROTOCOL_VERSIONS,
  type ProtocolTraits,
  type ProtocolVersion,
  parseProtocolVersion,
  protocolTraits,
  type RuntimeDataForm,
} from './kbs/version.js';
export { formatUnwrapResponse, parseUnwrapRequest } from './key-provider/messages.js';
export { ProtocolError, type ProtocolErrorCode, type ProtocolErrorDetails } from './protocol-error.js';
export { formatResourceName, parseResourceName, type ResourceName } from './resource/resource-name.js';
export { formatResourceUri, parseResourceUri, type ResourceUri, resourceRequestPath } from './resource/resource-uri.js';
export { openWrapped, type WrappedData, wrapData } from './sealed-secret/aead.js';
export {
  decodeSealedSecret,
  isSealedSecret,
  type OpenedSealedSecret,
  openSealedSecret,
  openWithoutVerification,
  type UnverifiedSealedSecret,
} from './sealed-secret/envelope.js';
export {
  type EnvelopePayload,
  parseSealedPayload,
  SEALED_SECRET_VERSION,
  type SealedPayload,
  type VaultPayload,
} from './sealed-secret/payload.js';
export { sealSecret } from './sealed-secret/seal.js';
export { SealedSecretError, type SealedSecretFault } from './sealed-secret/sealed-secret-error.js';
export { at as jsonAt } from './shape.js';
export { isTee, parseTee, TEES, type Tee } from './tee.js';
