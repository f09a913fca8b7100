/** Numbers of the TPM 2.0 Library Specification, part 2, as far as they are used here. */

/** Structure tags (TPM_ST): the form of a command or response. */
export const ST = { noSessions: 0x8001, sessions: 0x8002 } as const;

/** Command codes (TPM_CC). */
export const CC = {
  evictControl: 0x0120,
  nvDefineSpace: 0x012a,
  createPrimary: 0x0131,
  nvWrite: 0x0137,
  startup: 0x0144,
  activateCredential: 0x0147,
  nvRead: 0x014e,
  policySecret: 0x0151,
  create: 0x0153,
  load: 0x0157,
  quote: 0x0158,
  flushContext: 0x0165,
  nvReadPublic: 0x0169,
  readPublic: 0x0173,
  startAuthSession: 0x0176,
  getCapability: 0x017a,
  getRandom: 0x017b,
  pcrRead: 0x017e,
  pcrExtend: 0x0182,
} as const;

/** Algorithm identifiers (TPM_ALG_ID). */
export const ALG = {
  rsa: 0x0001,
  sha1: 0x0004,
  aes: 0x0006,
  sha256: 0x000b,
  sha384: 0x000c,
  sha512: 0x000d,
  null: 0x0010,
  sm3: 0x0012,
  rsassa: 0x0014,
  rsapss: 0x0016,
  ecdsa: 0x0018,
  ecc: 0x0023,
  cfb: 0x0043,
} as const;

/** Permanent handles (TPM_RH). */
export const RH = {
  owner: 0x4000_0001,
  null: 0x4000_0007,
  /** Authorisation by the password in the command itself. */
  password: 0x4000_0009,
  endorsement: 0x4000_000b,
} as const;

/** Capabilities (TPM_CAP). */
export const CAP = { handles: 1, pcrs: 5, properties: 6 } as const;

/** Properties (TPM_PT) of group PT_FIXED. */
export const PT = {
  familyIndicator: 0x100,
  revision: 0x102,
  manufacturer: 0x105,
  vendorString1: 0x106,
  vendorString4: 0x109,
  firmwareVersion1: 0x10b,
  firmwareVersion2: 0x10c,
  nvBufferMax: 0x12c,
} as const;

/** Attributes of an NV index (TPMA_NV). */
export const NV = {
  ownerWrite: 0x0000_0002,
  authWrite: 0x0000_0004,
  ownerRead: 0x0002_0000,
  authRead: 0x0004_0000,
  noDA: 0x0200_0000,
  written: 0x2000_0000,
} as const;

/** Most bytes of a command or response that are sent or taken; TPMs allow 4096. */
export const LARGEST_MESSAGE = 8192;
