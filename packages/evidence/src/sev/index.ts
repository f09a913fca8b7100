/** AMD SEV and SEV-ES: platform certificates, launch digest and measurement, and the session that carries secrets to a launch. */
export { parseAuthorityCertificate } from './certificate/authority.js';
export { ALGORITHM, USAGE } from './certificate/constants.js';
export {
  encodeAuthorityBody,
  encodePlatformBody,
  encodePlatformCertificate,
  littleEndian,
  type PlatformBody,
  type SlotContent,
} from './certificate/encode.js';
export {
  BODY_SIZE,
  type ParsedPlatformCertificate,
  PLATFORM_CERTIFICATE_SIZE,
  parsePlatformCertificate,
} from './certificate/platform.js';
export { publicKeyOf } from './certificate/signature.js';
export {
  type AuthenticPlatform,
  type LinkName,
  type SevChainVerification,
  verifySevChain,
} from './chain/chain.js';
export { CHAIN_ROLES, type ChainFiles, type ChainRole, splitChain } from './chain/files.js';
export { type SevAnchor, type SevTrust, sevTrust, sevTrustIn } from './chain/roots.js';
export { type SevFileOptions, type SevFileResult, verifySevFiles } from './files.js';
export { guidBytes, guidText } from './guid.js';
export { type PlatformFacts, sevClaims } from './launch/claims.js';
export {
  type AuthenticLaunch,
  checkSevFirmware,
  type LaunchClaims,
  type LaunchMeasurement,
  launchMeasure,
  parseLaunchMeasurement,
  verifyLaunchMeasure,
} from './launch/measure.js';
export {
  checkSevPolicy,
  readSevPolicy,
  type SevPolicy,
  type SevPolicyBit,
  type SevPolicyRules,
} from './launch/policy.js';
export { CPU_MODELS, cpuSignature, cpuSignatureOf } from './measure/cpu.js';
export { type SevLaunch, sevLaunchDigest } from './measure/digest.js';
export { readFirmwareTable } from './measure/footer.js';
export type { DirectBoot } from './measure/kernel-hashes.js';
export {
  LARGEST_SECRET,
  type PacketHeader,
  packetMac,
  parsePacketHeader,
  type SecretPacket,
  sealSecret,
} from './session/packet.js';
export {
  BUNDLE_GUID,
  CONNECTION_GUID,
  encodeSecretTable,
  parseSecretTable,
  type SecretEntry,
} from './session/secret-table.js';
export {
  type LaunchBlob,
  type OpenedSession,
  openSevSession,
  parseLaunchBlob,
  type SessionKeys,
  wrappingKeys,
} from './session/session.js';
