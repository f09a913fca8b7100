import { concatBytes } from '@assay/bytes';
import { exactly, padded, u16, u32 } from '../fixed.js';
import { number72, type Sm2Key, sm2Sign } from './sm2-key.js';

/** What an emulated certificate shall say otherwise. */
export interface HygonCertificateEdit {
  readonly usage?: number;
  /** Key that signs in the place of the right one. */
  readonly signer?: Sm2Key;
  /** Usage that the slot names; of chip and platform certificates. */
  readonly slotUsage?: number;
  /** Changes the finished certificate. */
  readonly alter?: (bytes: Uint8Array) => Uint8Array;
}

const SM2_SA = 4;
const SM2 = 3;
/** A slot without a signature. */
const EMPTY = 0x1000;

/** Certificate of a root or signing key, 832 bytes. */
export function caCertificate(
  key: Sm2Key,
  usage: number,
  keyId: Uint8Array,
  signer: Sm2Key,
  signerId: Uint8Array,
  edit: HygonCertificateEdit = {},
): Uint8Array {
  const body = concatBytes(
    u32(1),
    exactly(keyId, 16, 'key id'),
    exactly(signerId, 16, 'signer id'),
    u32(edit.usage ?? usage),
    new Uint8Array(24),
    point(key),
    userId(key),
    new Uint8Array(108),
  );
  const bytes = concatBytes(body, signature(edit.signer ?? signer, body), new Uint8Array(112));
  return edit.alter?.(bytes) ?? bytes;
}

/** Certificate of a chip or platform key, 2084 bytes. The second slot is the owner's, and empty. */
export function csvCertificate(
  key: Sm2Key,
  usage: number,
  signer: Sm2Key,
  signerUsage: number,
  edit: HygonCertificateEdit = {},
): Uint8Array {
  const body = concatBytes(
    u32(1),
    Uint8Array.of(1, 3, 0, 0),
    u32(edit.usage ?? usage),
    u32(SM2_SA),
    point(key),
    userId(key),
    new Uint8Array(16),
    new Uint8Array(608),
  );
  const slot = concatBytes(
    u32(edit.slotUsage ?? signerUsage),
    u32(SM2_SA),
    signature(edit.signer ?? signer, body),
    new Uint8Array(368),
  );
  const bytes = concatBytes(body, slot, padded(u32(EMPTY), 520, 'slot'));
  return edit.alter?.(bytes) ?? bytes;
}

export function signature(key: Sm2Key, message: Uint8Array): Uint8Array {
  const { r, s } = sm2Sign(key, message);
  return concatBytes(number72(r), number72(s));
}

function point({ publicKey: { x, y } }: Sm2Key): Uint8Array {
  return concatBytes(u32(SM2), number72(x), number72(y));
}

function userId({ userId: id }: Sm2Key): Uint8Array {
  return concatBytes(u16(id.length), padded(id, 254, 'user id'));
}
