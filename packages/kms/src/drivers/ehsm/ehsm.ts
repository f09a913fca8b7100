import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DecodeError, decodeBase64, decodeUtf8, encodeUtf8, isJsonObject, type JsonObject } from '@assay/bytes';
import { trustAnchors } from '../anchors.js';
import { type KmsDriver, KmsError } from '../driver.js';
import type { DriverOptions } from '../options.js';
import { credentialTexts, jsonAnswer, textSetting } from '../read.js';
import { throttledAgain } from '../retry.js';

export interface EhsmOptions extends DriverOptions {
  /** Random decimal digits of a request. Default: 64 bits. */
  readonly nonce?: () => string;
}

/** A UUID in practice; it becomes part of a file's name. */
const APP_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const ENDPOINT = /^https:\/\/[A-Za-z0-9.:[\]-]{1,255}\/?$/;

/**
 * Intel eHSM-KMS, which decrypts keys within an SGX enclave. Settings `{"app_id", "endpoint"}`; file `credential_<app_id>.json` (also
 * `credential.<app_id>.json`, as documented upstream) = `{"AppId", "ApiKey"}`. Where `ca_<app_id>.pem` lies beside it, the server's
 * certificate is judged by that alone; upstream's client judges none.
 */
export function ehsmDriver(options: EhsmOptions): KmsDriver {
  return {
    decrypt: async (ciphertext, keyId, reference) => {
      const appId = textSetting(reference, 'eHSM', 'app_id', APP_ID);
      const endpoint = new URL(textSetting(reference, 'eHSM', 'endpoint', ENDPOINT));
      const payload = { ciphertext: ciphertextOf(ciphertext), keyid: keyIdOf(keyId) };
      const apiKey = await apiKeyOf(options.folder, appId);
      const ca = await caOf(options.folder, appId);
      return throttledAgain(async () => {
        const body = encodeUtf8(JSON.stringify(signedRequest(appId, apiKey, payload, options)));
        const answer = await options.send({
          host: endpoint.host,
          method: 'POST',
          path: '/ehsm?Action=Decrypt',
          headers: { 'content-type': 'application/json' },
          body,
          ...(ca === undefined ? {} : { ca }),
        });
        return plaintextOf(answer, endpoint.host);
      });
    },
  };
}

/** A request with its signature: base64 of HMAC-SHA-256 over its members, sorted, as `name=value&…`. */
export function signedRequest(
  appid: string,
  apiKey: string,
  payload: Readonly<Record<string, string>>,
  { now, nonce = randomNonce }: Pick<EhsmOptions, 'now' | 'nonce'>,
): JsonObject {
  const request = { appid, nonce: nonce(), payload, timestamp: String(now().getTime()) };
  const text = sorted({ ...request, payload: sorted(payload) });
  return { ...request, sign: createHmac('sha256', apiKey).update(text).digest('base64') };
}

/** As the service builds it: members without a value are left out. */
function sorted(members: Readonly<Record<string, string>>): string {
  return Object.keys(members)
    .sort()
    .filter((name) => members[name] !== '')
    .map((name) => `${name}=${members[name]}`)
    .join('&');
}

function randomNonce(): string {
  return randomBytes(8).readBigUInt64BE().toString();
}

function plaintextOf(
  { status, body }: { readonly status: number; readonly body: Uint8Array },
  host: string,
): Uint8Array {
  if (status === 429 || status === 503) throw new KmsError('throttled', `eHSM: ${host} answered ${status}`);
  if (status !== 200) throw new KmsError('refused', `eHSM: ${host} answered ${status}`);
  const { code, message, result } = jsonAnswer(body, `eHSM: ${host}`);
  // Refusals come with status 200 and a code of their own.
  if (code !== 200)
    throw new KmsError('refused', `eHSM: ${host} answered code ${numberOf(code)} (${reasonIn(message)})`);
  const plaintext = isJsonObject(result) ? result['plaintext'] : undefined;
  try {
    if (typeof plaintext === 'string') return decodeBase64(plaintext);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  throw new KmsError('answer', `eHSM: ${host}: no plaintext in the answer`);
}

/** Its words are short and fixed (`sign error`); anything else is not repeated. */
function reasonIn(message: unknown): string {
  return typeof message === 'string' && /^[\w '.,-]{1,80}$/.test(message) ? message : 'no reason given';
}

function numberOf(code: unknown): string {
  return typeof code === 'number' ? String(code) : 'unknown';
}

async function apiKeyOf(folder: string, appId: string): Promise<string> {
  const names = ['AppId', 'ApiKey'] as const;
  const file = (separator: string): string => join(folder, `credential${separator}${appId}.json`);
  const found = await credentialTexts(file('_'), 'eHSM', names).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    return credentialTexts(file('.'), 'eHSM', names).catch((other: unknown) => {
      throw isMissing(other) ? error : other;
    });
  });
  if (found.AppId !== appId) throw new KmsError('settings', `eHSM: the credential of ${appId} is of another AppId`);
  return found.ApiKey;
}

async function caOf(folder: string, appId: string): Promise<readonly string[] | undefined> {
  try {
    return await trustAnchors(join(folder, `ca_${appId}.pem`), 'eHSM');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof KmsError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

/** What was encrypted is a text of base64. */
function ciphertextOf(bytes: Uint8Array): string {
  try {
    const text = decodeUtf8(bytes);
    decodeBase64(text);
    if (text !== '') return text;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  throw new KmsError('settings', 'eHSM: the encrypted key is not a text of base64');
}

function keyIdOf(keyId: string): string {
  // In the signed text a `&` would begin another member.
  if (!/^[\w.:/-]{1,256}$/.test(keyId)) throw new KmsError('settings', 'eHSM: the key’s id is none');
  return keyId;
}
