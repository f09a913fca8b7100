import { createHash, type KeyObject, sign } from 'node:crypto';
import { join } from 'node:path';
import { DecodeError, decodeBase64, decodeUtf8, encodeBase64, encodeUtf8 } from '@assay/bytes';
import { trustAnchors } from '../anchors.js';
import { KmsError, type KmsReference } from '../driver.js';
import type { DriverOptions } from '../options.js';
import { credentialFile, credentialTexts, errorName, textAnnotation, textSetting } from '../read.js';
import { throttledAgain } from '../retry.js';
import type { KmsAnswer } from '../send.js';
import { bytesOf, decodeFields, encodeFields, type Fields } from './fields.js';
import { privateKeyOfPkcs12 } from './pkcs12.js';

const PROVIDER = 'Aliyun KMS';
const CONTENT_TYPE = 'application/x-protobuf';
/** They become parts of file and host names. */
const CLIENT_KEY_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const INSTANCE_ID = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Field numbers of package `dkms_api`. */
const DECRYPT = { request: { ciphertext: 1, keyId: 2, algorithm: 3, iv: 5 }, plaintext: 2 } as const;
const GET_SECRET = { request: { name: 1, stage: 2, id: 3, extended: 4 }, data: 3 } as const;
const ERROR_CODE = 2;

/**
 * Decrypts by a dedicated KMS instance, `client_type` `client_key`. Annotation `iv`, in base64.
 *
 * @throws KmsError
 */
export async function decryptByInstance(
  options: DriverOptions,
  ciphertext: Uint8Array,
  keyId: string,
  reference: KmsReference,
): Promise<Uint8Array> {
  const { request, plaintext } = DECRYPT;
  const body = encodeFields([
    [request.ciphertext, ciphertext],
    [request.keyId, keyId],
    [request.algorithm, 'AES_GCM'],
    [request.iv, ivOf(reference)],
  ]);
  return member(await call(options, reference, 'Decrypt', body), plaintext, 'plaintext');
}

/** A secret that a dedicated KMS instance keeps. Annotations `version_stage` and `version_id`, which may be empty. @throws KmsError */
export async function secretOfInstance(
  options: DriverOptions,
  name: string,
  reference: KmsReference,
): Promise<Uint8Array> {
  const { request, data } = GET_SECRET;
  const body = encodeFields([
    [request.name, name],
    [request.stage, textAnnotation(reference, PROVIDER, 'version_stage')],
    [request.id, textAnnotation(reference, PROVIDER, 'version_id')],
    [request.extended, true],
  ]);
  return member(await call(options, reference, 'GetSecretValue', body), data, 'secret');
}

interface ClientKey {
  readonly id: string;
  readonly key: KeyObject;
}

async function call(options: DriverOptions, reference: KmsReference, api: string, body: Uint8Array): Promise<Fields> {
  const { folder, now, send } = options;
  const clientKeyId = textSetting(reference, PROVIDER, 'client_key_id', CLIENT_KEY_ID);
  const instance = textSetting(reference, PROVIDER, 'kms_instance_id', INSTANCE_ID);
  const host = `${instance}.cryptoservice.kms.aliyuncs.com`;
  const clientKey = await clientKeyIn(folder, clientKeyId);
  const ca = await trustAnchors(join(folder, `PrivateKmsCA_${instance}.pem`), PROVIDER);
  return throttledAgain(async () => {
    const headers = signedHeaders(clientKey, api, body, now());
    return answered(await send({ host, method: 'POST', path: '/', headers, body, ca }), host);
  });
}

/** Headers of a request with the signature over them and the body (RSASSA-PKCS1-v1_5 with SHA-256). */
export function signedHeaders(
  { id, key }: ClientKey,
  api: string,
  body: Uint8Array,
  now: Date,
): Record<string, string> {
  // With three c's: so it is on the wire. In the order of their names, as they are signed.
  const ofService = {
    'x-kms-acccesskeyid': id,
    'x-kms-apiname': api,
    'x-kms-apiversion': 'dkms-gcs-0.2',
    'x-kms-signaturemethod': 'RSA_PKCS1_SHA_256',
  };
  const digest = createHash('sha256').update(body).digest('hex').toUpperCase();
  const date = now.toUTCString();
  const lines = Object.entries(ofService).map(([name, value]) => `${name}:${value}\n`);
  const text = `POST\n${digest}\n${CONTENT_TYPE}\n${date}\n${lines.join('')}/`;
  return {
    accept: CONTENT_TYPE,
    'content-type': CONTENT_TYPE,
    'content-sha256': digest,
    date,
    ...ofService,
    authorization: `Bearer ${encodeBase64(sign('sha256', encodeUtf8(text), key))}`,
  };
}

function answered({ status, body }: KmsAnswer, host: string): Fields {
  let fields: Fields;
  try {
    fields = decodeFields(body);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new KmsError(
      status === 200 ? 'answer' : 'refused',
      `${PROVIDER}: ${host} answered ${status}, not in protobuf`,
    );
  }
  if (status === 200) return fields;
  const name = errorName(textOf(bytesOf(fields, ERROR_CODE)));
  const throttled = status === 429 || status === 503 || name.startsWith('Throttling');
  throw new KmsError(throttled ? 'throttled' : 'refused', `${PROVIDER}: ${host} answered ${status} (${name})`);
}

function member(fields: Fields, number: number, what: string): Uint8Array {
  const bytes = bytesOf(fields, number);
  if (bytes.length === 0) throw new KmsError('answer', `${PROVIDER}: no ${what} in the answer`);
  return bytes;
}

/** `clientKey_<id>.json` holds a PKCS#12 file, `password_<id>.json` its password as it is. */
async function clientKeyIn(folder: string, id: string): Promise<ClientKey> {
  const file = join(folder, `clientKey_${id}.json`);
  const { KeyId, PrivateKeyData } = await credentialTexts(file, PROVIDER, ['KeyId', 'PrivateKeyData'] as const);
  if (!CLIENT_KEY_ID.test(KeyId)) throw new KmsError('settings', `${PROVIDER}: ${file}: KeyId is none`);
  const password = Buffer.from(await credentialFile(join(folder, `password_${id}.json`), PROVIDER)).toString('utf8');
  try {
    const key = privateKeyOfPkcs12(decodeBase64(PrivateKeyData), password.trimEnd());
    if (key.asymmetricKeyType === 'rsa') return { id: KeyId, key };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const why = error.format === 'PKCS#12' ? error.reason : 'PrivateKeyData is not a PKCS#12 file in base64';
    throw new KmsError('settings', `${PROVIDER}: ${file} does not open: ${why}`);
  }
  throw new KmsError('settings', `${PROVIDER}: ${file}: the key is not of RSA`);
}

function ivOf(reference: KmsReference): Uint8Array {
  try {
    return decodeBase64(textAnnotation(reference, PROVIDER, 'iv'));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new KmsError('settings', `${PROVIDER}: annotations.iv is not base64`);
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return undefined;
  }
}
