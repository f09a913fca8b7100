import { createDecipheriv, createHash, createHmac, type KeyObject, verify } from 'node:crypto';
import type { VendorAnswer, VendorRequest } from '../vendor.test.helper.js';

/** Alibaba Cloud KMS as its documents describe it: signatures are made again from what came, not by the driver's code. */
export interface AliyunState {
  readonly clients: Readonly<Record<string, KeyObject>>;
  /** Keys of AES-256-GCM by their ids. */
  readonly keys: Readonly<Record<string, Buffer>>;
  /** By name and version: `name@stage@id`. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly sessions: Readonly<
    Record<string, { readonly secret: string; readonly token: string; readonly expires: Date }>
  >;
  readonly roles: Readonly<Record<string, object>>;
  readonly now: () => Date;
  readonly nonces: Set<string>;
}

const SKEW_MS = 15 * 60_000;

export function aliyunAnswers(state: AliyunState): (request: VendorRequest) => VendorAnswer {
  return (request) => {
    if (request.host === '100.100.100.200') return metadata(request, state);
    if (request.host.endsWith('.cryptoservice.kms.aliyuncs.com')) return instance(request, state);
    return openApi(request, state);
  };
}

function metadata({ method, path }: VendorRequest, { roles }: AliyunState): VendorAnswer {
  const name = path.replace('/latest/meta-data/ram/security-credentials/', '');
  const role = method === 'GET' ? roles[name] : undefined;
  return role === undefined ? { status: 404, body: 'no such role' } : { status: 200, body: JSON.stringify(role) };
}

function instance({ method, path, headers, body }: VendorRequest, state: AliyunState): VendorAnswer {
  const client = state.clients[headers['x-kms-acccesskeyid'] ?? ''];
  const digest = createHash('sha256').update(body).digest('hex').toUpperCase();
  const { date = '', authorization = '' } = headers;
  if (method !== 'POST' || path !== '/' || client === undefined || headers['content-sha256'] !== digest)
    return error(400, 'MissingParameter');
  if (Math.abs(Date.parse(date) - state.now().getTime()) > SKEW_MS) return error(400, 'RequestExpired');
  const signedHeaders = Object.keys(headers)
    .filter((name) => name.startsWith('x-kms-'))
    .sort()
    .map((name) => `${name}:${headers[name]}\n`)
    .join('');
  const text = `POST\n${digest}\n${headers['content-type']}\n${date}\n${signedHeaders}/`;
  const signature = Buffer.from(authorization.replace(/^Bearer /, ''), 'base64');
  if (!verify('sha256', Buffer.from(text), client, signature)) return error(403, 'SignatureDoesNotMatch');
  const fields = read(body);
  return headers['x-kms-apiname'] === 'Decrypt' ? decrypted(fields, state) : secretOf(fields, state);
}

function decrypted(fields: ReadonlyMap<number, Buffer>, { keys }: AliyunState): VendorAnswer {
  const key = keys[fields.get(2)?.toString() ?? ''];
  if (key === undefined) return error(404, 'Forbidden.KeyNotFound');
  const blob = fields.get(1) ?? Buffer.alloc(0);
  try {
    if (fields.get(3)?.toString() !== 'AES_GCM') throw new Error('algorithm');
    const cipher = createDecipheriv('aes-256-gcm', key, fields.get(5) ?? Buffer.alloc(0));
    cipher.setAuthTag(blob.subarray(-16));
    const plaintext = Buffer.concat([cipher.update(blob.subarray(0, -16)), cipher.final()]);
    return {
      status: 200,
      body: write([
        [1, 'key'],
        [2, plaintext],
        [3, 'request'],
        [4, 'AES_GCM'],
      ]),
    };
  } catch {
    return error(400, 'InvalidParameter');
  }
}

function secretOf(fields: ReadonlyMap<number, Buffer>, { secrets }: AliyunState): VendorAnswer {
  const name = [1, 2, 3].map((number) => fields.get(number)?.toString() ?? '').join('@');
  const secret = secrets[name];
  if (secret === undefined || fields.get(4)?.[0] !== 1) return error(404, 'Forbidden.ResourceNotFound');
  return {
    status: 200,
    body: write([
      [1, name],
      [2, 'Generic'],
      [3, secret],
      [4, 'text'],
      [5, 'ACSCurrent'],
    ]),
  };
}

function openApi({ method, path, body }: VendorRequest, state: AliyunState): VendorAnswer {
  const { searchParams } = new URL(path, 'https://kms');
  const parameter = (name: string): string => searchParams.get(name) ?? '';
  const session = state.sessions[parameter('AccessKeyId')];
  if (method !== 'POST' || body.length > 0 || parameter('Version') !== '2016-01-20' || session === undefined)
    return refusal(404, 'InvalidAccessKeyId.NotFound');
  if (Math.abs(Date.parse(parameter('Timestamp')) - state.now().getTime()) > SKEW_MS)
    return refusal(400, 'InvalidTimeStamp.Expired');
  const nonce = parameter('SignatureNonce');
  if (nonce === '' || state.nonces.has(nonce)) return refusal(400, 'SignatureNonceUsed');
  state.nonces.add(nonce);
  const canonical = [...searchParams]
    .filter(([name]) => name !== 'Signature')
    .map(([name, value]) => `${percent(name)}=${percent(value)}`)
    .sort()
    .join('&');
  const signature = createHmac('sha1', `${session.secret}&`)
    .update(`POST&%2F&${percent(canonical)}`)
    .digest('base64');
  if (signature !== parameter('Signature')) return refusal(400, 'SignatureDoesNotMatch');
  if (parameter('SecurityToken') !== session.token) return refusal(400, 'InvalidSecurityToken.Malformed');
  if (session.expires <= state.now()) return refusal(400, 'InvalidSecurityToken.Expired');
  const name = ['SecretName', 'VersionStage', 'VersionId'].map(parameter).join('@');
  const secret = state.secrets[name];
  if (secret === undefined || parameter('Action') !== 'GetSecretValue')
    return refusal(404, 'Forbidden.ResourceNotFound');
  return { status: 200, body: JSON.stringify({ SecretName: name, SecretData: secret, SecretDataType: 'text' }) };
}

function refusal(status: number, code: string): VendorAnswer {
  return { status, body: JSON.stringify({ HttpStatus: status, Code: code, Message: 'secret detail', RequestId: 'r' }) };
}

export function error(status: number, code: string): VendorAnswer {
  return {
    status,
    body: write([
      [2, code],
      [3, 'secret detail'],
      [4, 'r'],
    ]),
  };
}

function percent(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      /[A-Za-z0-9_.~-]/.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}

/** Fields of a message whose lengths and numbers are below 2^14. */
function read(message: Buffer): ReadonlyMap<number, Buffer> {
  const fields = new Map<number, Buffer>();
  let at = 0;
  const number = (): number => {
    const first = message[at++] ?? 0;
    return first < 0x80 ? first : (first & 0x7f) | ((message[at++] ?? 0) << 7);
  };
  while (at < message.length) {
    const tag = number();
    if ((tag & 7) === 0) {
      fields.set(tag >> 3, Buffer.of(number()));
      continue;
    }
    const length = number();
    fields.set(tag >> 3, message.subarray(at, at + length));
    at += length;
  }
  return fields;
}

export function write(fields: readonly (readonly [number, string | Buffer])[]): Buffer {
  return Buffer.concat(
    fields.map(([number, value]) => {
      const bytes = Buffer.from(value as string);
      return Buffer.concat([Buffer.of((number << 3) | 2, (bytes.length & 0x7f) | 0x80, bytes.length >> 7), bytes]);
    }),
  );
}
