import { createHash, createHmac } from 'node:crypto';
import { encodeHex, encodeUtf8 } from '@assay/bytes';

export interface AwsCredential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

export interface SignedParts {
  readonly host: string;
  readonly region: string;
  readonly service: string;
  readonly target: string;
  readonly body: Uint8Array;
}

/** Headers of a POST to `/` with its Signature Version 4. */
export function signed(
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredential,
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

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function hmac(key: Uint8Array, text: string): Uint8Array {
  return createHmac('sha256', key).update(text).digest();
}
