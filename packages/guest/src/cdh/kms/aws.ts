import { createHash, createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  decodeBase64,
  encodeBase64,
  encodeHex,
  encodeUtf8,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonStrict,
} from '@assay/bytes';
import { httpTransport } from '../../kbc/http-transport.js';
import { type KmsDriver, KmsError, type KmsReference } from './kms-driver.js';

export interface AwsOptions {
  /** Folder of `credential.json`. */
  readonly folder: string;
  readonly now: () => Date;
  /** Reaches a service's host; default: over HTTPS. */
  readonly send?: (host: string, headers: Readonly<Record<string, string>>, body: Uint8Array) => Promise<AwsAnswer>;
}

export interface AwsAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

/** AWS: Key Management Service decrypts, Secrets Manager keeps secrets. Settings: `{"region"}`. */
export function awsDriver(options: AwsOptions): KmsDriver {
  return {
    decrypt: async (ciphertext, keyId, reference) => {
      const context = reference.annotations['encryption_context'];
      const answer = await call(options, reference, 'kms', 'TrentService.Decrypt', {
        CiphertextBlob: encodeBase64(ciphertext),
        KeyId: keyId,
        ...(isJsonObject(context) ? { EncryptionContext: context } : {}),
      });
      if (typeof answer['Plaintext'] !== 'string') throw new KmsError('AWS KMS: no plaintext in the answer');
      return decodeBase64(answer['Plaintext']);
    },
    getSecret: async (name, reference) => {
      const { version_id: id, version_stage: stage } = reference.annotations;
      const answer = await call(options, reference, 'secretsmanager', 'secretsmanager.GetSecretValue', {
        SecretId: name,
        ...(typeof id === 'string' ? { VersionId: id } : {}),
        ...(typeof stage === 'string' ? { VersionStage: stage } : {}),
      });
      if (typeof answer['SecretString'] === 'string') return encodeUtf8(answer['SecretString']);
      if (typeof answer['SecretBinary'] === 'string') return decodeBase64(answer['SecretBinary']);
      throw new KmsError('AWS Secrets Manager: no secret in the answer');
    },
  };
}

async function call(
  options: AwsOptions,
  { settings }: KmsReference,
  service: string,
  target: string,
  request: JsonObject,
): Promise<JsonObject> {
  const region = settings['region'];
  // It becomes part of a host name.
  if (typeof region !== 'string' || !/^[a-z0-9-]{1,32}$/.test(region))
    throw new KmsError('AWS: provider_settings.region must be the name of a region');
  const host = `${service}.${region}.amazonaws.com`;
  const body = encodeUtf8(JSON.stringify(request));
  const headers = signed(await credentialIn(options.folder), { host, region, service, target, body }, options.now());
  const answer = await (options.send ?? overHttps)(host, headers, body);
  if (answer.status !== 200) throw new KmsError(`${host} answered ${answer.status} (${errorName(answer.body)})`);
  const value = parseJsonStrict(answer.body);
  if (!isJsonObject(value)) throw new KmsError(`${host}: the answer is not a JSON object`);
  return value;
}

async function credentialIn(folder: string): Promise<Credential> {
  const file = join(folder, 'credential.json');
  let value: JsonValue;
  try {
    value = parseJsonStrict(await readFile(file));
  } catch {
    // The parser's error is left out: this file is a secret.
    throw new KmsError(`AWS: ${file} is not there or not JSON; deliver it with [[credentials]]`);
  }
  const { access_key_id: id, secret_access_key: key, session_token: session } = isJsonObject(value) ? value : {};
  if (typeof id !== 'string' || typeof key !== 'string')
    throw new KmsError(`AWS: ${file} must have access_key_id and secret_access_key`);
  return { accessKeyId: id, secretAccessKey: key, sessionToken: typeof session === 'string' ? session : undefined };
}

interface SignedParts {
  readonly host: string;
  readonly region: string;
  readonly service: string;
  readonly target: string;
  readonly body: Uint8Array;
}

/** Signature Version 4 of a POST to `/`. */
export function signed(
  { accessKeyId, secretAccessKey, sessionToken }: Credential,
  { host, region, service, target, body }: SignedParts,
  now: Date,
): Record<string, string> {
  const time = now.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const headers: Record<string, string> = {
    'content-type': 'application/x-amz-json-1.1',
    host,
    'x-amz-date': time,
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
    'x-amz-target': target,
  };
  const names = Object.keys(headers).sort();
  const list = names.join(';');
  const canonical = ['POST', '/', '', ...names.map((name) => `${name}:${headers[name]}`), '', list, sha256(body)];
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(encodeUtf8(canonical.join('\n')))].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<Uint8Array>(hmac, encodeUtf8(`AWS4${secretAccessKey}`));
  const credential = `Credential=${accessKeyId}/${scope}`;
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${list}, Signature=${encodeHex(hmac(key, text))}`,
  };
}

async function overHttps(
  host: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
): Promise<AwsAnswer> {
  return httpTransport({ url: `https://${host}` })({ method: 'POST', path: '/', headers, body });
}

/** `__type` of an AWS error: its name, which is no secret. */
function errorName(body: Uint8Array): string {
  try {
    const value = parseJsonStrict(body);
    const type = isJsonObject(value) ? value['__type'] : undefined;
    return typeof type === 'string' && /^[\w.#:/]{1,128}$/.test(type) ? type : 'no reason given';
  } catch {
    return 'no reason given';
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function hmac(key: Uint8Array, text: string): Uint8Array {
  return createHmac('sha256', key).update(text).digest();
}
