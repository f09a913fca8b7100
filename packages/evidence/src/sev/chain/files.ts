/** The chain as one file, as `sevctl export --full` writes it and the shim sends it. */
import { DecodeError } from '@assay/bytes';
import { authorityLength } from '../certificate/authority.js';
import { PLATFORM_CERTIFICATE_SIZE } from '../certificate/platform.js';

export const CHAIN_ROLES = ['pdh', 'pek', 'oca', 'cek', 'ask', 'ark'] as const;
export type ChainRole = (typeof CHAIN_ROLES)[number];

/** Certificates by their place; a missing one is known as missing. */
export type ChainFiles = { readonly [role in ChainRole]?: Uint8Array };

/** Largest chain: four platform certificates and two of AMD with RSA-4096. */
export const LARGEST_CHAIN = 4 * PLATFORM_CERTIFICATE_SIZE + 2 * 1600;

/**
 * PDH ‖ PEK ‖ OCA ‖ CEK ‖ ASK ‖ ARK, with nothing before, between or after. The last one is as long as it is: its reader judges that.
 *
 * @throws DecodeError when the bytes end early
 */
export function splitChain(bytes: Uint8Array): { readonly [role in ChainRole]: Uint8Array } {
  if (bytes.length > LARGEST_CHAIN)
    throw new DecodeError('SEV chain', `${bytes.length} bytes; at most ${LARGEST_CHAIN} are right`);
  const askAt = 4 * PLATFORM_CERTIFICATE_SIZE;
  const askSize = authorityLength(bytes.subarray(askAt));
  if (askSize === undefined || bytes.length <= askAt + askSize)
    throw new DecodeError('SEV chain', `${bytes.length} bytes are no PDH, PEK, OCA, CEK, ASK and ARK`);
  const platform = (n: number): Uint8Array =>
    bytes.subarray(n * PLATFORM_CERTIFICATE_SIZE, (n + 1) * PLATFORM_CERTIFICATE_SIZE);
  return {
    pdh: platform(0),
    pek: platform(1),
    oca: platform(2),
    cek: platform(3),
    ask: bytes.subarray(askAt, askAt + askSize),
    ark: bytes.subarray(askAt + askSize),
  };
}
