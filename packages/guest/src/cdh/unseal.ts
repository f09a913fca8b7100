import { DecodeError, decodeBase64, decodeUtf8 } from '@assay/bytes';
import { type KmsDriver, type KmsDrivers, KmsError } from '@assay/kms/drivers';
import {
  decodeSealedSecret,
  type EnvelopePayload,
  type OpenedSealedSecret,
  openSealedSecret,
  openWithoutVerification,
  openWrapped,
  ProtocolError,
  parseResourceUri,
  type ResourceUri,
  SEALED_SECRET_VERSION,
  type SealedPayload,
  SealedSecretError,
  type VaultPayload,
} from '@assay/protocol';
import { KbcError } from '../kbc/kbc-error.js';

/** What secrets are unsealed with. */
export interface Unsealing {
  readonly getResource: (uri: ResourceUri) => Promise<Uint8Array>;
  /** Signing key of a local name (JWK document); undefined: there is none. */
  readonly localKey: (kid: string) => Promise<Uint8Array | undefined>;
  readonly kms: KmsDrivers;
  /** For tests: signatures are not looked at. */
  readonly skipVerification: boolean;
}

/** Unseals a sealed secret. @param secret its text in UTF-8. @throws SealedSecretError */
export async function unseal(secret: Uint8Array, unsealing: Unsealing): Promise<Uint8Array> {
  return unsealPayload((await openSecret(secret, unsealing)).payload, unsealing);
}

/** The verified payload of a sealed secret. @throws SealedSecretError */
export async function openSecret(secret: Uint8Array, unsealing: Unsealing): Promise<OpenedSealedSecret> {
  const text = textOf(secret);
  if (unsealing.skipVerification) return openWithoutVerification(text);
  const unverified = decodeSealedSecret(text);
  return openSealedSecret(unverified, await signingKey(unverified.kid, unsealing));
}

/** The secret that a payload stands for. @throws SealedSecretError */
export async function unsealPayload(payload: SealedPayload, unsealing: Unsealing): Promise<Uint8Array> {
  if (payload.version !== SEALED_SECRET_VERSION)
    throw new SealedSecretError('unsupported-version', `its version is not ${SEALED_SECRET_VERSION}`);
  return payload.type === 'vault' ? fromVault(payload, unsealing) : fromEnvelope(payload, unsealing);
}

function textOf(secret: Uint8Array): string {
  try {
    return decodeUtf8(secret);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new SealedSecretError('malformed', 'it is not a text');
  }
}

/** A key id that is a KBS resource URI is fetched; any other is the name of a local file. */
async function signingKey(kid: string, { getResource, localKey }: Unsealing): Promise<Uint8Array> {
  if (!/^kbs(\+[^:]*)?:/.test(kid)) {
    const key = await localKey(kid);
    if (key === undefined) throw new SealedSecretError('key-not-found', 'its signing key is not on this machine');
    return key;
  }
  try {
    return await getResource(resourceUri(kid));
  } catch (error) {
    if (!(error instanceof KbcError)) throw error;
    throw new SealedSecretError('key-not-found', `its signing key cannot be fetched (${error.message})`, {
      cause: error,
    });
  }
}

async function fromVault(payload: VaultPayload, unsealing: Unsealing): Promise<Uint8Array> {
  const provider = payload.provider.toLowerCase();
  if (provider === 'kbs') {
    return provided(() => unsealing.getResource(resourceUri(payload.name)));
  }
  const { getSecret } = driver(unsealing.kms, provider);
  if (getSecret === undefined) throw unsupported('keeps no secrets');
  return provided(() => getSecret(payload.name, referenceOf(payload)));
}

async function fromEnvelope(payload: EnvelopePayload, { kms }: Unsealing): Promise<Uint8Array> {
  const provider = payload.provider.toLowerCase();
  // The broker is no key management service: it hands keys out, it does not decrypt with them.
  if (provider === 'kbs') throw unsupported('opens no envelopes');
  const { decrypt } = driver(kms, provider);
  if (decrypt === undefined) throw unsupported('opens no envelopes');
  const encrypted = base64(payload.encryptedKey, 'encrypted_key');
  const key = await provided(() => decrypt(encrypted, payload.keyId, referenceOf(payload)));
  try {
    return openWrapped({ wrapType: payload.wrapType, iv: payload.iv, data: payload.encryptedData }, key);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new SealedSecretError('decryption-failed', `its data do not open (${error.reason})`, { cause: error });
  }
}

function driver(kms: KmsDrivers, provider: string): KmsDriver {
  const found = Object.hasOwn(kms, provider) ? kms[provider] : undefined;
  if (found === undefined)
    throw new SealedSecretError('unsupported-provider', `there are providers kbs, ${Object.keys(kms).join(', ')}`);
  return found;
}

function referenceOf({ providerSettings, annotations }: SealedPayload) {
  return { settings: providerSettings, annotations };
}

async function provided(ask: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof SealedSecretError) throw error;
    if (!(error instanceof KbcError || error instanceof KmsError || error instanceof DecodeError)) throw error;
    throw new SealedSecretError('provider-failed', `its provider did not help (${error.message})`, { cause: error });
  }
}

function resourceUri(text: string): ResourceUri {
  try {
    // A bare name is one of a resource, and no URI.
    if (text.includes(':')) return parseResourceUri(text);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new SealedSecretError('malformed', 'it names no KBS resource URI', { cause: error });
  }
  throw new SealedSecretError('malformed', 'it names no KBS resource URI');
}

function base64(text: string, member: string): Uint8Array {
  try {
    return decodeBase64(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new SealedSecretError('malformed', `payload: ${member} is not base64`, { cause: error });
  }
}

function unsupported(what: string): SealedSecretError {
  return new SealedSecretError('unsupported-provider', `its provider ${what}`);
}
