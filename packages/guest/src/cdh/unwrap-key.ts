import { DecodeError, decodeBase64 } from '@assay/bytes';
import { openWrapped, parseAnnotationPacket, parseResourceUri, type ResourceUri } from '@assay/protocol';
import type { KmsDrivers } from './kms/kms-driver.js';

/** Where the keys that wrap image keys come from. */
export interface KeySources {
  readonly getResource: (uri: ResourceUri) => Promise<Uint8Array>;
  readonly kms: KmsDrivers;
}

/**
 * Unwraps the private options of an encrypted image layer.
 *
 * @param annotation annotation packet, version 1 or 2
 * @throws DecodeError, ProtocolError, KbcError, KmsError
 */
export async function unwrapKey(annotation: Uint8Array, { getResource, kms }: KeySources): Promise<Uint8Array> {
  const packet = parseAnnotationPacket(annotation);
  if (packet.provider === 'kbs') {
    const { iv, wrapType, wrappedData, kid } = packet;
    if (iv === undefined || wrapType === undefined)
      throw new DecodeError('annotation packet', 'iv and wrap_type are missing');
    if (!kid.includes(':')) throw new DecodeError('annotation packet', 'kid is no KBS resource URI');
    const key = await getResource(parseResourceUri(kid));
    return openWrapped({ wrapType, iv, data: wrappedData }, key);
  }
  const decrypt = Object.hasOwn(kms, packet.provider) ? kms[packet.provider]?.decrypt : undefined;
  if (decrypt === undefined)
    throw new DecodeError('annotation packet', `there are providers kbs, ${Object.keys(kms).join(', ')}`);
  return decrypt(decodeBase64(packet.wrappedData), packet.kid, {
    settings: packet.providerSettings,
    annotations: packet.annotations,
  });
}
