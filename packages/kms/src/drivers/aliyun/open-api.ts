import { createHmac, randomBytes } from 'node:crypto';
import { encodeUtf8 } from '@assay/bytes';
import { KmsError, type KmsReference } from '../driver.js';
import type { DriverOptions } from '../options.js';
import { errorName, jsonAnswer, jsonObjectIn, textAnnotation } from '../read.js';
import { throttledAgain } from '../retry.js';
import type { KmsAnswer } from '../send.js';

const PROVIDER = 'Aliyun KMS';

/** Name of a region; it becomes part of a host name. */
export const REGION_ID = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** A key for some time, with the token that says for what. */
export interface SessionCredential {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken: string;
}

/** A secret of the shared KMS of a region. Annotations `version_stage` and `version_id`, which may be empty. @throws KmsError */
export async function secretOfRegion(
  { now, send }: DriverOptions,
  credential: SessionCredential,
  region: string,
  name: string,
  reference: KmsReference,
): Promise<Uint8Array> {
  const wanted = {
    SecretName: name,
    VersionStage: textAnnotation(reference, PROVIDER, 'version_stage'),
    VersionId: textAnnotation(reference, PROVIDER, 'version_id'),
    FetchExtendedConfig: 'true',
  };
  const host = `kms.${region}.aliyuncs.com`;
  return throttledAgain(async () => {
    const query = signedQuery('GetSecretValue', wanted, region, credential, now());
    // The query is the request: the body is empty.
    const answer = await send({ host, method: 'POST', path: `/?${query}`, headers: { accept: 'application/json' } });
    return secretIn(answer, host);
  });
}

/**
 * Query of an RPC-style request with its signature: HMAC-SHA-1 over method, path and the sorted parameters.
 *
 * @param nonce used once; default: 128 random bits
 */
export function signedQuery(
  action: string,
  wanted: Readonly<Record<string, string>>,
  region: string,
  { accessKeyId, accessKeySecret, securityToken }: SessionCredential,
  now: Date,
  nonce: string = randomBytes(16).toString('hex').toUpperCase(),
): string {
  const parameters: Readonly<Record<string, string>> = {
    ...Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== '')),
    Version: '2016-01-20',
    Action: action,
    Format: 'json',
    RegionId: region,
    Timestamp: now.toISOString().replace(/\.\d{3}Z$/, 'Z'),
    SignatureMethod: 'HMAC-SHA1',
    SignatureType: '',
    SignatureVersion: '1.0',
    SignatureNonce: nonce,
    AccessKeyId: accessKeyId,
    SecurityToken: securityToken,
  };
  const canonical = Object.keys(parameters)
    .sort()
    .map((name) => `${encoded(name)}=${encoded(parameters[name] ?? '')}`)
    .join('&');
  const text = `POST&%2F&${encoded(canonical)}`;
  const signature = createHmac('sha1', `${accessKeySecret}&`).update(text).digest('base64');
  return `${canonical}&Signature=${encoded(signature)}`;
}

/** Percent-encoding of RFC 3986: letters, digits, `-`, `_`, `.` and `~` stay. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function secretIn({ status, body }: KmsAnswer, host: string): Uint8Array {
  if (status !== 200) {
    const name = errorName(jsonObjectIn(body)?.['Code']);
    const throttled = status === 429 || status === 503 || name.startsWith('Throttling');
    throw new KmsError(throttled ? 'throttled' : 'refused', `${PROVIDER}: ${host} answered ${status} (${name})`);
  }
  const secret = jsonAnswer(body, `${PROVIDER}: ${host}`)['SecretData'];
  if (typeof secret !== 'string') throw new KmsError('answer', `${PROVIDER}: no secret in the answer`);
  return encodeUtf8(secret);
}
