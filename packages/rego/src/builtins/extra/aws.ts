/** `providers.aws.sign_req`: AWS Signature Version 4 over a request object of `http.send`. */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import {
  type AnyObject,
  compareStrings,
  isNumber,
  isObject,
  ObjectBuilder,
  objectEntries,
  objectGet,
  objectHas,
  print,
  RegoSet,
  toBigInt,
  toJsonText,
  typeName,
  utf8Encode,
  type Value,
} from '../../value/index.js';
import { checkHttpRequest } from '../net/http-request.js';
import { numberOperand, objectOperand } from '../operands.js';
import { type Builtin, type BuiltinContext, failure, operandError, T, typeFailure } from '../types.js';

const REQUIRED = ['aws_access_key', 'aws_region', 'aws_secret_access_key', 'aws_service'];
/** Headers that proxies may change on the way. */
const UNSIGNED: ReadonlySet<string> = new Set(['authorization', 'user-agent', 'x-amzn-trace-id']);
const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';

interface Config {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  readonly service: string;
  readonly sessionToken: string;
  readonly signPayload: boolean;
}

function textOf(object: AnyObject, key: string): string {
  const value = objectGet(object, key);
  return typeof value === 'string' ? value : '';
}

function readConfig(config: AnyObject): Config {
  const missing = REQUIRED.filter((key) => !objectHas(config, key));
  if (missing.length > 0) {
    throw typeFailure(`operand 2 missing required AWS config parameters(s): ${print(RegoSet.of(missing))}`);
  }
  const invalid = REQUIRED.filter((key) => typeof objectGet(config, key) !== 'string');
  if (invalid.length > 0) {
    throw typeFailure(`operand 2 invalid values for required AWS config parameters(s): ${print(RegoSet.of(invalid))}`);
  }
  const disable = objectGet(config, 'disable_payload_signing') ?? false;
  if (typeof disable !== 'boolean')
    throw typeFailure("operand 2 invalid value for 'disable_payload_signing' in AWS config");
  return {
    accessKey: textOf(config, 'aws_access_key'),
    secretKey: textOf(config, 'aws_secret_access_key'),
    region: textOf(config, 'aws_region'),
    service: textOf(config, 'aws_service'),
    sessionToken: textOf(config, 'aws_session_token'),
    signPayload: !disable,
  };
}

function signRequest(args: readonly Value[], ctx: BuiltinContext): Value {
  const request = objectOperand(args, 1);
  const configObject = objectOperand(args, 2);
  // The type of `disable_payload_signing` is judged last, as upstream does; the keys first.
  const nanoseconds = isNumber(numberOperand(args, 3)) ? toBigInt(numberOperand(args, 3)) : undefined;
  const config = readConfig(configObject);
  if (
    nanoseconds === undefined ||
    BigInt.asIntN(64, nanoseconds) !== nanoseconds ||
    !isPlainInteger(args[2] as Value)
  ) {
    throw typeFailure('operand 3 could not convert time_ns value into a unix timestamp');
  }
  checkHttpRequest(request, 1);
  const wrong = ['method', 'url'].filter((key) => typeof objectGet(request, key) !== 'string');
  if (wrong.length > 0) {
    throw typeFailure(`operand 1 invalid values for required request parameters(s): ${print(RegoSet.of(wrong))}`);
  }
  const headers = objectGet(request, 'headers') ?? {};
  if (!isObject(headers)) throw operandError(1, 'object', typeName(headers));
  const body = bodyOf(request);
  ctx.budget.step(64 + (body.length >> 4));
  const signed = signV4(request, headers, body, config, nanoseconds);
  return ObjectBuilder.from(request).set('headers', signed).build();
}

/** The time has to be written as an integer: `-1e9` is refused. */
function isPlainInteger(value: Value): boolean {
  return isNumber(value) && /^-?[0-9]+$/.test(print(value));
}

function bodyOf(request: AnyObject): Uint8Array {
  const raw = objectGet(request, 'raw_body');
  if (raw !== undefined) return utf8Encode(typeof raw === 'string' ? raw : '');
  const body = objectGet(request, 'body');
  return body === undefined ? new Uint8Array(0) : utf8Encode(toJsonText(body, { goEscapes: true }));
}

function signV4(
  request: AnyObject,
  headers: AnyObject,
  body: Uint8Array,
  config: Config,
  nanoseconds: bigint,
): AnyObject {
  const url = splitUrl(textOf(request, 'url'));
  const seconds = nanoseconds >= 0n ? nanoseconds / 1_000_000_000n : -((-nanoseconds + 999_999_999n) / 1_000_000_000n);
  const time = new Date(Number(seconds) * 1000).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const hash = config.signPayload ? bytesToHex(sha256(body)) : UNSIGNED_PAYLOAD;
  const own = new Map([
    ['host', url.host],
    ['x-amz-date', time],
  ]);
  // These two services want the hash as a header as well; an unsigned payload has to be announced to any.
  if (config.service === 's3' || config.service === 'glacier' || !config.signPayload)
    own.set('x-amz-content-sha256', hash);
  if (config.sessionToken !== '') own.set('x-amz-security-token', config.sessionToken);

  const toSign = new Map(own);
  for (const { key, value } of objectEntries(headers)) {
    const name = typeof key === 'string' ? key.toLowerCase() : '';
    if (!UNSIGNED.has(name)) toSign.set(name, typeof value === 'string' ? value : '');
  }
  const names = [...toSign.keys()].sort(compareStrings);
  const list = names.join(';');
  const canonical = [
    textOf(request, 'method'),
    url.path,
    url.query,
    ...names.map((name) => `${name}:${toSign.get(name)}`),
    '',
    list,
    hash,
  ].join('\n');
  const scope = `${day}/${config.region}/${config.service}/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${bytesToHex(sha256(utf8Encode(canonical)))}`;
  let key = hmac(sha256, utf8Encode(`AWS4${config.secretKey}`), utf8Encode(day));
  for (const part of [config.region, config.service, 'aws4_request']) key = hmac(sha256, key, utf8Encode(part));
  const signature = bytesToHex(hmac(sha256, key, utf8Encode(text)));

  const out = new ObjectBuilder();
  for (const { key: name, value } of objectEntries(headers)) {
    out.set(typeof name === 'string' ? name : '', typeof value === 'string' ? value : '');
  }
  out.set(
    'Authorization',
    `AWS4-HMAC-SHA256 Credential=${config.accessKey}/${scope},SignedHeaders=${list},Signature=${signature}`,
  );
  for (const [name, value] of own) out.set(name, value);
  return out.build();
}

/** Host, escaped path and raw query as they stand in the URL; nothing is normalised, for the server signs the same text. */
function splitUrl(text: string): { readonly host: string; readonly path: string; readonly query: string } {
  const match = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?$/s.exec(text);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters have no place in a URL
  if (match === null || /[\u0000-\u0020\u007f]/.test(text)) throw failure(`parse ${JSON.stringify(text)}: invalid URL`);
  const host = (match[1] as string).replace(/^.*@/, '');
  return { host, path: encodeURI(match[2] as string).replaceAll('%25', '%'), query: match[3] ?? '' };
}

export const awsBuiltins: readonly Builtin[] = [
  {
    name: 'providers.aws.sign_req',
    args: [T.object(T.string), T.object(T.string), T.number],
    result: T.object(),
    impl: signRequest,
  },
];
