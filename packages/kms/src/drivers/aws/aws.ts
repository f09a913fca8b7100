import { join } from 'node:path';
import { DecodeError, decodeBase64, encodeBase64, encodeUtf8, isJsonObject, type JsonObject } from '@assay/bytes';
import { type KmsDriver, KmsError, type KmsReference } from '../driver.js';
import type { DriverOptions } from '../options.js';
import { credentialFile, errorName, jsonAnswer, jsonObjectIn, textSetting, textsOf } from '../read.js';
import { throttledAgain } from '../retry.js';
import { type AwsCredential, signed } from './signature.js';

/**
 * AWS: Key Management Service decrypts, Secrets Manager keeps secrets. Settings `{"region"}`; file `credential.json` =
 * `{"access_key_id", "secret_access_key", "session_token"?}`; annotations `encryption_context`, `version_id`, `version_stage`, all by choice.
 */
export function awsDriver(options: DriverOptions): KmsDriver {
  return {
    decrypt: async (ciphertext, keyId, reference) => {
      const context = reference.annotations['encryption_context'];
      if (context !== undefined && !isJsonObject(context))
        throw new KmsError('settings', 'AWS: annotations.encryption_context must be an object');
      const answer = await call(options, reference, 'kms', 'TrentService.Decrypt', {
        CiphertextBlob: encodeBase64(ciphertext),
        KeyId: keyId,
        ...(context === undefined ? {} : { EncryptionContext: context }),
      });
      return bytesOf(answer['Plaintext'], 'AWS KMS: no plaintext in the answer');
    },
    getSecret: async (name, reference) => {
      const { version_id: id, version_stage: stage } = reference.annotations;
      const answer = await call(options, reference, 'secretsmanager', 'secretsmanager.GetSecretValue', {
        SecretId: name,
        ...(typeof id === 'string' ? { VersionId: id } : {}),
        ...(typeof stage === 'string' ? { VersionStage: stage } : {}),
      });
      if (typeof answer['SecretString'] === 'string') return encodeUtf8(answer['SecretString']);
      return bytesOf(answer['SecretBinary'], 'AWS Secrets Manager: no secret in the answer');
    },
  };
}

async function call(
  { folder, now, send }: DriverOptions,
  reference: KmsReference,
  service: string,
  target: string,
  request: JsonObject,
): Promise<JsonObject> {
  // It becomes part of a host name.
  const region = textSetting(reference, 'AWS', 'region', /^[a-z0-9-]{1,32}$/);
  const host = `${service}.${region}.${region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'}`;
  const body = encodeUtf8(JSON.stringify(request));
  const credential = await credentialIn(folder);
  return throttledAgain(async () => {
    const headers = signed(credential, { host, region, service, target, body }, now());
    const answer = await send({ host, method: 'POST', path: '/', headers, body });
    if (answer.status === 200) return jsonAnswer(answer.body, host);
    const name = nameIn(answer.body);
    const throttled = answer.status === 429 || answer.status === 503 || /Throttling|TooManyRequests/.test(name);
    throw new KmsError(throttled ? 'throttled' : 'refused', `${host} answered ${answer.status} (${name})`);
  });
}

async function credentialIn(folder: string): Promise<AwsCredential> {
  const file = join(folder, 'credential.json');
  const value = jsonObjectIn(await credentialFile(file, 'AWS'));
  const texts = value === undefined ? undefined : textsOf(value, ['access_key_id', 'secret_access_key']);
  const session = value?.['session_token'] ?? undefined;
  if (texts === undefined || (session !== undefined && typeof session !== 'string'))
    throw new KmsError('settings', `AWS: ${file} must have access_key_id and secret_access_key, as texts`);
  return { accessKeyId: texts.access_key_id, secretAccessKey: texts.secret_access_key, sessionToken: session };
}

function bytesOf(text: unknown, otherwise: string): Uint8Array {
  try {
    if (typeof text === 'string') return decodeBase64(text);
  } catch (error) {
    // It could quote the secret.
    if (!(error instanceof DecodeError)) throw error;
  }
  throw new KmsError('answer', otherwise);
}

/** `__type` of an AWS error: its name, which is no secret. */
function nameIn(body: Uint8Array): string {
  return errorName(jsonObjectIn(body)?.['__type']);
}
