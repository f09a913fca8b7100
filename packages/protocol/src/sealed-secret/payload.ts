import { DecodeError, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { SealedSecretError } from './sealed-secret-error.js';

/** What a sealed secret says. `version` is judged when it is unsealed, not when it is read. */
export type SealedPayload = VaultPayload | EnvelopePayload;

interface CommonPayload {
  readonly version: string;
  /** Name of a driver, as written: compared in any case. */
  readonly provider: string;
  readonly providerSettings: JsonObject;
  readonly annotations: JsonObject;
}

/** Points to a secret that is held elsewhere. */
export interface VaultPayload extends CommonPayload {
  readonly type: 'vault';
  /** Id of the secret; a KBS resource URI for provider `kbs`. */
  readonly name: string;
}

/** A secret encrypted by a data key, which a key management service has encrypted. Texts as written. */
export interface EnvelopePayload extends CommonPayload {
  readonly type: 'envelope';
  readonly keyId: string;
  /** Base64. */
  readonly encryptedKey: string;
  /** Base64. */
  readonly encryptedData: string;
  /** `A256GCM`, `A256CTR`. */
  readonly wrapType: string;
  /** Base64. */
  readonly iv: string;
}

export const SEALED_SECRET_VERSION = '0.1.0';

/** Reads a payload. Every member of its type is required, as upstream's reader has it; others are passed over. @throws SealedSecretError `malformed` */
export function parseSealedPayload(bytes: Uint8Array): SealedPayload {
  const json = readJson(bytes);
  const text = (name: string): string => {
    const value = Object.hasOwn(json, name) ? json[name] : undefined;
    if (typeof value !== 'string') throw malformed(`${name} must be a text`);
    return value;
  };
  const table = (name: string): JsonObject => {
    const value = Object.hasOwn(json, name) ? json[name] : undefined;
    if (!isJsonObject(value)) throw malformed(`${name} must be an object`);
    return value;
  };
  const common = (): CommonPayload => ({
    version: text('version'),
    provider: text('provider'),
    providerSettings: table('provider_settings'),
    annotations: table('annotations'),
  });
  switch (text('type')) {
    case 'vault':
      return { ...common(), type: 'vault', name: text('name') };
    case 'envelope':
      return {
        ...common(),
        type: 'envelope',
        keyId: text('key_id'),
        encryptedKey: text('encrypted_key'),
        encryptedData: text('encrypted_data'),
        wrapType: text('wrap_type'),
        iv: text('iv'),
      };
    default:
      throw malformed('type must be vault or envelope');
  }
}

function readJson(bytes: Uint8Array): JsonObject {
  try {
    const value = parseJsonStrict(bytes);
    if (isJsonObject(value)) return value;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw malformed('not JSON', error);
  }
  throw malformed('not a JSON object');
}

function malformed(what: string, cause?: unknown): SealedSecretError {
  return new SealedSecretError('malformed', `payload: ${what}`, cause === undefined ? undefined : { cause });
}
