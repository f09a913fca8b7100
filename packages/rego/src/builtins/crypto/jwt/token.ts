/** JSON Web Tokens in JWS compact form: splitting and decoding, without any key. */
import {
  type AnyObject,
  isArray,
  isObject,
  JsonSyntaxError,
  objectEntries,
  objectGet,
  parseJson,
  utf8Decode,
} from '../../../value/index.js';
import { failure } from '../../types.js';
import { Base64Error, decodeBase64Url } from '../base64.js';

/** The three sections as they stand in the token, and the header decoded. */
export interface Token {
  readonly encodedHeader: string;
  readonly encodedPayload: string;
  readonly encodedSignature: string;
  readonly header: AnyObject;
}

/** Nested tokens beyond this depth are refused; each level grows the text by a third, so real ones are shallow. */
export const MAX_NESTED_TOKENS = 16;

/** Splits a token. Throws a built-in error with OPA's wording. */
export function splitToken(text: string): [header: string, payload: string, signature: string] {
  if (!text.includes('.')) throw failure('encoded JWT had no period separators');
  const parts = text.split('.');
  if (parts.length !== 3) throw failure(`encoded JWT must have 3 sections, found ${parts.length}`);
  return parts as [string, string, string];
}

export function parseToken(text: string): Token {
  const [encodedHeader, encodedPayload, encodedSignature] = splitToken(text);
  const json = utf8Decode(section(encodedHeader, 'JWT header had invalid encoding: '));
  const header = jsonObject(json, 'bad JWT header: ');
  if (objectGet(header, 'enc') !== undefined) throw failure('JWT is a JWE object, which is not supported');
  return { encodedHeader, encodedPayload, encodedSignature, header };
}

export function decodeSignature(token: Pick<Token, 'encodedSignature'>, prefix = ''): Uint8Array {
  return section(token.encodedSignature, prefix);
}

export function decodePayload(token: Token): string {
  return utf8Decode(section(token.encodedPayload, 'JWT payload had invalid encoding: '));
}

function section(text: string, prefix: string): Uint8Array {
  try {
    return decodeBase64Url(text);
  } catch (error) {
    if (error instanceof Base64Error) throw failure(prefix + error.message);
    throw error;
  }
}

export function jsonObject(text: string, prefix = ''): AnyObject {
  let value: ReturnType<typeof parseJson>;
  try {
    value = parseJson(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw failure(`${prefix}invalid JSON: ${error.message}`);
    throw error;
  }
  if (!isObject(value)) throw failure(`${prefix}decoded JSON type was not an Object`);
  return value;
}

/** The header parameters that verification looks at. */
export interface HeaderFields {
  readonly alg: string;
  readonly kid: string;
  readonly cty: string;
  /** False when `alg` is missing or a critical parameter is not understood (RFC 7515 sections 4.1.1 and 4.1.11). */
  readonly valid: boolean;
}

export function headerFields(header: AnyObject): HeaderFields {
  const text = { alg: '', kid: '', typ: '', cty: '' };
  const unknown: string[] = [];
  let critical: ReadonlySet<string> = new Set();
  for (const { key, value } of objectEntries(header)) {
    if (key === 'alg' || key === 'kid' || key === 'typ' || key === 'cty') {
      if (typeof value !== 'string') throw failure(`${key}: must be a string`);
      text[key] = value;
    } else if (key === 'crit') {
      if (!isArray(value)) throw failure('crit: must be a list');
      if (value.length === 0) throw failure('crit: must be a nonempty list');
      if (!value.every((item) => typeof item === 'string')) throw failure('crit: must be a list of strings');
      critical = new Set(value as readonly string[]);
    } else {
      unknown.push(key as string);
    }
  }
  return {
    alg: text.alg,
    kid: text.kid,
    cty: text.cty,
    valid: text.alg !== '' && !unknown.some((name) => critical.has(name)),
  };
}
