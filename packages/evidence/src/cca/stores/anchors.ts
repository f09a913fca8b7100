/**
 * Trust anchors of CCA platforms: the public keys (CPAK) of the owner's machines. A token carries no certificates, so a
 * machine is trusted only where its key was enrolled.
 */
import { DecodeError, encodeHex } from '@assay/bytes';
import { type CoseKey, keyFromJwk } from '../../cose/index.js';
import { hexAt, listAt, member, objectAt, parseStore } from './json.js';

const FORMAT = 'CCA trust anchors';
const LARGEST_STORE = 16 * 1024 * 1024;

/** One enrolled platform key. */
export interface CcaAnchor {
  /** Lower-case hex of 32 and 33 bytes. */
  readonly implementationId: string;
  readonly instanceId: string;
  readonly key: CoseKey;
  /** Emulated hardware, added by name; tokens under it prove nothing. */
  readonly emulated?: true;
}

/** Platform keys by implementation and instance. */
export interface CcaTrust {
  find(implementationId: Uint8Array, instanceId: Uint8Array): TrustedKey | undefined;
}

export interface TrustedKey {
  /** For findings. */
  readonly name: string;
  readonly key: CoseKey;
  readonly emulated?: true;
}

/**
 * Reads a trust-anchor store in the form of Trustee (`ta-store`): `[{"pkey": JWK, "implementation-id": hex, "instance-id": hex}]`.
 * Members that are not known are passed over.
 *
 * @throws DecodeError also where one instance has two keys
 */
export function parseTrustAnchors(bytes: Uint8Array): readonly CcaAnchor[] {
  const entries = listAt(FORMAT, 'the store', parseStore(bytes, LARGEST_STORE));
  const seen = new Set<string>();
  return entries.map((entry, index): CcaAnchor => {
    const path = `entry ${index + 1}`;
    const object = objectAt(FORMAT, path, entry);
    const implementationId = hexAt(FORMAT, `${path}: implementation-id`, member(object, 'implementation-id'), [32]);
    const instanceId = hexAt(FORMAT, `${path}: instance-id`, member(object, 'instance-id'), [33]);
    const name = nameOf(implementationId, instanceId);
    if (seen.has(name)) throw new DecodeError(FORMAT, `${path}: its instance has a key already`);
    seen.add(name);
    return { implementationId, instanceId, key: keyAt(path, member(object, 'pkey')) };
  });
}

function keyAt(path: string, jwk: Parameters<typeof keyFromJwk>[0] | undefined): CoseKey {
  try {
    return keyFromJwk(jwk ?? null);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new DecodeError(FORMAT, `${path}: pkey: ${error.reason}`, undefined, { cause: error });
  }
}

/** Genuine keys come before emulated ones of the same instance. */
export function ccaTrust(anchors: readonly CcaAnchor[]): CcaTrust {
  const keys = new Map<string, TrustedKey>();
  for (const { emulated, implementationId, instanceId, key } of anchors) {
    const name = nameOf(implementationId, instanceId);
    const known = keys.get(name);
    if (known !== undefined && known.emulated !== true) continue;
    const source = emulated === true ? 'emulated trust anchor' : 'trust anchor';
    keys.set(name, { name: source, key, ...(emulated === true ? { emulated } : {}) });
  }
  return { find: (implementation, instance) => keys.get(nameOf(encodeHex(implementation), encodeHex(instance))) };
}

/** One key for whatever platform: `assay verify` with a bare JWK. */
export function trustInKey(key: CoseKey): CcaTrust {
  return { find: () => ({ name: 'key given for this call', key }) };
}

function nameOf(implementationId: string, instanceId: string): string {
  return `${implementationId} ${instanceId}`;
}
