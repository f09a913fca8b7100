/** Who a client is at a registry: the `auths` of a docker `config.json`, looked up most specific first. */
import { DecodeError, decodeBase64, decodeUtf8, isJsonObject, type JsonObject, parseJsonStrict } from '@assay/bytes';
import { type AssayError, assayError } from '@assay/bytes/findings';
import { type ImageReference, repositoryOf } from '../model/reference.js';

export interface Credential {
  readonly username: string;
  readonly password: string;
}

/** By the key of `auths`. */
export type Credentials = ReadonlyMap<string, Credential>;

const LARGEST_FILE = 4 * 1024 * 1024;

/** @throws AssayError `image.registry.config`, whose text holds nothing of a credential */
export function readCredentials(bytes: Uint8Array, file: string): Credentials {
  const auths = authsOf(bytes, file);
  const entries = Object.entries(auths).flatMap(([key, entry]): [string, Credential][] => {
    const auth = entry !== undefined && isJsonObject(entry) ? entry['auth'] : undefined;
    // Helpers and identity tokens leave an entry without `auth`: it says nothing here.
    if (auth === undefined || auth === '') return [];
    const text = typeof auth === 'string' ? plainText(auth) : undefined;
    const colon = text?.indexOf(':') ?? -1;
    if (text === undefined || colon < 0)
      throw malformed(file, `\`auth\` of ${key.slice(0, 60)} is no base64 of USER:PASSWORD`);
    return [[key, { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/[\r\n]+$/, '') }]];
  });
  return new Map(entries);
}

/** Credential for an image: repository, its parents, the registry, then the registry under its other names. */
export function credentialFor(credentials: Credentials, image: ImageReference): Credential | undefined {
  const parts = repositoryOf(image).split('/');
  for (let length = parts.length; length > 0; length -= 1) {
    const found = credentials.get(parts.slice(0, length).join('/'));
    if (found !== undefined) return found;
  }
  const wanted = normalised(image.registry);
  for (const [key, credential] of credentials) {
    // A key with a path and no scheme is for that repository, not for the registry.
    if ((key.includes('://') || !key.includes('/')) && normalised(key) === wanted) return credential;
  }
  return undefined;
}

/** Host of a key that may be a URL, with one name for Docker Hub. */
function normalised(key: string): string {
  const host = key.replace(/^https?:\/\//, '').split('/', 1)[0] ?? '';
  return host === 'docker.io' || host === 'registry-1.docker.io' ? 'index.docker.io' : host;
}

function authsOf(bytes: Uint8Array, file: string): JsonObject {
  try {
    const value = parseJsonStrict(decodeUtf8(bytes), { maxBytes: LARGEST_FILE });
    if (isJsonObject(value)) {
      const auths = value['auths'] ?? {};
      if (isJsonObject(auths)) return auths;
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  throw malformed(file, 'it is no JSON object with `auths`');
}

function plainText(base64: string): string | undefined {
  try {
    return decodeUtf8(decodeBase64(base64));
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function malformed(file: string, what: string): AssayError {
  return assayError('image.registry.config', { params: { file, what }, subject: file });
}
