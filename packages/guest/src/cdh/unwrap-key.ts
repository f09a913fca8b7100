import { DecodeError } from '@assay/bytes';
import type { KmsDrivers } from '@assay/kms/drivers';
import { openPacket, readPacket } from '@assay/ocicrypt/packet';
import { parseResourceUri, type ResourceUri } from '@assay/protocol';

/** Where the keys that wrap image keys come from. */
export interface KeySources {
  readonly getResource: (uri: ResourceUri) => Promise<Uint8Array>;
  readonly kms: KmsDrivers;
}

/**
 * Unwraps the private options of an encrypted image layer.
 *
 * @param annotation annotation packet, version 1 or 2
 * @throws AssayError `image.packet.form`, `image.packet.opens`; DecodeError, ProtocolError, KbcError, KmsError
 */
export async function unwrapKey(annotation: Uint8Array, { getResource, kms }: KeySources): Promise<Uint8Array> {
  const packet = readPacket(annotation);
  const { kid, provider } = packet;
  if (provider === 'kbs') {
    if (!kid.includes(':')) throw new DecodeError('annotation packet', 'kid is no KBS resource URI');
    return openPacket(packet, await getResource(parseResourceUri(kid)));
  }
  const decrypt = Object.hasOwn(kms, provider) ? kms[provider]?.decrypt : undefined;
  if (decrypt === undefined)
    throw new DecodeError('annotation packet', `there are providers kbs, ${Object.keys(kms).join(', ')}`);
  return decrypt(packet.wrappedData, kid, { settings: packet.providerSettings, annotations: packet.annotations });
}
